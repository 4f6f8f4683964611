//! What sources and a policy make of a caller together. Each source by itself is tested below its code.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use hyper::header::{AUTHORIZATION, HeaderValue};
use secretary_setec_api::Action;
use tempfile::TempDir;

use super::*;
use crate::block_on;

const GRANT: &str =
    "[[grant]]\nprincipal = [\"token:ci\"]\naction = [\"get\"]\nsecret = [\"prod/*\"]\n";

/// A folder with a policy, and a file with one token.
struct Scene {
    folder: TempDir,
    token: String,
}

impl Scene {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let minted = token::mint("ci", None).expect("a token");
        let token = str::from_utf8(minted.token.expose()).expect("ASCII").to_string();
        fs::write(folder.path().join("tokens.toml"), minted.entry).expect("room");
        fs::write(folder.path().join("policy.toml"), GRANT).expect("room");
        Self { folder, token }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).expect("room");
    }

    fn open(&self, more: &[Source]) -> Identities {
        let sources = [&[Source::Tokens(self.file("tokens.toml"))], more].concat();
        Identities::open(&sources, Some(self.file("policy.toml"))).expect("files of use")
    }
}

fn identify(
    identities: &Identities,
    from: &str,
    token: Option<&str>,
) -> Result<Caller, Unidentified> {
    let address: SocketAddr = from.parse().expect("an address");
    let peer = Peer { address, local: address, certificates: None };
    let mut headers = HeaderMap::new();
    if let Some(token) = token {
        let value = HeaderValue::from_str(&format!("Bearer {token}")).expect("a header");
        headers.insert(AUTHORIZATION, value);
    }
    block_on(identities.identify(Evidence { peer: &peer, headers: &headers }))
}

#[test]
fn a_token_has_what_the_policy_grants_it() {
    let scene = Scene::new();
    let identities = scene.open(&[]);
    let caller = identify(&identities, "10.0.0.1:1", Some(&scene.token)).expect("known");
    assert!(caller.may(Action::Get, "prod/db"));
    assert!(!caller.may(Action::Get, "dev/db") && !caller.may(Action::Put, "prod/db"));
    assert_eq!(caller.principal.user, "token:ci");
    assert!(identify(&identities, "10.0.0.1:1", None).is_err());
    assert!(identify(&identities, "10.0.0.1:1", Some("of twenty or more bytes")).is_err());
}

#[test]
fn who_shows_what_is_wrong_is_not_somebody_else() {
    let scene = Scene::new();
    let identities = scene.open(&[Source::Certificates, Source::Everybody]);
    let by =
        |from: &str, token| identify(&identities, from, token).map(|caller| caller.principal.user);
    assert_eq!(by("127.0.0.1:1", Some(&scene.token)), Ok("token:ci".to_string()));
    assert_eq!(by("127.0.0.1:1", None), Ok("dev".to_string()));
    assert_eq!(by("[::1]:1", None), Ok("dev".to_string()));
    assert_eq!(by("[::ffff:127.0.0.1]:1", None), Ok("dev".to_string()));
    assert!(by("127.0.0.1:1", Some("of twenty or more bytes")).is_err());
    // And who is not on this machine is nobody.
    assert!(by("10.0.0.1:1", None).is_err());
    let everybody = identify(&identities, "127.0.0.1:1", None).expect("known");
    assert!(Action::ALL.iter().all(|action| everybody.may(*action, "any/name")));
}

#[test]
fn files_are_read_again_and_what_is_broken_changes_nothing() {
    let scene = Scene::new();
    let identities = scene.open(&[]);
    let may = |name: &str| {
        let caller = identify(&identities, "10.0.0.1:1", Some(&scene.token));
        caller.map(|caller| caller.may(Action::Get, name))
    };
    assert_eq!(may("prod/db"), Ok(true));
    scene.write("policy.toml", &GRANT.replace("prod", "dev"));
    assert_eq!(may("prod/db"), Ok(true));
    assert!(identities.reload().is_empty());
    assert_eq!((may("prod/db"), may("dev/db")), (Ok(false), Ok(true)));
    scene.write("policy.toml", &GRANT.replace("get", "gte"));
    let before = fs::read_to_string(scene.file("tokens.toml")).expect("a file");
    scene.write("tokens.toml", "[[token]]");
    let errors: Vec<_> = identities.reload().iter().map(ToString::to_string).collect();
    assert_eq!(errors.len(), 2);
    assert!(
        errors[0].contains("tokens.toml: line 1:") && errors[1].contains("policy.toml: line 3:")
    );
    assert_eq!(may("dev/db"), Ok(true));
    // What is good counts, though another is broken.
    fs::remove_file(scene.file("tokens.toml")).expect("it is there");
    scene.write("policy.toml", GRANT);
    assert_eq!(identities.reload().len(), 1);
    assert_eq!((may("prod/db"), may("dev/db")), (Ok(true), Ok(false)));
    scene.write("tokens.toml", "");
    assert!(identities.reload().is_empty());
    assert!(may("prod/db").is_err());
    scene.write("tokens.toml", &before);
    assert!(identities.reload().is_empty());
    assert_eq!(may("prod/db"), Ok(true));
}

#[test]
fn what_could_never_work_is_refused_at_the_start() {
    let scene = Scene::new();
    let (tokens, policy) = (Source::Tokens(scene.file("tokens.toml")), scene.file("policy.toml"));
    let open = |sources: &[Source], policy: Option<&Path>| {
        Identities::open(sources, policy.map(Path::to_path_buf)).map(|open| open.describe())
    };
    assert!(matches!(open(&[], Some(&policy)), Err(SetupError::NoSource)));
    let without = open(&[tokens.clone(), Source::Certificates], None);
    assert!(matches!(without, Err(SetupError::NoPolicy)));
    let nowhere = scene.file("nowhere.toml");
    assert!(matches!(
        open(std::slice::from_ref(&tokens), Some(&nowhere)),
        Err(SetupError::File(_))
    ));
    assert!(matches!(open(&[Source::Tokens(nowhere)], Some(&policy)), Err(SetupError::File(_))));
    assert_eq!(
        open(&[Source::Everybody], None).expect("of use"),
        "everybody on this machine, with every right"
    );
    let said = open(&[tokens, Source::Certificates], Some(&policy)).expect("of use");
    assert!(
        said.starts_with("tokens in ")
            && said.contains("tokens.toml (1 token); certificates of clients; policy ")
    );
    assert!(said.ends_with("policy.toml (1 grant)"), "{said}");
}

#[cfg(unix)]
#[test]
fn tailscale_needs_no_policy() {
    let source = Source::Tailscale(TAILSCALED.into());
    let said = Identities::open(&[source], None).expect("of use").describe();
    assert_eq!(said, "Tailscale, by /var/run/tailscale/tailscaled.sock");
}
