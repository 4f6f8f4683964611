//! A text of tokens, and the keys that open them.

use std::fmt;

use secretary_envelope::{NaclBox, Opener, PublicKey, SecretKey};
use secretary_secret::Secret;

/// Length of each secret, in bytes: that of a generated password or a key.
pub const PLAINTEXT: usize = 32;

/// What every token starts with; each takes a line.
pub const HEAD: &str = "ENC[NACL,";

/// A text with one token a line.
pub struct Sample {
    /// The private key that opens.
    pub own: SecretKey,
    /// The public key of who sealed.
    pub peer: PublicKey,
    /// The tokens, each followed by a line feed.
    pub text: String,
    count: usize,
}

impl Sample {
    /// A text of `count` tokens.
    pub fn of(count: usize) -> Self {
        let (config, own) = (SecretKey::from(&[1; 32]), SecretKey::from(&[2; 32]));
        let seal = NaclBox::agree(&config, &own.public_key()).expect("no weak keys");
        let lines = (0..count).map(|n| {
            let secret = Secret::from(plaintext(n));
            seal.seal(&secret).expect("random bytes") + "\n"
        });
        let text = lines.collect();
        Self { own, peer: config.public_key(), text, count }
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// The encoded bodies of the tokens.
    pub fn bodies(&self) -> impl Iterator<Item = &[u8]> {
        self.text.lines().map(|line| &line.as_bytes()[HEAD.len()..line.len() - 1])
    }

    /// An opener whose key agreement is made.
    pub fn opener(&self) -> Opener {
        Opener::from(NaclBox::agree(&self.own, &self.peer).expect("no weak keys"))
    }

    /// An opener that has yet to make it.
    pub fn fresh_opener(&self) -> Opener {
        let own = SecretKey::parse(self.own.to_pem().as_bytes()).expect("our own text");
        Opener::new(Some((own, self.peer.clone())))
    }

    /// What opening all tokens has to answer.
    pub fn plaintext_sum(&self) -> u64 {
        (0..self.count).map(|n| crate::sum(&plaintext(n))).sum()
    }
}

/// Letters alone, so that a shell and a terminal take them as they are.
fn plaintext(number: usize) -> Vec<u8> {
    (0..PLAINTEXT).map(|place| b'a' + ((number + place) % 26) as u8).collect()
}

impl fmt::Display for Sample {
    /// The keys as variables, and the tokens: a line each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = |pem: &str| pem.lines().nth(1).unwrap_or_default().to_string();
        writeln!(f, "DEPLOY_PRIVATE_KEY={}", bare(&self.own.to_pem()))?;
        writeln!(f, "CONFIG_PUBLIC_KEY={}", bare(&self.peer.to_pem()))?;
        f.write_str(&self.text)
    }
}
