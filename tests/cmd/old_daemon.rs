//! A daemon that speaks the protocol of the Go program alone, for transcripts: its answers say nothing of the request
//! that they belong to. It holds the master private key, and knows one workload, the one with the deploy key of the
//! prelude, which may have any secret.
//!
//! | path | what it answers |
//! |---|---|
//! | none | what was asked for |
//! | `/echo` | the request, as something between it and the client could |
//! | `/replay` | an answer to another request |
//! | `/for-another` | what was asked for, sealed for another workload |

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secretary_envelope::{NaclBox, PublicKey, SecretKey, Token};
use secretary_test_cluster::{Answer, Server};
use secretary_test_kms::http::Request;
use serde_json::{Value, json};

const TEXT: &str = "text/plain; charset=utf-8";

/// What it says to a request inside a second box, of a service key that it does not know.
const NO_JSON: &str =
    "Failed to parse JSON request (invalid character 'E' looking for beginning of value)\n";

/// What it says to a token that its keys do not open, a KMS token for instance.
const NOT_OPENED: &str =
    "Failed to decrypt plaintext secret, incorrect config or master key? (Not configured)\n";

/// Starts it with keys that `key` finds by their names in the prelude.
pub(crate) fn start(key: impl Fn(&str) -> String) -> Server {
    let private = |name| SecretKey::parse(key(name).as_bytes()).expect("a private key");
    let public = |name| PublicKey::parse(key(name).as_bytes()).expect("a public key");
    let agree = |peer| NaclBox::agree(&private("master_private"), &public(peer)).expect("strong");
    let daemon = |peer| Daemon {
        config: agree("config_public"),
        deploy: agree("deploy_public"),
        answers: agree(peer),
    };
    let server = Server::start();
    server.serve("/v1/status", Answer::new(200, "text/plain", r#"{"Status":"OK"}"#));
    let (own, for_another) = (daemon("deploy_public"), daemon("other_public"));
    server.serve_with("/v1/decrypt", move |request| own.answer(request));
    server.serve_with("/for-another/v1/decrypt", move |request| for_another.answer(request));
    server.serve_with("/echo/v1/decrypt", |request| Answer::new(200, TEXT, envelope(request)));
    let replaying = daemon("deploy_public");
    server.serve_with("/replay/v1/decrypt", move |_| replaying.seal(b"the secret of another"));
    server
}

/// The boxes that it has with others.
struct Daemon {
    config: NaclBox,
    deploy: NaclBox,
    /// Whom it answers.
    answers: NaclBox,
}

impl Daemon {
    fn answer(&self, request: &Request) -> Answer {
        let request = open(&self.deploy, &envelope(request)).expect("sealed by the workload");
        let Ok(request) = serde_json::from_slice::<Value>(&request) else {
            return Answer::new(400, TEXT, NO_JSON);
        };
        let token = request["RequestedSecret"].as_str().expect("one secret");
        match open(&self.config, token) {
            Some(secret) => self.seal(&secret),
            None => Answer::new(400, TEXT, NOT_OPENED),
        }
    }

    fn seal(&self, plaintext: &[u8]) -> Answer {
        let answer = json!({"PlaintextSecret": BASE64_STANDARD.encode(plaintext)}).to_string();
        let sealed = self.answers.seal(&answer.as_bytes().into()).expect("random bytes");
        Answer::new(200, TEXT, sealed)
    }
}

fn open(sealed: &NaclBox, token: &str) -> Option<Vec<u8>> {
    let plaintext = sealed.open(&Token::parse(token.as_bytes())?).ok()?;
    Some(plaintext.expose().to_vec())
}

/// The field of the form, in which a token has no other characters to be escaped than these.
fn envelope(request: &Request) -> String {
    let form = str::from_utf8(&request.body).expect("text");
    let field = form.split('&').find_map(|field| field.strip_prefix("envelope=")).expect("a token");
    let escapes =
        [("%5B", "["), ("%5D", "]"), ("%2C", ","), ("%2B", "+"), ("%2F", "/"), ("%3D", "=")];
    escapes.iter().fold(field.to_string(), |text, (from, to)| text.replace(from, to))
}
