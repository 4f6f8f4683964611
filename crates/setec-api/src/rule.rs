//! What somebody may do, as it stands in the policy of a tailnet below the capability [`CAPABILITY`].

use crate::json::{Malformed, Value};

/// The capability whose values are rules.
pub const CAPABILITY: &str = "tailscale.com/cap/secrets";

/// Its name before. It counts where the other one has no values.
pub const OLD_CAPABILITY: &str = "https://tailscale.com/cap/secrets";

/// `{"action":["get","info"],"secret":["prod/*"]}`
///
/// Nothing of it is judged: an action that there is not allows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// The actions.
    pub action: Vec<String>,
    /// The patterns of names.
    pub secret: Vec<String>,
}

impl Rule {
    /// Reads one, as Go reads it: names of members in any case, those that are not known passed over, and `null` is an
    /// empty rule.
    ///
    /// # Errors
    ///
    /// When it is none, for instance because an action stands where there should be a list of them.
    pub fn decode(json: &[u8]) -> Result<Self, Malformed> {
        let mut rule = Self::default();
        Value::whole(json)?.members(|name, value| {
            if name.is("action") {
                value.set_texts(&mut rule.action)
            } else if name.is("secret") {
                value.set_texts(&mut rule.secret)
            } else {
                Ok(())
            }
        })?;
        Ok(rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rule, written as `action action: pattern pattern`.
    fn rule(text: &str) -> Result<Rule, Malformed> {
        let (action, secret) = text.split_once(':').expect("a colon");
        let words = |text: &str| {
            text.split(' ').filter(|word| !word.is_empty()).map(str::to_string).collect()
        };
        Ok(Rule { action: words(action), secret: words(secret) })
    }

    #[test]
    fn rules_are_read_as_go_reads_them() {
        for (json, expected) in [
            (r#"{"action":["get","info"],"secret":["prod/*"]}"#, "get info: prod/*"),
            (r#" { "ACTION" : [ "get" ] , "\u017fecret" : [ "a" ] } "#, "get: a"),
            (r#"{"note":{"secret":[1]},"action":["gett"]}"#, "gett:"),
            (r#"{"action":["get"],"Action":["put"]}"#, "put:"),
            (r#"{"action":["get"],"action":null}"#, ":"),
            (r#"{"action":["a","b"],"action":[null]}"#, "a:"),
            ("{}", ":"),
            ("null", ":"),
        ] {
            assert_eq!(Rule::decode(json.as_bytes()), rule(expected), "{json}");
        }
        let with_null = Rule::decode(br#"{"secret":[null]}"#).expect("a rule");
        assert_eq!(with_null.secret, [""]);
        let broken = Rule::decode(b"{\"secret\":[\"a\xff\"]}").expect("a rule");
        assert_eq!(broken.secret, ["a\u{fffd}"]);
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for json in [
            "",
            "[]",
            r#""get""#,
            r#"{"action":"get"}"#,
            r#"{"action":[1]}"#,
            r#"{"secret":{}}"#,
            r#"{"secret":[["a"]]}"#,
            "{} {}",
            "{",
        ] {
            assert_eq!(Rule::decode(json.as_bytes()), Err(Malformed), "{json}");
        }
    }
}
