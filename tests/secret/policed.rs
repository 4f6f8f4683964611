//! A place whose servers speak TLS and have a policy, and its callers, who are known by their tokens.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use crate::authority::Authority;
use crate::program::{SECRETARY, on};
use crate::server::Server;

/// Tokens of one who may do everything, and of one who may in `dev/` alone.
pub(crate) const MAY_ALL: &str = "st_of_one_who_may_do_everything";
pub(crate) const MAY_LITTLE: &str = "st_of_one_who_may_do_little_or_no";

/// What `printf %s TOKEN | sha256sum` says of them.
const TOKENS: &str = "\
[[token]]
name = \"all\"
sha256 = \"c384c7e55197079863ce40fd6ea6c7c57d7ff8725180d42423a51ed0719a7c5a\"

[[token]]
name = \"little\"
sha256 = \"d429a9dc436b6639e26b1cd3a21e9d5436f439f8c37440019e3960495718fe09\"
";

const POLICY: &str = "\
[[grant]]
principal = [\"token:all\"]
action = [\"get\", \"info\", \"put\", \"create-version\", \"activate\", \"delete\"]
secret = [\"*\"]

[[grant]]
principal = [\"token:little\"]
action = [\"get\", \"info\", \"put\", \"create-version\", \"activate\", \"delete\"]
secret = [\"dev/*\"]
";

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A folder with a key, a certificate, a policy and tokens.
pub(crate) struct Place {
    folder: TempDir,
    started: AtomicU32,
}

impl Place {
    /// In memory if there is such a place: what is tested here is not the disk.
    pub(crate) fn new() -> Self {
        let shared = Path::new("/dev/shm");
        let folder =
            if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
        let folder = folder.expect("a folder");
        let authority = Authority::new();
        let (certificate, key) = authority.sign();
        for (name, text) in [
            ("ca.pem", authority.pem().as_str()),
            ("certificate.pem", &certificate),
            ("key.pem", &key),
            ("key", KEY),
            ("tokens.toml", TOKENS),
            ("policy.toml", POLICY),
            (MAY_ALL, MAY_ALL),
            (MAY_LITTLE, MAY_LITTLE),
        ] {
            fs::write(folder.path().join(name), text).expect("room");
        }
        Self { folder, started: AtomicU32::new(0) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A server with a state of its own.
    pub(crate) fn start(&self) -> Policed<'_> {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let mut command = Command::new(SECRETARY);
        command.current_dir(self.folder.path()).args(["server", "--key-file", "key"]);
        command.args(["--tls-cert-file", "certificate.pem", "--tls-key-file", "key.pem"]);
        command.args(["--tokens", "tokens.toml", "--policy", "policy.toml"]);
        command.args(["--state-dir", &format!("state-{number}")]);
        Policed { place: self, server: Server::spawn(&mut command) }
    }

    /// `secretary secret ARGUMENTS` by whoever has this token, on the server at `url`.
    pub(crate) fn on(&self, url: &str, token: &str, arguments: &[&str]) -> Command {
        let mut command = on(url, arguments);
        command.env("SECRETARY_SERVER_CA", self.path("ca.pem"));
        command.env("SECRETARY_TOKEN_FILE", self.path(token));
        command
    }
}

/// One of its servers. It ends when this is dropped.
pub(crate) struct Policed<'a> {
    place: &'a Place,
    server: Server,
}

impl Policed<'_> {
    pub(crate) fn on(&self, token: &str, arguments: &[&str]) -> Command {
        let url = self.server.url();
        assert!(url.starts_with("https://"), "{url}");
        self.place.on(&url, token, arguments)
    }
}
