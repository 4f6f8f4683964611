//! Keys and tokens in the places that the files of `deploy/` have for them.

use std::process::Command;

use secretary_envelope::{NaclBox, SecretKey};
use secretary_secret::Secret;

use crate::root::deploy;

/// What the variables of the examples are to be at last.
pub(crate) const SECRETS: [(&str, &str); 2] =
    [("DATABASE_PASSWORD", "it's $ecret"), ("API_KEY", "0123 456")];

/// The keys of an environment and of one deployment.
pub(crate) struct Example {
    pub(crate) master: SecretKey,
    pub(crate) config: SecretKey,
    pub(crate) deploy: SecretKey,
    pub(crate) service: SecretKey,
    pub(crate) agent: SecretKey,
    /// What the places in the files are filled with.
    places: Vec<(String, String)>,
}

impl Example {
    pub(crate) fn new() -> Self {
        let key = || SecretKey::generate().expect("random bytes");
        let mut example = Self {
            master: key(),
            config: key(),
            deploy: key(),
            service: key(),
            agent: key(),
            places: Vec::new(),
        };
        example.places = example.values();
        example
    }

    fn values(&self) -> Vec<(String, String)> {
        let nacl = NaclBox::agree(&self.config, &self.master.public_key()).expect("a good key");
        let of_agent = NaclBox::agree(&self.config, &self.agent.public_key()).expect("a good key");
        let mut values = vec![
            ("MASTER_PUBLIC_KEY".to_string(), line(&self.master.public_key().to_pem())),
            ("DEPLOY_PUBLIC_KEY".to_string(), line(&self.deploy.public_key().to_pem())),
            ("DEPLOY_PRIVATE_KEY".to_string(), line(&self.deploy.to_pem())),
            ("SERVICE_PUBLIC_KEY".to_string(), line(&self.service.public_key().to_pem())),
            ("AGENT_ID".to_string(), "agent".to_string()),
        ];
        for (name, plaintext) in SECRETS {
            let token = nacl.seal(&Secret::from(plaintext.as_bytes())).expect("random bytes");
            values.push((format!("{name}_SHA256"), hash(&token)));
            values.push((name.to_string(), token));
            let token = of_agent.seal(&Secret::from(plaintext.as_bytes())).expect("random bytes");
            values.push((format!("AGENT_{name}"), token));
        }
        values
    }

    /// What a place is filled with.
    pub(crate) fn value(&self, name: &str) -> &str {
        let found = self.places.iter().find(|(place, _)| place == name);
        &found.unwrap_or_else(|| panic!("nothing is known for @{name}@")).1
    }

    /// A file of `deploy/`, filled in.
    pub(crate) fn filled(&self, name: &str) -> String {
        let text = deploy(name);
        let parts: Vec<_> = text.split('@').collect();
        assert!(parts.len() % 2 == 1 && parts.len() > 1, "{name}: each place is @NAME@");
        let filled = parts.iter().enumerate().map(|(number, part)| match number % 2 {
            0 => part,
            _ => self.value(part),
        });
        filled.collect()
    }
}

/// A key as it is in a variable: the line of its file between the others.
fn line(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

/// What lists of tokens have, by the command that the README names.
fn hash(token: &str) -> String {
    let mut command = Command::new("sh");
    command.args(["-c", "printf %s \"$1\" | sha256sum | cut -c1-32", "sh", token]);
    let output = command.output().expect("started");
    String::from_utf8(output.stdout).expect("text").trim().to_string()
}
