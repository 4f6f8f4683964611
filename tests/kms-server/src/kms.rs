//! The three operations, on their JSON.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::arn::{self, KeyName};
use crate::blob::{self, Blob};
use crate::http::{CANARY, Request, Response};
use crate::refusal::{self, Occasion, Refusal};
use crate::settings::{Answer, Fate, Settings};
use crate::signature;
use crate::sigv4::Credential;

/// The most bytes that `Encrypt` takes.
const MAX_PLAINTEXT: usize = 4096;

/// The answer to a path's nth request, from 0, at this time.
pub(crate) fn answer(request: &Request, settings: &Settings, turn: u64, now: i64) -> Response {
    let result = match settings.answer {
        Answer::Garbage => {
            Ok(Response::new(200, "application/x-amz-json-1.1", format!("{CANARY} {{]")))
        }
        Answer::Html500 => Ok(Response::proxy_page()),
        Answer::Redirect => Ok(Response::text(302, "").with("Location", "http://127.0.0.1:1/")),
        Answer::Work | Answer::Always(_) => work(request, settings, turn, now),
    };
    let response = result.unwrap_or_else(|refusal| refusal.response());
    response.with("x-amzn-RequestId", format!("00000000-0000-4000-8000-{turn:012x}"))
}

fn work(request: &Request, settings: &Settings, turn: u64, now: i64) -> Result<Response, Refusal> {
    let credential = Credential::of(request, "kms", now)?;
    if settings.secret.as_ref().is_some_and(|secret| !signature::is_of(request, secret)) {
        return Err(refusal::bad_signature());
    }
    match settings.fate(turn) {
        Fate::Throttled => return Err(Refusal::throttling()),
        Fate::Faulty(before) => return Err(Refusal::fault(before)),
        Fate::Heard => {}
    }
    let operation = operation(request)?;
    let body: Value = serde_json::from_slice(&request.body).map_err(|_| {
        Refusal::new(
            "SerializationException",
            "Start of structure or map found where not expected.",
        )
    })?;
    if let Answer::Always(always) = settings.answer {
        return Err(refuse(always, operation, &body, &credential.region));
    }
    let answer = match operation {
        "GenerateDataKey" => generate_data_key(&body, &credential.region, settings)?,
        "Encrypt" => encrypt(&body, &credential.region)?,
        _ => decrypt(&body, &credential.region, settings)?,
    };
    Ok(Response::new(200, "application/x-amz-json-1.1", answer.to_string()))
}

fn operation(request: &Request) -> Result<&str, Refusal> {
    let unknown = || {
        Refusal::new(
            "UnknownOperationException",
            "The operation is not known, or not in this form.",
        )
    };
    if request.header("content-type") != "application/x-amz-json-1.1" {
        return Err(unknown());
    }
    let name = request.header("x-amz-target").strip_prefix("TrentService.").ok_or_else(unknown)?;
    ["GenerateDataKey", "Encrypt", "Decrypt"].contains(&name).then_some(name).ok_or_else(unknown)
}

fn refuse(always: refusal::Always, operation: &str, body: &Value, region: &str) -> Refusal {
    let named = body["KeyId"].as_str().and_then(|text| KeyName::parse(text, region).ok());
    let sealed = ciphertext(body).and_then(|bytes| Blob::open(&bytes));
    let key = named.as_ref().map(|name| &name.key).or(sealed.as_ref().map(|blob| &blob.arn));
    always.refuse(&Occasion {
        operation,
        key: key.map(String::as_str),
        alias: named.as_ref().and_then(|name| name.alias.as_deref()),
    })
}

fn generate_data_key(body: &Value, region: &str, settings: &Settings) -> Result<Value, Refusal> {
    let name = body["KeyId"].as_str().ok_or_else(|| missing("keyId"))?;
    let name = KeyName::parse(name, region)?;
    let mut data_key = vec![0; settings.data_key.unwrap_or(length(body)?)];
    getrandom::fill(&mut data_key).expect("the system has random bytes");
    let context = context(body)?;
    let blob = Blob { arn: name.key, context, data_key };
    let answer = json!({
        "CiphertextBlob": BASE64_STANDARD.encode(blob.seal()),
        "KeyId": blob.arn,
        "Plaintext": BASE64_STANDARD.encode(&blob.data_key),
    });
    Ok(with_plaintext(answer, settings))
}

/// What it makes is opened by `Decrypt`, with the same context alone.
fn encrypt(body: &Value, region: &str) -> Result<Value, Refusal> {
    let name = body["KeyId"].as_str().ok_or_else(|| missing("keyId"))?;
    let name = KeyName::parse(name, region)?;
    let plaintext = body["Plaintext"].as_str().and_then(|text| BASE64_STANDARD.decode(text).ok());
    let data_key = plaintext.ok_or_else(|| missing("plaintext"))?;
    if !(1..=MAX_PLAINTEXT).contains(&data_key.len()) {
        return Err(Refusal::validation(
            "Value at 'plaintext' failed to satisfy constraint: 1 to 4096",
        ));
    }
    let blob = Blob { arn: name.key, context: context(body)?, data_key };
    Ok(json!({
        "CiphertextBlob": BASE64_STANDARD.encode(blob.seal()),
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "KeyId": blob.arn,
    }))
}

fn decrypt(body: &Value, region: &str, settings: &Settings) -> Result<Value, Refusal> {
    if body["CiphertextBlob"].is_null() {
        return Err(missing("ciphertextBlob"));
    }
    let blob = ciphertext(body)
        .and_then(|bytes| Blob::open(&bytes))
        .ok_or_else(Refusal::invalid_ciphertext)?;
    if arn::region(&blob.arn) != region {
        return Err(refusal::out_of_reach());
    }
    if let Some(name) = body["KeyId"].as_str()
        && KeyName::parse(name, region)?.key != blob.arn
    {
        return Err(refusal::incorrect_key());
    }
    if context(body)? != blob.context {
        return Err(Refusal::invalid_ciphertext());
    }
    let answer = json!({
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "KeyId": blob.arn,
        "Plaintext": BASE64_STANDARD.encode(opened(blob.data_key, settings)),
    });
    Ok(with_plaintext(answer, settings))
}

/// The data key that `Decrypt` answers. A length that is set counts here too, so that a ciphertext
/// made without settings shows what a client does with a key of that length.
fn opened(mut data_key: Vec<u8>, settings: &Settings) -> Vec<u8> {
    if let Some(length) = settings.data_key {
        data_key.resize(length, 0);
    }
    if settings.wrong_key {
        data_key.iter_mut().for_each(|byte| *byte ^= 0xff);
    }
    data_key
}

fn with_plaintext(mut answer: Value, settings: &Settings) -> Value {
    if settings.no_plaintext {
        answer.as_object_mut().expect("an object").remove("Plaintext");
    }
    answer
}

/// How long a data key is asked for: as a number or by its name, and not both.
fn length(body: &Value) -> Result<usize, Refusal> {
    match (&body["NumberOfBytes"], &body["KeySpec"]) {
        (Value::Null, Value::String(spec)) if spec == "AES_256" => Ok(32),
        (Value::Null, Value::String(spec)) if spec == "AES_128" => Ok(16),
        (Value::Number(number), Value::Null) => number
            .as_u64()
            .filter(|number| (1..=1024).contains(number))
            .map(|number| number as usize)
            .ok_or_else(|| {
                Refusal::validation(
                    "Value at 'numberOfBytes' failed to satisfy constraint: 1 to 1024",
                )
            }),
        _ => Err(Refusal::validation("Please specify either number of bytes or key spec.")),
    }
}

fn context(body: &Value) -> Result<std::collections::BTreeMap<String, String>, Refusal> {
    blob::context(&body["EncryptionContext"]).ok_or_else(|| {
        Refusal::new("SerializationException", "The encryption context is not a map of texts.")
    })
}

fn ciphertext(body: &Value) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(body["CiphertextBlob"].as_str()?).ok()
}

fn missing(member: &str) -> Refusal {
    Refusal::validation(&format!(
        "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    ))
}
