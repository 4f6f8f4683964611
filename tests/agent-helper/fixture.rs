//! The folder that the cases were recorded in.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

const FOLDERS: [&str; 4] = ["secrets/sub", "secrets-evil", "other", "secrets/..2024"];

const LINKS: [(&str, &str); 9] = [
    ("secrets/lnk", "secret1"),
    ("secrets/out", "../other/t"),
    ("secrets/evil", "../secrets-evil/e"),
    ("secrets/lnkover", "over"),
    ("secrets/pw", "..data/pw"),
    ("secrets/..data", "..2024"),
    ("secrets/dang", "nope"),
    ("secrets/dirlnk", "../other"),
    ("secrets/chain", "out"),
];

/// A folder of its own for a test.
pub(crate) struct Fixture(TempDir);

impl Fixture {
    pub(crate) fn new() -> Self {
        let fixture = Self(tempfile::tempdir().expect("room"));
        for folder in FOLDERS {
            fs::create_dir_all(fixture.path().join(folder)).expect("room");
        }
        let (max, over) = ([b'a'; 8192], [b'a'; 8193]);
        let files: [(&str, &[u8]); 11] = [
            ("secrets/secret1", b"secret1-value"),
            ("secrets/nl", b"v\n"),
            ("secrets/max", &max),
            ("secrets/over", &over),
            ("secrets/empty", b""),
            ("other/t", b"t"),
            ("secrets-evil/e", b"evil"),
            ("secrets/..2024/pw", b"kpw"),
            ("secrets/bin", b"\x61\xff\x62"),
            ("secrets/html", b"<&>"),
            ("secrets/sub/s", b"sub"),
        ];
        for (file, bytes) in files {
            fixture.write(file, bytes, 0o644);
        }
        for (link, target) in LINKS {
            symlink(target, fixture.path().join(link)).expect("room");
        }
        fixture
    }

    /// Without a link in it, so that messages have this path and no other.
    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().canonicalize().expect("it is there")
    }

    pub(crate) fn write(&self, file: &str, bytes: &[u8], mode: u32) {
        let path = self.path().join(file);
        fs::write(&path, bytes).expect("room");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("ours");
    }

    /// The program under another name, outside of what is read.
    pub(crate) fn program_called(&self, name: &str) -> PathBuf {
        let link = self.path().join(name);
        if !link.exists() {
            symlink(Path::new(env!("CARGO_BIN_EXE_secretary")), &link).expect("room");
        }
        link
    }

    /// `text` with this folder for `{FIX}`.
    pub(crate) fn filled_in(&self, text: &str) -> String {
        text.replace("{FIX}", self.path().to_str().expect("text"))
    }
}
