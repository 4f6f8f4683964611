//! A cluster, a key service, a certificate, and the workloads that ask a daemon about them.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use secretary_envelope::{NaclBox, PublicKey, SecretKey};
use secretary_secret::Secret;
use secretary_test_cluster::{App, Server as Cluster, Task};
use secretary_test_kms::Server as Kms;
use tempfile::TempDir;

/// How many secrets each workload has.
pub const SECRETS: usize = 100;

/// How many apps Marathon knows.
pub const APPS: usize = 1000;

const VERSION: &str = "2015-12-04T12:25:08.426Z";

/// Everything that a daemon and its clients need.
pub struct Scene {
    folder: TempDir,
    /// Marathon and Mesos.
    pub cluster: Cluster,
    /// AWS KMS.
    pub kms: Kms,
    master: SecretKey,
    config: SecretKey,
    /// Apps of Marathon.
    pub apps: Vec<Arc<Workload>>,
    /// A task of Mesos.
    pub task: Arc<Workload>,
    /// A workload of the file.
    pub in_file: Arc<Workload>,
    /// A workload of the file whose secrets AWS KMS opens.
    pub with_kms: Arc<Workload>,
}

/// Who asks, and for what.
pub struct Workload {
    /// The app; a task of Mesos has none.
    pub app: Option<String>,
    /// The task.
    pub task: String,
    /// Its deploy key.
    pub deploy: SecretKey,
    /// Its service key.
    pub service: SecretKey,
    /// What it may have.
    pub secrets: Vec<Sealed>,
}

/// A secret, and what is known of it.
pub struct Sealed {
    /// The variable it is in.
    pub name: String,
    /// The token.
    pub token: String,
    /// What it holds.
    pub plaintext: String,
}

impl Scene {
    /// Makes keys and secrets, and starts the servers. `program` makes the tokens that AWS KMS opens.
    pub fn new(program: &Path) -> io::Result<Self> {
        let (cluster, kms) = (Cluster::start(), Kms::start());
        let [master, config] = [1, 2].map(|byte| SecretKey::from(&[byte; 32]));
        let seal = NaclBox::agree(&config, &master.public_key()).expect("no weak keys");
        let nacl = |number| {
            let secrets = plaintexts().map(|(name, plaintext)| {
                let token = seal.seal(&Secret::from(plaintext.as_bytes())).expect("random bytes");
                Sealed { name, token, plaintext }
            });
            Workload::new(number, secrets.collect())
        };
        let scene = Self {
            folder: tempfile::tempdir()?,
            apps: (0..APPS).map(nacl).map(Arc::new).collect(),
            task: Arc::new(Workload { app: None, ..nacl(APPS) }),
            in_file: Arc::new(nacl(APPS + 1)),
            with_kms: Arc::new(Workload::new(APPS + 2, kms_secrets(program, &kms)?)),
            cluster,
            kms,
            master,
            config,
        };
        scene.run_workloads()?;
        scene.write_certificates()?;
        Ok(scene)
    }

    /// A file of this run.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The public key that requests are sealed to.
    pub fn master(&self) -> PublicKey {
        self.master.public_key()
    }

    /// The private half of it.
    pub fn master_private(&self) -> &SecretKey {
        &self.master
    }

    /// The public key of who sealed the secrets.
    pub fn config(&self) -> PublicKey {
        self.config.public_key()
    }

    /// The daemon's keys, as variables.
    pub fn daemon_keys(&self) -> [(&'static str, String); 2] {
        let config = self.config.public_key();
        [
            ("MASTER_PRIVATE_KEY", bare(&self.master.to_pem())),
            ("CONFIG_PUBLIC_KEY", bare(&config.to_pem())),
        ]
    }

    fn run_workloads(&self) -> io::Result<()> {
        for workload in &self.apps {
            self.cluster.run(&workload.as_app());
        }
        self.cluster.run_tasks(&[self.task.as_task()]);
        let entries = [&self.in_file, &self.with_kms].map(|workload| workload.as_entry());
        fs::write(self.path("workloads.toml"), entries.concat())
    }

    /// An authority, and a certificate of it for this machine.
    fn write_certificates(&self) -> io::Result<()> {
        let key = || KeyPair::generate().expect("random bytes");
        let mut authority = CertificateParams::new([]).expect("no names are good names");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, key()).expect("a key that signs");
        let (names, key) = (vec!["127.0.0.1".to_string()], key());
        let certificate = CertificateParams::new(names).expect("an address");
        let certificate = certificate.signed_by(&key, &authority).expect("a key that signs");
        fs::write(self.path("ca.pem"), authority.pem())?;
        fs::write(self.path("cert.pem"), certificate.pem())?;
        fs::write(self.path("key.pem"), key.serialize_pem())
    }
}

impl Workload {
    fn new(number: usize, secrets: Vec<Sealed>) -> Self {
        let key = |role: u8| {
            let mut bytes = [role; 32];
            bytes[..8].copy_from_slice(&number.to_le_bytes());
            SecretKey::from(&bytes)
        };
        Self {
            app: Some(format!("/bench/app-{number}")),
            task: format!("bench_app-{number}.1"),
            deploy: key(3),
            service: key(4),
            secrets,
        }
    }

    /// The version of its app, if it is one.
    pub fn version(&self) -> &'static str {
        if self.app.is_some() { VERSION } else { "" }
    }

    /// The environment of its container, which asks the daemon at `url`.
    pub fn environment(&self, scene: &Scene, url: &str) -> Vec<(String, String)> {
        let text = |(name, value): (&str, &str)| (name.to_string(), value.to_string());
        let ids = [
            ("SECRETARY_URL", url),
            ("MARATHON_APP_ID", self.app.as_deref().unwrap_or_default()),
            ("MARATHON_APP_VERSION", self.version()),
            ("MESOS_TASK_ID", &self.task),
            ("MASTER_PUBLIC_KEY", &bare(&scene.master().to_pem())),
            ("DEPLOY_PRIVATE_KEY", &bare(&self.deploy.to_pem())),
            ("SERVICE_PRIVATE_KEY", &bare(&self.service.to_pem())),
        ];
        let secrets = self.secrets.iter().map(|secret| (&*secret.name, &*secret.token));
        ids.into_iter().chain(secrets).map(text).collect()
    }

    fn public_keys(&self) -> [(&'static str, String); 2] {
        let public = |key: &SecretKey| bare(&key.public_key().to_pem());
        [("DEPLOY_PUBLIC_KEY", public(&self.deploy)), ("SERVICE_PUBLIC_KEY", public(&self.service))]
    }

    fn as_app(&self) -> App {
        let app = App::new(self.app.as_deref().unwrap_or_default(), VERSION).task(&self.task);
        let app = self.public_keys().into_iter().fold(app, |app, (name, key)| app.env(name, key));
        let secrets = self.secrets.iter();
        secrets.fold(app, |app, secret| app.env(&secret.name, secret.token.as_str()))
    }

    fn as_task(&self) -> Task {
        let task = Task::new(&self.task);
        let names: Vec<_> = self.secrets.iter().map(|secret| secret.name.as_str()).collect();
        let keys = self.public_keys();
        let task = keys.iter().fold(task, |task, (name, key)| task.label(name, key));
        task.label("ALLOWED_SECRETS_VARS", &names.join(","))
    }

    fn as_entry(&self) -> String {
        let [(_, deploy), (_, service)] = self.public_keys();
        let tokens: Vec<_> = self.secrets.iter().map(|secret| secret.token.as_str()).collect();
        format!(
            "[[workload]]\napp = \"{}\"\ndeploy_public_key = \"{deploy}\"\n\
             service_public_key = \"{service}\"\nsecrets = [\"{}\"]\n",
            self.app.as_deref().unwrap_or_default(),
            tokens.join(" "),
        )
    }
}

/// Variables that lead to the key service, which `settings` tell how to behave.
pub fn kms_environment(kms: &Kms, settings: &str) -> [(&'static str, String); 4] {
    [
        ("AWS_ACCESS_KEY_ID", "AKIDBENCH".to_string()),
        ("AWS_SECRET_ACCESS_KEY", "bench".to_string()),
        ("AWS_REGION", "eu-west-1".to_string()),
        ("AWS_ENDPOINT_URL_KMS", format!("{}/{settings}", kms.url())),
    ]
}

/// Secrets under a data key each, so that each of them is asked for.
fn kms_secrets(program: &Path, kms: &Kms) -> io::Result<Vec<Sealed>> {
    let secrets: Vec<_> = plaintexts().collect();
    let lines: String = secrets.iter().map(|(_, plaintext)| format!("{plaintext}\n")).collect();
    let mut encrypt = Command::new(program)
        .args(["encrypt", "--lines", "--kms-key-id", "alias/bench"])
        .env_clear()
        .envs(kms_environment(kms, "run-make"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    encrypt.stdin.take().expect("it is a pipe").write_all(lines.as_bytes())?;
    let output = encrypt.wait_with_output()?;
    let tokens = String::from_utf8(output.stdout).map_err(io::Error::other)?;
    let sealed = secrets.into_iter().zip(tokens.lines()).map(|((name, plaintext), token)| Sealed {
        name,
        token: token.to_string(),
        plaintext,
    });
    let sealed: Vec<_> = sealed.collect();
    if output.status.success() && sealed.len() == SECRETS {
        Ok(sealed)
    } else {
        Err(io::Error::other("the program did not encrypt as it should"))
    }
}

/// Names and plaintexts, as long as generated passwords are.
fn plaintexts() -> impl Iterator<Item = (String, String)> {
    (0..SECRETS).map(|number| (format!("SECRET_{number}"), format!("{number:-<32}")))
}

/// The one line of base64 in the text of a key.
fn bare(pem: &str) -> String {
    pem.lines().nth(1).unwrap_or_default().to_string()
}
