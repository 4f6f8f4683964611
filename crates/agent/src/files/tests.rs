use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

/// A folder `root` with what may and may not be read, and what lies around it.
struct Tree(TempDir);

impl Tree {
    fn new() -> Self {
        let tree = Self(tempfile::tempdir().expect("a folder"));
        for folder in ["root/sub", "root/..2024", "root-evil", "other"] {
            fs::create_dir_all(tree.at(folder)).expect("room");
        }
        for (file, text) in [
            ("root/one", "1"),
            ("root/sub/two", "2"),
            ("root/..2024/pw", "kpw"),
            ("root-evil/e", "evil"),
            ("other/t", "t"),
        ] {
            tree.write(file, text.as_bytes());
        }
        for (link, target) in [
            ("root/near", "one"),
            ("root/..data", "..2024"),
            ("root/pw", "..data/pw"),
            ("root/sub/up", "../near"),
            ("root/down", "sub"),
            ("root/out", "../other/t"),
            ("root/evil", "../root-evil/e"),
            ("root/chain", "out"),
            ("root/folder-out", "../other"),
            ("root/around", "../root/one"),
            ("root/loop", "loop"),
            ("root/nowhere", "nope"),
            ("root/to-folder", "sub"),
            ("root/to-root", "sub/.."),
        ] {
            tree.link(link, target.as_ref());
        }
        tree.link("root/absolute", &tree.at("root/one"));
        tree.link("root/absolute-out", &tree.at("other/t"));
        tree
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().canonicalize().expect("it is there").join(path)
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        fs::write(self.at(path), bytes).expect("room");
        self.mode(path, 0o644);
    }

    fn mode(&self, path: &str, mode: u32) {
        fs::set_permissions(self.at(path), fs::Permissions::from_mode(mode)).expect("ours");
    }

    fn link(&self, path: &str, target: &Path) {
        symlink(target, self.at(path)).expect("room");
    }

    fn root(&self) -> Root {
        Root::open(&self.at("root"), Limits::default()).expect("a folder")
    }

    fn read(&self, path: &str) -> Result<String, FileError> {
        self.root().read(Path::new(path)).map(text)
    }
}

fn text(secret: Secret) -> String {
    String::from_utf8(secret.expose().to_vec()).expect("text")
}

/// The same by each of the ways there are to open a file.
fn by_each_way(tree: &Tree, path: &str) -> [Result<String, FileError>; 3] {
    let (root, shown) = (tree.root(), tree.at("root"));
    let names: Vec<_> = Path::new(path).iter().collect();
    let whole = root.shown(Path::new(path));
    let contents = |mut file: File| {
        root.check(&file.metadata().expect("open"), &whole)?;
        root.contents(&mut file, &whole).map(text)
    };
    let walked = root.beneath.open_step_by_step(&names, &shown, &whole).and_then(contents);
    let resolved = resolved::Beneath::open(&shown).expect("a folder");
    let resolved = resolved.resolve(&names, &shown, &whole);
    let resolved = resolved.and_then(|path| contents(File::open(path).expect("it was there")));
    [tree.read(path), walked, resolved]
}

#[test]
fn reads_what_is_inside_however_it_is_reached() {
    let tree = Tree::new();
    for (path, expected) in [
        ("one", "1"),
        ("./sub/./two", "2"),
        ("near", "1"),
        ("pw", "kpw"),
        ("..data/pw", "kpw"),
        ("..2024/pw", "kpw"),
        ("sub/up", "1"),
        ("down/two", "2"),
        ("down/up", "1"),
        ("absolute", "1"),
    ] {
        for read in by_each_way(&tree, path) {
            assert_eq!(read, Ok(expected.to_string()), "{path}");
        }
    }
}

#[test]
fn follows_no_link_that_leads_outside() {
    let tree = Tree::new();
    for (path, target) in [
        ("out", "other/t"),
        ("evil", "root-evil/e"),
        ("chain", "other/t"),
        ("folder-out", "other"),
        ("folder-out/t", "other"),
        ("absolute-out", "other/t"),
    ] {
        for (way, read) in by_each_way(&tree, path).into_iter().enumerate() {
            let Err(FileError::Outside { target: found, root }) = read else {
                panic!("{path}: {read:?}")
            };
            assert_eq!(root, tree.at("root"));
            // What is resolved to its end says where that is, and not which link left.
            assert!(found == tree.at(target) || way == 2, "{path}: {found:?}");
        }
    }
}

#[test]
fn a_link_may_not_even_pass_through_the_outside() {
    let tree = Tree::new();
    assert!(matches!(tree.read("around"), Err(FileError::Outside { .. })));
}

#[test]
fn takes_no_path_that_could_leave() {
    let tree = Tree::new();
    for path in ["../other/t", "sub/../../other/t", "sub/../one", ".."] {
        assert_eq!(tree.read(path), Err(FileError::Parent), "{path}");
    }
    for path in ["/etc/hostname", "/", tree.at("root/one").to_str().expect("text")] {
        assert_eq!(tree.read(path), Err(FileError::Absolute), "{path}");
    }
}

#[test]
fn an_absolute_path_below_the_root_can_be_made_relative() {
    let tree = Tree::new();
    let root = tree.root();
    assert_eq!(root.below(&tree.at("root/sub/two")), Some(Path::new("sub/two")));
    assert_eq!(root.below(Path::new("sub/two")), Some(Path::new("sub/two")));
    assert_eq!(root.below(&tree.at("root-evil/e")), None);
}

#[test]
fn says_what_is_wrong_in_the_image_helpers_words() {
    let tree = Tree::new();
    let path = |name: &str| tree.at(name).display().to_string();
    for (name, expected) in [
        ("nope", "secret does not exist".to_string()),
        ("nowhere", "secret does not exist".to_string()),
        ("nope/nope", "secret does not exist".to_string()),
        ("sub", format!("read {}: is a directory", path("root/sub"))),
        ("", format!("read {}: is a directory", path("root"))),
        (".", format!("read {}: is a directory", path("root"))),
        ("to-folder", format!("read {}: is a directory", path("root/to-folder"))),
        ("to-root", format!("read {}: is a directory", path("root/to-root"))),
        ("one/x", format!("lstat {}: not a directory", path("root/one/x"))),
        (
            "out",
            format!(
                "not following symlink \"{}\" outside of \"{}\"",
                path("other/t"),
                path("root")
            ),
        ),
    ] {
        assert_eq!(tree.read(name).map_err(|error| error.to_string()), Err(expected), "{name}");
    }
}

#[test]
fn a_loop_of_links_ends() {
    let tree = Tree::new();
    for read in by_each_way(&tree, "loop").into_iter().take(2) {
        assert!(matches!(&read, Err(FileError::System { what: "open", .. })), "{read:?}");
    }
}

#[test]
fn a_file_is_never_cut() {
    let tree = Tree::new();
    tree.write("root/max", &[b'a'; 8192]);
    tree.write("root/over", &[b'a'; 8193]);
    tree.link("root/link-over", Path::new("over"));
    assert_eq!(tree.read("max").map(|text| text.len()), Ok(8192));
    assert_eq!(tree.read("over"), Err(FileError::TooLarge));
    assert_eq!(tree.read("link-over"), Err(FileError::TooLarge));
}

#[test]
fn a_size_that_the_system_does_not_tell_is_found_out() {
    // It is told as zero.
    let path = Path::new("/proc/self/status");
    assert_eq!(fs::metadata(path).expect("Linux").len(), 0);
    let read = |size| {
        let limits = Limits { size, ..Limits::default() };
        let root = Root::open(Path::new("/"), limits).expect("a folder");
        root.contents(&mut File::open(path).expect("Linux"), path)
    };
    assert_eq!(read(64), Err(FileError::TooLarge));
    assert!(read(64 << 10).expect("short").len() > 64);
}

#[test]
fn what_others_may_change_is_refused() {
    let tree = Tree::new();
    for (mode, group_may_write, readable) in [
        (0o400, false, true),
        (0o600, false, true),
        (0o644, false, true),
        (0o660, false, false),
        (0o620, false, false),
        (0o660, true, true),
        (0o602, false, false),
        (0o666, true, false),
    ] {
        tree.mode("root/one", mode);
        let limits = Limits { group_may_write, ..Limits::default() };
        let read = Root::open(&tree.at("root"), limits).expect("a folder").read(Path::new("one"));
        let expected = if readable { Ok("1".to_string()) } else { Err(FileError::Writable(mode)) };
        assert_eq!(read.map(text), expected, "{mode:o}");
    }
    assert_eq!(
        FileError::Writable(0o666).to_string(),
        "others than its owner may write to it (mode 0666)"
    );
}

#[test]
fn nothing_but_regular_files_is_read_and_nothing_is_waited_for() {
    let tree = Tree::new();
    nix::unistd::mkfifo(&tree.at("root/pipe"), nix::sys::stat::Mode::S_IRUSR).expect("room");
    let _socket = std::os::unix::net::UnixListener::bind(tree.at("root/socket")).expect("room");
    for path in ["pipe", "socket"] {
        for read in by_each_way(&tree, path) {
            assert_eq!(read, Err(FileError::NotRegular), "{path}");
        }
    }
    assert_eq!(
        read_anywhere(Path::new("/dev/null"), Limits::default()),
        Err(FileError::NotRegular)
    );
}

#[test]
fn the_service_accounts_files_are_withheld_by_any_way_to_them() {
    let tree = Tree::new();
    fs::create_dir_all(tree.at("root/account/..now")).expect("room");
    tree.write("root/account/..now/token", b"token");
    tree.link("root/account/token", Path::new("..now/token"));
    fs::hard_link(tree.at("root/account/..now/token"), tree.at("root/hard")).expect("room");
    tree.link("root/link", Path::new("account/token"));
    let withheld = tree.at("root/account");
    let root = tree.root().withholding(&withheld);
    for path in ["account/token", "account/..now/token", "hard", "link"] {
        assert_eq!(root.read(Path::new(path)), Err(FileError::ServiceAccount), "{path}");
    }
    assert_eq!(root.read(Path::new("one")).map(text), Ok("1".to_string()));
    let chosen = Root::open(&withheld, Limits::default()).expect("a folder");
    let chosen = chosen.withholding(&withheld);
    assert_eq!(chosen.read(Path::new("token")).map(text), Ok("token".to_string()));
    // By a path alone it is not reached, either, although its folder is the root then.
    for path in ["root/account/token", "root/account/..now/token", "root/hard"] {
        let read = read_but(&withheld, &tree.at(path), Limits::default());
        assert_eq!(read, Err(FileError::ServiceAccount), "{path}");
    }
}

#[test]
fn the_service_accounts_folder_can_be_chosen_for_the_root() {
    let tree = Tree::new();
    let account = Beneath::open(&tree.at("root")).expect("a folder");
    assert!(service_account::is_root(&tree.at("root/to-root"), &account));
    assert!(!service_account::is_root(&tree.at("root/sub"), &account));
    assert!(!service_account::is_root(&tree.at("nope"), &account));
}

/// Its own environment is what an agent must not tell.
#[cfg(target_os = "linux")]
#[test]
fn nothing_is_read_that_only_looks_like_a_file() {
    let root = Root::open(Path::new("/proc"), Limits::default()).expect("a folder");
    for path in ["self/environ", "version", "sys/kernel/hostname"] {
        assert_eq!(root.read(Path::new(path)), Err(FileError::NotRegular), "{path}");
    }
    let anywhere = read_anywhere(Path::new("/proc/self/environ"), Limits::default());
    assert_eq!(anywhere, Err(FileError::NotRegular));
}

#[test]
fn a_file_anywhere_is_read_with_its_own_folder_as_the_root() {
    let tree = Tree::new();
    let read = |path: &str| read_anywhere(&tree.at(path), Limits::default()).map(text);
    assert_eq!(read("root/pw"), Ok("kpw".to_string()));
    assert_eq!(read("other/t"), Ok("t".to_string()));
    assert!(matches!(read("root/out"), Err(FileError::Outside { .. })));
    assert!(matches!(read("root/sub/up"), Err(FileError::Outside { .. })));
    assert_eq!(read("nope/one"), Err(FileError::Missing));
    assert_eq!(read_anywhere(Path::new(""), Limits::default()), Err(FileError::Missing));
    let root = Path::new("/");
    assert_eq!(read_anywhere(root, Limits::default()), Err(FileError::Directory(root.into())));
}

#[test]
fn a_root_that_is_missing_is_told() {
    let tree = Tree::new();
    let root = tree.at("nope");
    let error = Root::open(&root, Limits::default()).expect_err("it is missing");
    assert_eq!(error, FileError::NoFolder(root));
    assert_eq!(error.of_a_file(), FileError::Missing);
    let error = Root::open(&tree.at("root/one"), Limits::default()).expect_err("it is a file");
    assert!(matches!(error, FileError::System { .. }), "{error:?}");
}

#[test]
fn paths_are_cleaned_as_go_does() {
    for (path, clean) in [
        ("", "."),
        ("a/./b", "a/b"),
        ("a/../b", "b"),
        ("a/..", "."),
        ("../a", "../a"),
        ("../../a", "../../a"),
        ("/../a", "/a"),
        ("/a/../../b", "/b"),
    ] {
        assert_eq!(cleaned(Path::new(path)), PathBuf::from(clean), "{path}");
    }
}
