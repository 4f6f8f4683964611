//! The environment of an app: keys and tokens, and much that is nobody's business here.

use std::collections::HashSet;
use std::fmt;

use secretary_envelope::{KeyError, PublicKey};
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use crate::orchestrator::json::Text;
use crate::refusal::Refusal;
use crate::token_id::TokenId;
use crate::workload::{Grants, Workload};

/// What is taken of an environment.
#[derive(Default)]
pub(super) struct Env {
    deploy: Option<Result<PublicKey, KeyError>>,
    service: Option<Result<PublicKey, KeyError>>,
    tokens: HashSet<TokenId>,
}

impl Env {
    /// The workload whose environment it is.
    pub(super) fn workload(self) -> Result<Workload, Refusal> {
        let deploy = self.deploy.ok_or(Refusal::NoDeployVariable)?;
        let deploy = deploy.map_err(|_| Refusal::BadDeployKey)?;
        let service = self.service.transpose().map_err(|_| Refusal::BadServiceKey)?;
        Ok(Workload::new(deploy, service, Grants::Tokens(self.tokens)))
    }

    fn take(&mut self, name: &[u8], value: Result<&str, KeyError>) {
        let key = || value.and_then(|value| PublicKey::parse(value.as_bytes()));
        match name {
            b"DEPLOY_PUBLIC_KEY" => self.deploy = Some(key()),
            b"SERVICE_PUBLIC_KEY" => self.service = Some(key()),
            _ => {}
        }
        self.tokens.extend(value.into_iter().flat_map(|value| TokenId::of_all(value.as_bytes())));
    }
}

impl<'de> Deserialize<'de> for Env {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Variables)
    }
}

struct Variables;

impl<'de> Visitor<'de> for Variables {
    type Value = Env;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an environment")
    }

    /// A name that comes twice has two values, of which the task has one.
    fn visit_map<A: MapAccess<'de>>(self, mut variables: A) -> Result<Env, A::Error> {
        let mut env = Env::default();
        let mut names = HashSet::new();
        while let Some(name) = variables.next_key::<Text<'de>>()? {
            variables.next_value_seed(Value { env: &mut env, name: name.as_bytes() })?;
            if !names.insert(name.as_bytes().to_vec()) {
                return Err(A::Error::custom("a variable comes twice"));
            }
        }
        Ok(env)
    }
}

/// The value of a variable. It is looked at and not kept.
///
/// The Go program fails when there is one that is no text, such as a reference to a secret that DC/OS fills in. Those
/// have no tokens, and are skipped, except where a key should be: a service key that can't be read is not the same
/// as none.
struct Value<'a> {
    env: &'a mut Env,
    name: &'a [u8],
}

impl Value<'_> {
    fn skip<E>(self) -> Result<(), E> {
        self.env.take(self.name, Err(KeyError::NoKey));
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value of a variable")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.env.take(self.name, Ok(text));
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.visit_str("")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.skip()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.skip()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.skip()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.skip()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        self.skip()
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.skip()
    }
}

#[cfg(test)]
mod tests {
    use secretary_envelope::SecretKey;
    use serde_json::json;

    use super::*;
    use crate::refusal::Upstream;

    const KEY: &str = "omO6DSEw/mZDG9NuhyEC4uYbgwwqEivOuX0EqX9+Ql0=";

    fn workload(env: &str) -> Result<Workload, Refusal> {
        let env: Result<Env, _> = serde_json::from_str(env);
        env.map_err(|_| Refusal::Unreadable(Upstream::Marathon))?.workload()
    }

    fn tokens(env: &str) -> HashSet<TokenId> {
        match workload(env).expect("a workload").grants {
            Grants::Tokens(tokens) => tokens,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn keys_come_from_the_environment() {
        let pem = SecretKey::from(&[1; 32]).public_key().to_pem();
        let env = json!({"DEPLOY_PUBLIC_KEY": pem.as_str(), "SERVICE_PUBLIC_KEY": KEY});
        let found = workload(&env.to_string()).expect("a workload");
        assert_eq!(Ok(&found.deploy), PublicKey::parse(pem.as_bytes()).as_ref());
        assert_eq!(found.service, PublicKey::parse(KEY.as_bytes()).ok());
        assert!(workload(&json!({"DEPLOY_PUBLIC_KEY": KEY}).to_string()).is_ok());
    }

    #[test]
    fn a_missing_or_bad_key_is_refused() {
        let with_service = |value: &str| {
            format!(r#"{{"DEPLOY_PUBLIC_KEY": "{KEY}", "SERVICE_PUBLIC_KEY": {value}}}"#)
        };
        for env in ["{}", r#"{"deploy_public_key": "x"}"#] {
            assert_eq!(workload(env).map(|_| ()), Err(Refusal::NoDeployVariable), "{env}");
        }
        for value in
            [r#""""#, r#""nonsense""#, "null", r#"{"secret": "x"}"#, "1", "-1", "1.5", "true", "[]"]
        {
            let env = format!(r#"{{"DEPLOY_PUBLIC_KEY": {value}}}"#);
            assert_eq!(workload(&env).map(|_| ()), Err(Refusal::BadDeployKey), "{value}");
            let refused = workload(&with_service(value)).map(|_| ());
            assert_eq!(refused, Err(Refusal::BadServiceKey), "{value}");
        }
        let unreadable = Err(Refusal::Unreadable(Upstream::Marathon));
        let key = format!(r#""DEPLOY_PUBLIC_KEY": "{KEY}""#);
        for env in [
            "[]".to_string(),
            "null".to_string(),
            r#""""#.to_string(),
            format!("{{{key}, {key}}}"),
            format!(r#"{{{key}, "A": "1", "A": "1"}}"#),
            format!(r#"{{{key}, "A": "1", "\u0041": "1"}}"#),
        ] {
            assert_eq!(workload(&env).map(|_| ()), unreadable, "{env}");
        }
    }

    #[test]
    fn every_token_in_the_environment_is_granted_and_nothing_else() {
        let env = json!({
            "DEPLOY_PUBLIC_KEY": KEY,
            "A": "ENC[KMS,AAAA]",
            "B": "amqp://guest:ENC[NACL,BB\n BB]@host/ENC[KMS,CCCC]",
            "ENC[KMS,DDDD]": "ENC[KMS,",
            "C": {"secret": "ENC[KMS,EEEE]"},
            "D": ["ENC[KMS,FFFF]"],
            "E": null,
        });
        let granted = b"ENC[KMS,AAAA] ENC[NACL,BBBB] ENC[KMS,CCCC]";
        assert_eq!(tokens(&env.to_string()), TokenId::of_all(granted).collect());
        let escaped = format!(
            r#"{{"DEPLOY_PUBLIC_KEY": "{KEY}", "\u0041": "ENC\u005bKMS,AA\nAA\/A]", "A2": 1e9}}"#
        );
        assert_eq!(tokens(&escaped), TokenId::of_all(b"ENC[KMS,AAAA/A]").collect());
    }
}
