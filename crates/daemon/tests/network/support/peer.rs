//! A daemon in a test's hands: it has the keys of one, and says what it is told to.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secretary_daemon::channel::Channel;
use secretary_daemon::form;
use secretary_daemon::token_id::TokenId;
use secretary_envelope::{NaclBox, SecretKey, Token};
use secretary_secret::Secret;
use serde_json::{Value, json};

use super::fake::{Received, Reply};
use super::world::World;

/// The daemon's end of an app's channel, and what opens tokens.
pub(crate) struct Peer {
    channel: Channel,
    tokens: NaclBox,
}

impl Peer {
    /// For the app with this number.
    pub(crate) fn new(world: &World, app: usize) -> Self {
        let app = &world.apps[app];
        let service = app.service.as_ref().map(SecretKey::public_key);
        let channel = Channel::of_daemon(&world.master, &app.deploy.public_key(), service.as_ref());
        Self { channel: channel.expect("good keys"), tokens: world.tokens() }
    }

    /// What a request says in its innermost box.
    pub(crate) fn read(&self, received: &Received) -> Value {
        let form = form::parse(Some("application/x-www-form-urlencoded"), &received.body);
        let envelope = form.expect("a form").envelope;
        let message = self.channel.open(envelope.as_bytes()).expect("the app's own channel");
        serde_json::from_slice(message.expose()).expect("JSON")
    }

    /// An answer that says this.
    pub(crate) fn say(&self, message: &Value) -> Reply {
        let message = Secret::from(message.to_string().into_bytes());
        Reply::new(200, self.channel.seal(&message).expect("random bytes"))
    }

    /// What the Go program's daemon answers.
    pub(crate) fn answer_as_old(&self, request: &Value) -> Reply {
        let token = text(&request["RequestedSecret"]);
        self.say(&json!({"PlaintextSecret": self.plaintext(token)}))
    }

    /// What a daemon answers.
    pub(crate) fn answer(&self, request: &Value) -> Reply {
        let id = &request["RequestID"];
        match request["RequestedSecrets"].as_array() {
            Some(_) => self.say(&json!({"RequestID": id, "PlaintextSecrets": self.items(request)})),
            None => {
                let mut answer = self.item(text(&request["RequestedSecret"]));
                answer["RequestID"] = id.clone();
                self.say(&answer)
            }
        }
    }

    /// What it answers about each of many.
    pub(crate) fn items(&self, request: &Value) -> Vec<Value> {
        let all = request["RequestedSecrets"].as_array().expect("a list").iter();
        all.map(|one| self.item(text(&one["Secret"]))).collect()
    }

    fn item(&self, token: &str) -> Value {
        let id = TokenId::of_all(token.as_bytes()).next().expect("a token");
        json!({"PlaintextSecret": self.plaintext(token), "TokenSHA256": id.to_string()})
    }

    fn plaintext(&self, token: &str) -> String {
        let token = Token::parse(token.as_bytes()).expect("a token");
        STANDARD.encode(self.tokens.open(&token).expect("a token of the config key").expose())
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
