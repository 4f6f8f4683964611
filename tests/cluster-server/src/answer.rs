//! One answer, and how it is sent.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secretary_test_kms::http::{CANARY, Response};
use secretary_test_kms::wire::Wire;
use serde_json::{Value, json};

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(crate) response: Response,
    pub(crate) wire: Wire,
}

impl Answer {
    /// An answer with one header, the type of its body.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Response::new(status, content_type, body).into()
    }

    /// 200 with JSON.
    pub fn json(value: &Value) -> Self {
        Response::json(200, value).into()
    }

    /// A status with a message that nobody may pass on.
    pub fn status(status: u16) -> Self {
        Response::json(status, &json!({"message": CANARY})).into()
    }

    /// A redirect.
    pub fn redirect(status: u16, location: impl Into<String>) -> Self {
        Self::status(status).with("Location", location)
    }

    /// An answer as it was recorded: `{"status": 200, "headers": [[name, value]], "body": {"text": ".."}}`,
    /// where a body that is no text is `{"base64": ".."}`.
    ///
    /// # Panics
    ///
    /// When it is anything else.
    pub fn recorded(value: &Value) -> Self {
        let status = value["status"].as_u64().and_then(|status| status.try_into().ok());
        let headers = value["headers"].as_array().expect("headers are a list").iter();
        let text = |value: &Value| value.as_str().expect("a text").to_string();
        let body = match value["body"].get("base64") {
            Some(base64) => BASE64_STANDARD.decode(text(base64)).expect("base64"),
            None => text(&value["body"]["text"]).into_bytes(),
        };
        let headers = headers.map(|pair| (text(&pair[0]), text(&pair[1]))).collect();
        Response { status: status.expect("a status"), headers, body }.into()
    }

    /// The same with one header more.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.response = self.response.with(name, value);
        self
    }

    /// The same, sent in this way.
    pub fn sent(self, wire: Wire) -> Self {
        Self { wire, ..self }
    }
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self { response, wire: Wire::Whole }
    }
}
