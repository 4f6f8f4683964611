//! What an agent leaves out of what it prints: the values of keys that sound like credentials, keys of its
//! own, passwords in URLs.

use regex_lite::{Captures, Regex};
use secretary_secret::Secret;

/// A rule: what it looks for, what has to be in the line as well, and what is put there.
struct Rule {
    pattern: &'static str,
    needs: &'static [&'static str],
    by: &'static [Part],
}

enum Part {
    Group(usize),
    Text(&'static str),
}

use Part::{Group, Text};

const API_KEY: Part = Text("***************************");
const APP_KEY: Part = Text("***********************************");

/// The agent's rules for lines, in its order.
static RULES: [Rule; 8] = [
    Rule {
        pattern: r"(api_?key=)\b[a-zA-Z0-9]+([a-zA-Z0-9]{5})\b",
        needs: &["api_key", "apikey"],
        by: &[Group(1), API_KEY, Group(2)],
    },
    Rule {
        pattern: r"(ap(?:p|plication)_?key=)\b[a-zA-Z0-9]+([a-zA-Z0-9]{5})\b",
        needs: &["app_key", "appkey", "application_key"],
        by: &[Group(1), APP_KEY, Group(2)],
    },
    Rule { pattern: r"\b[a-fA-F0-9]{27}([a-fA-F0-9]{5})\b", needs: &[], by: &[API_KEY, Group(1)] },
    Rule { pattern: r"\b[a-fA-F0-9]{35}([a-fA-F0-9]{5})\b", needs: &[], by: &[APP_KEY, Group(1)] },
    Rule {
        pattern: r"([A-Za-z][A-Za-z0-9+-.]+://|\b)([^:]+):([^\s]+)@",
        needs: &["@"],
        by: &[Group(1), Group(2), Text(":********@")],
    },
    Rule {
        pattern: r"(\s*\w*(?:pass(?:word)?|pwd)\w*\s*:).+",
        needs: &["pass", "pwd"],
        by: &[Group(1), Text(" \"********\"")],
    },
    Rule {
        pattern: r"(^\s*\w*token\s*:).+",
        needs: &["token"],
        by: &[Group(1), Text(" \"********\"")],
    },
    Rule {
        pattern: r"(\s*(?:community_string|authKey|privKey|community|authentication_key|privacy_key)\s*:).+",
        needs: &["community", "authKey", "privKey", "authentication_key", "privacy_key"],
        by: &[Group(1), Text(" \"********\"")],
    },
];

/// The agent's rule for what goes on over lines: certificates and keys in PEM.
static PEM: Rule = Rule {
    pattern: r"-----BEGIN (?:.*)-----[A-Za-z0-9=\+/\s]*-----END (?:.*)-----",
    needs: &["BEGIN"],
    by: &[Text("********")],
};

/// The rules, ready to be used.
pub struct Scrubber {
    lines: Vec<(Regex, &'static Rule)>,
    pem: Regex,
}

impl Scrubber {
    /// The agent's.
    pub fn new() -> Self {
        let ready = |rule: &'static Rule| {
            (Regex::new(rule.pattern).expect("a pattern of ours is well formed"), rule)
        };
        Self { lines: RULES.iter().map(ready).collect(), pem: ready(&PEM).0 }
    }

    /// `text` with every line scrubbed, and then what goes on over lines.
    pub fn scrub(&self, text: &Secret) -> Secret {
        let mut scrubbed = Secret::with_capacity(text.len());
        for line in text.expose().split_inclusive(|byte| *byte == b'\n') {
            // What is no text, an agent could not print either.
            let Ok(line) = std::str::from_utf8(line) else { continue };
            let end = line.trim_end_matches('\n').len();
            scrubbed.extend(self.line(&line[..end]).expose());
            scrubbed.extend(&line.as_bytes()[end..]);
        }
        match std::str::from_utf8(scrubbed.expose()) {
            Ok(text) if PEM.needs.iter().any(|word| text.contains(word)) => {
                replaced(text, &self.pem, PEM.by)
            }
            _ => scrubbed,
        }
    }

    fn line(&self, line: &str) -> Secret {
        let mut line = Secret::from(line.as_bytes());
        for (regex, rule) in &self.lines {
            let text = std::str::from_utf8(line.expose()).expect("it came from a string");
            if rule.needs.is_empty() || rule.needs.iter().any(|word| text.contains(word)) {
                line = replaced(text, regex, rule.by);
            }
        }
        line
    }
}

impl Default for Scrubber {
    fn default() -> Self {
        Self::new()
    }
}

fn replaced(text: &str, regex: &Regex, by: &[Part]) -> Secret {
    let mut result = Secret::with_capacity(text.len());
    let mut end = 0;
    for found in regex.captures_iter(text) {
        let whole = found.get(0).expect("a match has a whole");
        result.extend(&text.as_bytes()[end..whole.start()]);
        by.iter().for_each(|part| result.extend(bytes(part, &found)));
        end = whole.end();
    }
    result.extend(&text.as_bytes()[end..]);
    result
}

fn bytes<'a>(part: &Part, found: &Captures<'a>) -> &'a [u8] {
    match part {
        Text(text) => text.as_bytes(),
        Group(number) => found.get(*number).map_or(&[], |group| group.as_str().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_leaves_out_is_left_out() {
        let key = "0123456789abcdef0123456789abcdef";
        for (line, expected) in [
            ("password: x y", "password: \"********\""),
            ("  my_pwd_old: x", "  my_pwd_old: \"********\""),
            ("auth_token: x", "auth_token: \"********\""),
            ("tokens: x", "tokens: x"),
            ("community_string: x", "community_string: \"********\""),
            ("url: http://user:secret@host:1/x", "url: http://user:********@host:1/x"),
            (
                "url: http://host/?api_key=abcdefghij",
                "url: http://host/?api_key=***************************fghij",
            ),
            ("host: db", "host: db"),
            ("", ""),
        ] {
            let scrubbed = Scrubber::new().scrub(&Secret::from(format!("{line}\n").into_bytes()));
            let scrubbed = String::from_utf8_lossy(scrubbed.expose()).into_owned();
            assert_eq!(scrubbed, format!("{expected}\n"));
        }
        let pem = "key: |-\n  -----BEGIN RSA PRIVATE KEY-----\n  QUJD+/8=\n  -----END RSA PRIVATE KEY-----\na: 1\n";
        let scrubbed = Scrubber::new().scrub(&Secret::from(pem.as_bytes()));
        assert_eq!(scrubbed.expose(), b"key: |-\n  ********\na: 1\n");
        let line = format!("k: {key}\n- {key}01234567");
        let scrubbed = Scrubber::new().scrub(&Secret::from(line.as_bytes()));
        let expected =
            "k: ***************************bcdef\n- ***********************************34567";
        assert_eq!(String::from_utf8_lossy(scrubbed.expose()), expected);
    }
}
