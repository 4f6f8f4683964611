//! The calls on real files. Under wine, which keeps lists as Unix modes, there are fewer entries than were set.

#![cfg(windows)]

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use secretary_acl::{
    Ace, Kind, Sid, create_owner_only, current_user, dacl, set_for_agent, set_owner_only,
    sid_of_account,
};

fn everyone() -> Sid {
    "S-1-1-0".parse().expect("a SID")
}

/// Whom the list of the file at `path` allows something.
fn allowed(path: &Path) -> Vec<Sid> {
    let list = dacl(path).expect("read").expect("there is one");
    assert!(list.iter().all(|ace| ace.kind == Kind::Allow), "{list:?}");
    list.into_iter().map(|ace| ace.sid).collect()
}

fn is_owner_only(path: &Path) -> bool {
    let (me, system) = (current_user().expect("a user"), Sid::local_system());
    let allowed = allowed(path);
    allowed.contains(&me) && allowed.iter().all(|sid| *sid == me || *sid == system)
}

#[test]
fn a_plain_file_is_open_to_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plain");
    fs::write(&path, "text").expect("written");
    assert!(allowed(&path).contains(&everyone()), "the other tests rely on it");
    assert!(!is_owner_only(&path));
}

#[test]
fn a_file_is_its_owners_from_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ключ");
    let mut file = create_owner_only(&path).expect("made");
    assert!(is_owner_only(&path), "{:?}", dacl(&path));
    file.write_all(b"text").expect("written");
    assert_eq!(create_owner_only(&path).expect_err("it is there").kind(), ErrorKind::AlreadyExists);
    let renamed = folder.path().join("renamed");
    fs::rename(&path, &renamed).expect("renamed while it is open");
    drop(file);
    assert!(is_owner_only(&renamed));
    assert_eq!(fs::read(&renamed).expect("read"), b"text");
}

#[test]
fn a_file_becomes_its_owners() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    fs::write(&path, "text").expect("written");
    set_owner_only(&path).expect("set");
    assert!(is_owner_only(&path), "{:?}", dacl(&path));
}

#[test]
fn an_agents_executable_is_nobody_elses() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("backend.exe");
    fs::write(&path, "MZ").expect("written");
    let agent = current_user().expect("a user");
    set_for_agent(&path, &agent).expect("set");
    let ours = [agent.clone(), Sid::local_system(), Sid::administrators()];
    let list = allowed(&path);
    assert!(list.contains(&agent), "{list:?}");
    assert!(list.iter().all(|sid| ours.contains(sid)), "{list:?}");
}

#[test]
fn accounts_have_identifiers() {
    let me = current_user().expect("a user");
    assert!(me.to_string().starts_with("S-1-5-"), "{me}");
    assert_eq!(sid_of_account("Everyone").expect("known"), everyone());
    assert_eq!(sid_of_account("SYSTEM").expect("known"), Sid::local_system());
    assert!(sid_of_account("no such account").is_err());
    assert_eq!(sid_of_account("a\0b").expect_err("no name").kind(), ErrorKind::InvalidInput);
}

#[test]
fn what_is_not_there_has_no_list() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("nothing");
    assert_eq!(dacl(&path).expect_err("nothing there").kind(), ErrorKind::NotFound);
    assert_eq!(set_owner_only(&path).expect_err("nothing there").kind(), ErrorKind::NotFound);
    let below = path.join("file");
    assert_eq!(create_owner_only(&below).expect_err("no folder").kind(), ErrorKind::NotFound);
}

#[test]
fn a_folder_has_a_list_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let list: Vec<Ace> = dacl(folder.path()).expect("read").expect("there is one");
    assert!(!list.is_empty());
}
