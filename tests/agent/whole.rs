//! A whole setup: a configuration with sixty checks and three hundred handles from every source, answered by this
//! program, run as an agent runs it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use secretary_envelope::{NaclBox, SecretKey};
use secretary_secret::Secret;
use secretary_test_kms::Server as KeyService;
use secretary_test_kubernetes::Server as Kubernetes;

use crate::backend;
use crate::tester::{Found, Setup};

const CHECKS: usize = 60;
const HANDLES_OF_A_CHECK: usize = 5;

/// Where the secrets of one check are. Each is the source of ten checks.
const SOURCES: [&str; 6] = ["NACL", "KMS", "name", "file", "k8s_secret", "several"];

/// What stands for a handle at last.
fn plaintext(handle: usize) -> String {
    format!("it's secret {handle}.")
}

/// Everything that an agent and its secret backend find on a machine.
struct Machine {
    setup: Setup,
    nacl: NaclBox,
    key_service: KeyService,
    kubernetes: Kubernetes,
    handles: Vec<String>,
}

impl Machine {
    /// With `program` as the secret backend and as what tests it.
    fn new(program: &Path) -> Self {
        let mut setup = Setup::new();
        setup.program = program.to_path_buf();
        let key = || SecretKey::generate().expect("random bytes");
        let (master, config) = (key(), key());
        let nacl = NaclBox::agree(&config, &master.public_key()).expect("good keys");
        setup.file("keys/master.pem", &*master.to_pem());
        setup.file("keys/config.pem", &*config.public_key().to_pem());
        backend::copy(program, &setup.path("secretary-agent"), "0500", None);
        let (key_service, kubernetes) = (KeyService::start(), Kubernetes::start());
        std::fs::create_dir(setup.path("account")).expect("made");
        kubernetes.write_account(&setup.path("account"));
        let mut machine = Self { setup, nacl, key_service, kubernetes, handles: Vec::new() };
        machine.write_settings();
        let wrapped = machine.wrapped();
        machine.write_checks(&wrapped);
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.setup.path(name)
    }

    fn token(&self, handle: usize) -> String {
        self.nacl.seal(&Secret::from(plaintext(handle).as_bytes())).expect("random bytes")
    }

    fn write_settings(&self) {
        let path = |name: &str| self.path(name).display().to_string();
        let settings = format!(
            "private_key = '{}'\nconfig_key = '{}'\nnames = ['{}']\nfile_root = ['{}']\nkubernetes = true\nservice_account = '{}'\n",
            path("keys/master.pem"),
            path("keys/config.pem"),
            path("names.toml"),
            path("files"),
            path("account"),
        );
        self.setup.file("agent.toml", settings);
        let main = format!(
            "api_key: ENC[api_key]\nsecret_backend_command: {}\nsecret_backend_arguments: [--config, {}]\n",
            path("secretary-agent"),
            path("agent.toml"),
        );
        self.setup.file("etc/stackstate.yaml", main);
    }

    /// A token of AWS KMS for each handle of the checks that have such.
    fn wrapped(&self) -> Vec<String> {
        let lines: String = self.handles_of("KMS").map(|handle| plaintext(handle) + "\n").collect();
        self.setup.file("lines", lines);
        let lines = std::fs::File::open(self.path("lines")).expect("a file");
        let output = Command::new(&self.setup.program)
            .args(["encrypt", "--lines", "--share-data-key", "--kms-key-id", "alias/agent"])
            .env_clear()
            .envs(self.variables())
            .stdin(lines)
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("text");
        text.lines().map(str::to_string).collect()
    }

    /// The numbers of the handles that a source has.
    fn handles_of(&self, source: &'static str) -> impl Iterator<Item = usize> {
        let of_check = |check| check * HANDLES_OF_A_CHECK..(check + 1) * HANDLES_OF_A_CHECK;
        let is_of = move |check: &usize| SOURCES[check % SOURCES.len()] == source;
        (0..CHECKS).filter(is_of).flat_map(of_check)
    }

    fn write_checks(&mut self, wrapped: &[String]) {
        let mut wrapped = wrapped.iter();
        let mut names = format!("api_key = \"{}\"\n", self.token(CHECKS * HANDLES_OF_A_CHECK));
        for check in 0..CHECKS {
            let mut instance = "init_config:\ninstances:\n  -\n".to_string();
            for number in 0..HANDLES_OF_A_CHECK {
                let handle = check * HANDLES_OF_A_CHECK + number;
                let source = match SOURCES[check % SOURCES.len()] {
                    "several" => ["NACL", "name", "file", "k8s_secret", "name"][number],
                    source => source,
                };
                let value = match source {
                    "NACL" => self.token(handle),
                    "KMS" => wrapped.next().expect("one for each").clone(),
                    "name" => {
                        let _ = writeln!(names, "n{handle} = \"{}\"", self.token(handle));
                        format!("ENC[n{handle}]")
                    }
                    "file" => {
                        self.setup.file(&format!("files/{check}/f{handle}"), plaintext(handle));
                        format!("ENC[file@{check}/f{handle}]")
                    }
                    _ => {
                        let (name, key) = (format!("check-{check}"), format!("k{handle}"));
                        format!("ENC[k8s_secret@monitoring/{name}/{key}]")
                    }
                };
                let _ = writeln!(instance, "    value{number}: {value}");
                let inner = value.strip_prefix("ENC[").and_then(|value| value.strip_suffix(']'));
                self.handles.push(inner.expect("a handle").to_string());
            }
            self.setup.file(&format!("etc/conf.d/check{check}.d/conf.yaml"), instance);
            self.add_to_kubernetes(check);
        }
        self.setup.file("names.toml", names);
    }

    /// Whatever keys a check may want.
    fn add_to_kubernetes(&self, check: usize) {
        let handles = check * HANDLES_OF_A_CHECK..(check + 1) * HANDLES_OF_A_CHECK;
        let data: Vec<_> = handles.map(|one| (format!("k{one}"), plaintext(one))).collect();
        let data: Vec<_> = data.iter().map(|(key, text)| (key.as_str(), text.as_bytes())).collect();
        self.kubernetes.add("monitoring", &format!("check-{check}"), &data);
    }

    /// What an agent, and so its secret backend, has in its environment.
    fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE".to_string()),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_string()),
            ("AWS_REGION", "us-east-1".to_string()),
            ("AWS_ENDPOINT_URL_KMS", self.key_service.url()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_string()),
            ("KUBERNETES_SERVICE_HOST", "127.0.0.1".to_string()),
            ("KUBERNETES_SERVICE_PORT", self.kubernetes.port().to_string()),
        ]
    }

    /// What `secretary agent test` says of the whole, and how long that took.
    fn test(&self) -> (Found, Duration) {
        let variables = self.variables();
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let config = self.path("etc").display().to_string();
        let begun = Instant::now();
        let flags = ["--json", "--configcheck", "--show-secrets", "--config", &config];
        let output = self.setup.run(&flags, &variables);
        let took = begun.elapsed();
        let json = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        (Found { json, code: output.status.code() }, took)
    }

    fn check(&self, found: &Found) {
        assert_eq!(found.code, Some(0), "{}", found.json);
        // Each check is a section with handles, and the main file one more.
        assert_eq!(found.calls(), CHECKS + 1);
        let handles = found.json["secrets"]["handles"].as_object().expect("handles");
        assert_eq!(handles.len(), CHECKS * HANDLES_OF_A_CHECK + 1);
        for (number, handle) in self.handles.iter().enumerate() {
            let origin = format!("check{}", number / HANDLES_OF_A_CHECK);
            assert_eq!(handles[handle], serde_json::json!([origin]), "{handle}");
        }
        let text = found.json.to_string();
        for handle in 0..self.handles.len() {
            assert!(text.contains(&plaintext(handle)), "{}", self.handles[handle]);
        }
        // A check's keys of one secret are one question, and its tokens with one data key, too.
        assert_eq!(self.kubernetes.requests().len(), 20);
        assert_eq!(self.key_service.requests().decrypt, 10);
    }
}

#[test]
fn sixty_checks_and_three_hundred_handles() {
    let machine = Machine::new(Path::new(env!("CARGO_BIN_EXE_secretary")));
    machine.check(&machine.test().0);
}

/// An agent that starts does all of this one after another, and old ones give up on each after five seconds.
#[test]
#[ignore = "a measurement with the static binary, for scripts/bench"]
fn all_of_them_within_a_second() {
    let path = std::env::var_os("SECRETARY_STATIC").expect("SECRETARY_STATIC has its path");
    let machine = Machine::new(Path::new(&path));
    let (found, took) = machine.test();
    machine.check(&found);
    let quickest = (0..4).map(|_| machine.test().1).fold(took, Duration::min);
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{} processes in {quickest:?}, limit 1 s", found.calls());
    assert!(quickest < Duration::from_secs(1), "{quickest:?}");
}
