//! A folder that stands for the root folder of a machine or a container.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::example::Example;

/// The folders that the files of `deploy/` name, and no program is in.
const FOLDERS: [&str; 5] = ["/etc/", "/keys/", "/run/", "/service/", "/var/"];

/// What our services are here: they print what they were given.
const SERVICE: &str = "/usr/bin/env";

/// A machine's files, with this example's keys and certificate wherever a file of `deploy/` has them.
pub(crate) struct Root(TempDir);

impl Root {
    pub(crate) fn of(example: &Example) -> Self {
        let root = Self(tempfile::tempdir().expect("a folder"));
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_string()]);
        let made = made.expect("a name and random bytes");
        for folder in ["/etc/secretary", "/keys"] {
            let write = |name: &str, text: &str| root.write(&format!("{folder}/{name}"), text);
            write("master-private-key.pem", &example.master.to_pem());
            write("master-public-key.pem", &example.master.public_key().to_pem());
            write("config-public-key.pem", &example.config.public_key().to_pem());
            write("daemon.crt", &made.cert.pem());
            write("daemon.key", &made.signing_key.serialize_pem());
            write("ca.pem", &made.cert.pem());
        }
        root.write("/etc/secretary/agent-private-key.pem", &example.agent.to_pem());
        root.write("/etc/myservice/deploy-private-key.pem", &example.deploy.to_pem());
        for folder in ["/service/keys", "/etc/secretary/service-keys"] {
            root.write(&format!("{folder}/service-private-key.pem"), &example.service.to_pem());
        }
        root.make_folder("/run");
        root.make_folder("/var/log/secretary");
        root
    }

    /// Where an absolute path is.
    pub(crate) fn path(&self, absolute: &str) -> PathBuf {
        self.0.path().join(absolute.strip_prefix('/').expect("an absolute path"))
    }

    pub(crate) fn make_folder(&self, absolute: &str) {
        fs::create_dir_all(self.path(absolute)).expect("room");
    }

    pub(crate) fn write(&self, absolute: &str, text: &str) {
        let path = self.path(absolute);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("room");
        fs::write(path, text).expect("room");
    }

    pub(crate) fn read(&self, absolute: &str) -> String {
        fs::read_to_string(self.path(absolute))
            .unwrap_or_else(|error| panic!("{absolute}: {error}"))
    }

    /// A word or a value, moved here if it is a path.
    pub(crate) fn moved(&self, word: &str) -> String {
        match word {
            "/usr/bin/secretary" => program().to_string(),
            "/usr/bin/myservice" | "/usr/bin/myjob" => SERVICE.to_string(),
            _ if FOLDERS.iter().any(|folder| word.starts_with(folder)) => {
                self.path(word).to_str().expect("a path that is text").to_string()
            }
            _ => word.to_string(),
        }
    }

    /// A command of these words, and nothing in its environment but `variables`.
    pub(crate) fn command<'a>(
        &self,
        words: &[String],
        variables: impl IntoIterator<Item = &'a (String, String)>,
    ) -> Command {
        let mut words = words.iter().map(|word| self.moved(word));
        let mut command = Command::new(words.next().expect("a program"));
        command.args(words).current_dir(self.0.path()).env_clear().stdin(Stdio::null());
        for (name, value) in variables {
            command.env(name, self.moved(value));
        }
        command
    }
}

/// The program, as it is built here.
pub(crate) fn program() -> &'static str {
    env!("CARGO_BIN_EXE_secretary")
}

/// The text of a file in `deploy/`.
pub(crate) fn deploy(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
