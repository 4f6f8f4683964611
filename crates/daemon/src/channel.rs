//! The boxes around a message: one between deploy and master key, and if the workload has a service key, one
//! between that and the master key inside it.
//!
//! A NaCl box opens from both ends, so client and daemon use the same channel, each made of its own private
//! and the other's public keys; and so a channel alone can't tell a request from an answer.

use secretary_envelope::{NaclBox, PublicKey, SecretKey, Token, WeakKey};
use secretary_secret::Secret;

/// The keys that both ends agreed on.
pub struct Channel {
    deploy: NaclBox,
    service: Option<NaclBox>,
}

/// Which of the boxes did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The outer one.
    Deploy,
    /// The inner one.
    Service,
}

impl Channel {
    /// The channel of a workload, by its private keys and the master's public one.
    ///
    /// # Errors
    ///
    /// When the master's key is one of the known weak ones.
    pub fn of_workload(
        deploy: &SecretKey,
        service: Option<&SecretKey>,
        master: &PublicKey,
    ) -> Result<Self, WeakKey> {
        let service = service.map(|service| NaclBox::agree(service, master)).transpose()?;
        Ok(Self { deploy: NaclBox::agree(deploy, master)?, service })
    }

    /// The channel of a daemon, by its private key and the workload's public ones.
    ///
    /// # Errors
    ///
    /// When one of those is one of the known weak ones.
    pub fn of_daemon(
        master: &SecretKey,
        deploy: &PublicKey,
        service: Option<&PublicKey>,
    ) -> Result<Self, WeakKey> {
        let service = service.map(|service| NaclBox::agree(master, service)).transpose()?;
        Ok(Self { deploy: NaclBox::agree(master, deploy)?, service })
    }

    /// Seals `message` into the text of a token.
    ///
    /// # Errors
    ///
    /// When the system has no random bytes to give.
    pub fn seal(&self, message: &Secret) -> Result<String, getrandom::Error> {
        match &self.service {
            Some(service) => {
                let inner = service.seal(message)?;
                self.deploy.seal(&Secret::from(inner.into_bytes()))
            }
            None => self.deploy.seal(message),
        }
    }

    /// Opens `text`, which is to be one whole token.
    ///
    /// # Errors
    ///
    /// The layer that does not open.
    pub fn open(&self, text: &[u8]) -> Result<Secret, Layer> {
        let message = open(&self.deploy, text).ok_or(Layer::Deploy)?;
        match &self.service {
            Some(service) => open(service, message.expose()).ok_or(Layer::Service),
            None => Ok(message),
        }
    }
}

fn open(nacl: &NaclBox, text: &[u8]) -> Option<Secret> {
    nacl.open(&Token::parse(text)?).ok()
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Channel(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(has_service: bool) -> (Channel, Channel) {
        let [master, deploy, service] = [1, 2, 3].map(|n| SecretKey::from(&[n; 32]));
        let service = has_service.then_some(service);
        let public = service.as_ref().map(SecretKey::public_key);
        let client = Channel::of_workload(&deploy, service.as_ref(), &master.public_key());
        let daemon = Channel::of_daemon(&master, &deploy.public_key(), public.as_ref());
        (client.expect("good keys"), daemon.expect("good keys"))
    }

    #[test]
    fn opens_at_the_other_end() {
        for has_service in [false, true] {
            let (client, daemon) = both(has_service);
            let message = Secret::from(b"message".as_slice());
            let text = client.seal(&message).expect("random bytes");
            assert_eq!(daemon.open(text.as_bytes()), Ok(message));
            let around = format!("{text}\n");
            assert_eq!(daemon.open(around.as_bytes()), Err(Layer::Deploy));
        }
    }

    #[test]
    fn says_which_key_is_missing() {
        let (bare, with_service) = (both(false).0, both(true).1);
        let text = bare.seal(&Secret::from(b"message".as_slice())).expect("random bytes");
        assert_eq!(with_service.open(text.as_bytes()), Err(Layer::Service));
        assert_eq!(with_service.open(b"ENC[NACL,AAAA]"), Err(Layer::Deploy));
    }
}
