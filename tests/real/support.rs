//! Keys, tokens, random values and the built program.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use secretary_envelope::{NaclBox, SecretKey};

/// The program that cargo built for the tests.
pub(crate) const SECRETARY: &str = env!("CARGO_BIN_EXE_secretary");

/// The program as it is shipped: static, optimized, with all features. scripts/test builds it with
/// scripts/build-static and says where it is.
pub(crate) fn shipped() -> String {
    std::env::var("SECRETARY_STATIC").expect("scripts/test sets SECRETARY_STATIC")
}

/// The program without AWS KMS, built as small as it gets.
pub(crate) fn small() -> String {
    std::env::var("SECRETARY_SMALL").expect("scripts/test sets SECRETARY_SMALL")
}

/// Two pairs, as text for the program and as a box for the test.
pub(crate) struct Keys {
    pub(crate) deploy_private: String,
    pub(crate) config_public: String,
    seal: NaclBox,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let master = SecretKey::generate().expect("random bytes");
        let config = SecretKey::generate().expect("random bytes");
        Self {
            deploy_private: line(&master.to_pem()),
            config_public: line(&config.public_key().to_pem()),
            seal: NaclBox::agree(&config, &master.public_key())
                .expect("generated keys are not weak"),
        }
    }

    pub(crate) fn seal(&self, plaintext: &[u8]) -> String {
        self.seal.seal(&plaintext.into()).expect("random bytes")
    }

    /// `program` with these keys and nothing else in its environment but a `PATH` that has secretary.
    pub(crate) fn command(&self, program: &str) -> Command {
        let folder = Path::new(SECRETARY).parent().expect("a program is in a folder");
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", folder.display()))
            .env("DEPLOY_PRIVATE_KEY", &self.deploy_private)
            .env("CONFIG_PUBLIC_KEY", &self.config_public)
            .stdin(Stdio::null());
        command
    }
}

fn line(pem: &str) -> String {
    pem.lines().nth(1).expect("the second of three lines").to_string()
}

/// The bytes `command` prints. It has to succeed, and to say nothing on standard error.
pub(crate) fn output_of(command: &mut Command) -> Vec<u8> {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; scripts/test installs it"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && stderr.is_empty(),
        "{command:?}: {}\n{stderr}",
        output.status
    );
    output.stdout
}

/// A block of `NAME=value` entries, each ended by a NUL byte, as `/proc/PID/environ` has it.
pub(crate) fn environ_block(block: &[u8]) -> BTreeMap<String, Vec<u8>> {
    block
        .split(|&byte| byte == 0)
        .filter_map(|entry| {
            let equals = entry.iter().position(|&byte| byte == b'=')?;
            Some((
                String::from_utf8_lossy(&entry[..equals]).into_owned(),
                entry[equals + 1..].to_vec(),
            ))
        })
        .collect()
}

/// xorshift64*: the same numbers for the same seed, so that a failure can be repeated.
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// A value without NUL of the kind that has broken quoting somewhere.
    pub(crate) fn value(&mut self) -> Vec<u8> {
        const NASTY: &[&str] = &[
            "'",
            "\"",
            "\\",
            "\\\\",
            "`",
            "$",
            "$(touch PWNED)",
            "`touch PWNED`",
            "';touch PWNED;'",
            "\n",
            "\n\n",
            "\r",
            "\r\n",
            "\t",
            " ",
            "  ",
            "   ",
            "*",
            "?",
            "[a-z]",
            "a",
            "b*",
            "!",
            "!!",
            "#",
            " #",
            ";",
            "&",
            "|",
            "<",
            ">",
            "(",
            ")",
            "@(a|b)",
            "{a,b}",
            "~",
            "~root",
            "%",
            "%s",
            "\\n",
            "\\0",
            "\\047",
            "=",
            "${HOME}",
            "$HOME",
            "-n",
            "-e",
            "--",
            "é",
            "密码",
            "\u{2019}",
            "\u{a0}",
            "\u{85}",
            "\u{2028}",
            "_",
            "_\n",
            "export X=1",
            "EOF",
            "\u{1b}[2J",
            "\u{7f}",
        ];
        let mut value = Vec::new();
        match self.below(4) {
            0 => (0..self.below(24)).for_each(|_| value.push(self.below(255) as u8 + 1)),
            1 => (0..self.below(24)).for_each(|_| value.push(self.below(95) as u8 + 32)),
            _ => (0..self.below(8)).for_each(|_| value.extend(self.pick(NASTY).bytes())),
        }
        value
    }
}
