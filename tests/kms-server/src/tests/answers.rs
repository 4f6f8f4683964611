//! What is answered when the answer arrives whole.

use std::time::Instant;

use super::*;

/// The ciphertext and the data key of a fresh one.
fn fresh(client: &mut Client, context: &Value) -> (Value, Value) {
    let body = json!({"KeyId": "alias/app", "KeySpec": "AES_256", "EncryptionContext": context});
    let (status, _, body) = client.ask(&signed("", "GenerateDataKey", &body));
    assert_eq!(status, 200, "{body}");
    let answer = parsed(&body);
    (answer["CiphertextBlob"].clone(), answer["Plaintext"].clone())
}

#[test]
fn another_server_opens_what_one_sealed() {
    let context = json!({"stage": "test", "app": "ä"});
    let (sealed, data_key) = fresh(&mut Client::of(&Server::start()), &context);
    let other = Server::start();
    let body =
        json!({"CiphertextBlob": sealed, "EncryptionContext": context, "KeyId": "alias/app"});
    let (status, _, answer) = Client::of(&other).ask(&signed("/", "Decrypt", &body));
    assert_eq!((status, &parsed(&answer)["Plaintext"]), (200, &data_key));
    let arn = parsed(&answer)["KeyId"].as_str().unwrap().to_string();
    assert!(arn.starts_with("arn:aws:kms:eu-west-1:111122223333:key/"), "{arn}");
}

#[test]
fn opens_nothing_else() {
    let server = Server::start();
    let client = &mut Client::of(&server);
    let (sealed, _) = fresh(client, &json!({"a": "b"}));
    for (region, body, kind) in [
        ("eu-west-1", json!({"CiphertextBlob": sealed}), "InvalidCiphertextException"),
        (
            "eu-west-1",
            json!({"CiphertextBlob": sealed, "EncryptionContext": {"a": "c"}}),
            "InvalidCiphertextException",
        ),
        ("eu-west-1", json!({"CiphertextBlob": "AAAA"}), "InvalidCiphertextException"),
        ("eu-west-1", json!({"CiphertextBlob": sealed, "KeyId": "other"}), "IncorrectKeyException"),
        (
            "us-east-1",
            json!({"CiphertextBlob": sealed, "EncryptionContext": {"a": "b"}}),
            "AccessDeniedException",
        ),
        ("eu-west-1", json!({}), "ValidationException"),
    ] {
        let (status, _, answer) = client.ask(&signed_for(region, "", "Decrypt", &body));
        assert_eq!((status, &parsed(&answer)["__type"]), (400, &json!(kind)), "{body}");
    }
}

#[test]
fn decrypts_what_it_encrypted_for_the_same_context_and_key() {
    let server = Server::start();
    let client = &mut Client::of(&server);
    let context = json!({"store": "1"});
    let wanted = json!({"KeyId": "k", "Plaintext": "AAAA", "EncryptionContext": context});
    let encrypted = |client: &mut Client| {
        let (status, _, answer) = client.ask(&signed("", "Encrypt", &wanted));
        assert_eq!(status, 200, "{answer}");
        assert_eq!(parsed(&answer)["KeyId"], "arn:aws:kms:eu-west-1:111122223333:key/k");
        parsed(&answer)["CiphertextBlob"].clone()
    };
    let sealed = encrypted(client);
    assert_ne!(sealed, encrypted(client), "KMS never makes the same ciphertext twice");
    for (key, context, part) in [
        ("k", &context, "\"Plaintext\":\"AAAA\""),
        ("k", &json!({"store": "2"}), "InvalidCiphertextException"),
        ("k", &json!({}), "InvalidCiphertextException"),
        ("other", &context, "IncorrectKeyException"),
    ] {
        let body = json!({"KeyId": key, "CiphertextBlob": sealed, "EncryptionContext": context});
        let (_, _, answer) = client.ask(&signed("", "Decrypt", &body));
        assert!(answer.contains(part), "{key} {context}: {answer}");
    }
}

#[test]
fn refuses_what_kms_has_no_answer_to() {
    let server = Server::start();
    let client = &mut Client::of(&server);
    let ask = |operation, body| signed("", operation, &body);
    let good = generate("");
    for (request, kind) in [
        (ask("ReEncrypt", json!({})), "UnknownOperationException"),
        (ask("Encrypt", json!({"Plaintext": "AAAA"})), "ValidationException"),
        (ask("Encrypt", json!({"KeyId": "k"})), "ValidationException"),
        (ask("Encrypt", json!({"KeyId": "k", "Plaintext": ""})), "ValidationException"),
        (
            ask("Encrypt", json!({"KeyId": "k", "Plaintext": "AAAA".repeat(1366)})),
            "ValidationException",
        ),
        (ask("Encrypt", json!({"KeyId": "a key", "Plaintext": "AAAA"})), "NotFoundException"),
        (good.replace("x-amz-json-1.1", "x-amz-json-1.0"), "UnknownOperationException"),
        (ask("GenerateDataKey", json!({"NumberOfBytes": 32})), "ValidationException"),
        (ask("GenerateDataKey", json!({"KeyId": "k"})), "ValidationException"),
        (ask("GenerateDataKey", json!({"KeyId": "k", "NumberOfBytes": 0})), "ValidationException"),
        (
            ask(
                "GenerateDataKey",
                json!({"KeyId": "k", "NumberOfBytes": 32, "KeySpec": "AES_256"}),
            ),
            "ValidationException",
        ),
        (
            ask("GenerateDataKey", json!({"KeyId": "a key", "NumberOfBytes": 32})),
            "NotFoundException",
        ),
        (good.replace('{', "["), "SerializationException"),
        (good.replace("Authorization", "X-Other"), "MissingAuthenticationTokenException"),
        (good.replace("host;", ""), "IncompleteSignatureException"),
        (good.replace("X-Amz-Date", "X-Other"), "IncompleteSignatureException"),
        (at(1_767_225_600), "InvalidSignatureException"),
        (at(clock::now() + 400), "InvalidSignatureException"),
    ] {
        let (status, _, answer) = client.ask(&request);
        assert_eq!((status, &parsed(&answer)["__type"]), (400, &json!(kind)), "{request}");
    }
    assert_eq!(client.ask(&good).0, 200);
}

/// A request that would be good at another time.
fn at(seconds: i64) -> String {
    let (request, now, then) = (generate(""), clock::basic(clock::now()), clock::basic(seconds));
    let dated = request.replace(&format!("/{}/", &now[..8]), &format!("/{}/", &then[..8]));
    let start = dated.find("X-Amz-Date: ").unwrap() + 12;
    format!("{}{then}{}", &dated[..start], &dated[start + 16..])
}

#[test]
fn each_error_setting_answers_its_error() {
    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/k";
    let server = Server::start();
    let client = &mut Client::of(&server);
    for (setting, status, kind, part) in [
        (
            "denied",
            400,
            "AccessDeniedException",
            "not authorized to perform: kms:GenerateDataKey on resource: arn:",
        ),
        ("disabled", 400, "DisabledException", "key/k is disabled."),
        ("unknown", 400, "NotFoundException", "key/k' does not exist"),
        ("pending-deletion", 400, "KMSInvalidStateException", "key/k is pending deletion."),
        ("incorrect-key", 400, "IncorrectKeyException", "The key ID in the request"),
        ("expired", 400, "ExpiredTokenException", "is expired"),
        ("unrecognized", 400, "UnrecognizedClientException", "is invalid."),
        ("bad-signature", 400, "InvalidSignatureException", "does not match the signature"),
        ("skew", 400, "InvalidSignatureException", "Signature expired: 20260101T000000Z"),
        ("key-unavailable", 500, "KeyUnavailableException", "key/k"),
        ("dependency-timeout", 503, "DependencyTimeoutException", "timed out"),
        ("throttle", 400, "ThrottlingException", "rate"),
        ("fault", 500, "KMSInternalException", ""),
    ] {
        let body = json!({"KeyId": KEY, "NumberOfBytes": 32});
        let (code, head, answer) = client.ask(&signed(setting, "GenerateDataKey", &body));
        let answer = parsed(&answer);
        assert_eq!((code, &answer["__type"]), (status, &json!(kind)), "{setting}");
        assert!(answer["message"].as_str().unwrap().contains(part), "{setting}: {answer}");
        assert!(head.contains("Content-Type: application/x-amz-json-1.1"), "{head}");
    }
    let (_, _, answer) = client.ask(&generate("invalid-ciphertext"));
    assert_eq!(parsed(&answer), json!({"__type": "InvalidCiphertextException"}));
    let (_, _, answer) = client.ask(&generate("unknown"));
    assert!(
        answer.contains("Alias arn:aws:kms:eu-west-1:111122223333:alias/app is not found."),
        "{answer}"
    );
}

#[test]
fn an_error_about_a_ciphertext_names_its_key() {
    let server = Server::start();
    let client = &mut Client::of(&server);
    let (sealed, _) = fresh(client, &json!({}));
    for (sealed, part) in [
        (sealed, "resource: arn:"),
        (json!("AAAA"), "the resource associated with this ciphertext"),
    ] {
        let (_, _, answer) =
            client.ask(&signed("denied", "Decrypt", &json!({"CiphertextBlob": sealed})));
        assert!(answer.contains(&format!("kms:Decrypt on {part}")), "{answer}");
    }
}

#[test]
fn settings_change_the_data_key() {
    let server = Server::start();
    let client = &mut Client::of(&server);
    let (sealed, data_key) = fresh(client, &json!({}));
    let mut plaintext = |path, operation, body: &Value| {
        let (status, _, answer) = client.ask(&signed(path, operation, body));
        assert_eq!(status, 200, "{path}");
        parsed(&answer)["Plaintext"].clone()
    };
    let (sealed, wanted) =
        (json!({"CiphertextBlob": sealed}), json!({"KeyId": "k", "NumberOfBytes": 32}));
    for operation in [("GenerateDataKey", &wanted), ("Decrypt", &sealed)] {
        assert_eq!(plaintext("no-plaintext", operation.0, operation.1), Value::Null);
        // 32 bytes are 44 characters, and 5 bytes are 8.
        assert_eq!(plaintext("data-key-5", operation.0, operation.1).as_str().unwrap().len(), 8);
        assert_eq!(plaintext("data-key-0", operation.0, operation.1), json!(""));
    }
    let wrong = plaintext("wrong-key", "Decrypt", &sealed);
    assert_eq!(wrong.as_str().unwrap().len(), 44);
    assert_ne!(wrong, data_key);
    assert_eq!(plaintext("", "Decrypt", &sealed), data_key);
}

#[test]
fn shares_are_counted_for_each_path() {
    let server = Server::start();
    let client = &mut Client::of(&server);
    let mut kinds = |path: &str, count: usize| -> Vec<String> {
        (0..count)
            .map(|_| {
                parsed(&client.ask(&generate(path)).2)["__type"].as_str().unwrap_or("-").to_string()
            })
            .collect()
    };
    assert_eq!(kinds("throttle-50", 4), ["ThrottlingException", "-", "ThrottlingException", "-"]);
    assert_eq!(kinds("run-a/throttle-90/", 10)[8..], ["ThrottlingException", "-"]);
    // With and without a slash at the end is one path, without `run-a` is another.
    assert_eq!(kinds("run-a/throttle-10/", 1), ["ThrottlingException"]);
    assert_eq!(kinds("run-a/throttle-10", 1), ["-"]);
    assert_eq!(kinds("throttle-10", 1), ["ThrottlingException"]);
    assert_eq!(
        kinds("fault", 3),
        ["KMSInternalException", "ServiceUnavailableException", "InternalFailure"]
    );
}

#[test]
fn other_peoples_answers() {
    let server = Server::start();
    let client = &mut Client::of(&server);
    for (path, status, part) in [
        ("garbage", 200, "{]"),
        ("html-500", 500, "CANARY-UPSTREAM-BODY"),
        ("bogus/x", 404, "\"bogus\""),
    ] {
        let (code, _, body) = client.ask(&generate(path));
        assert_eq!(code, status, "{path}");
        assert!(
            body.contains(part) && serde_json::from_str::<Value>(&body).is_err(),
            "{path}: {body}"
        );
    }
    let (status, head, _) = client.ask(&generate("redirect"));
    assert!(status == 302 && head.contains("Location: http://127.0.0.1:1/\r\n"), "{head}");
    assert_eq!(client.ask(&plain("GET /throttle", &[])).0, 405);
}

#[test]
fn settings_for_all_paths_can_be_changed() {
    let server = Server::start();
    let client = &mut Client::of(&server);
    server.set("denied");
    assert!(client.ask(&generate("")).2.contains("AccessDeniedException"));
    assert!(client.ask(&generate("throttle")).2.contains("ThrottlingException"));
    server.set("bogus");
    assert_eq!(client.ask(&generate("")).0, 404);
    server.set("");
    assert_eq!(client.ask(&generate("")).0, 200);
}

#[test]
fn a_server_takes_the_place_of_another() {
    let server = Server::start();
    let address = server.address();
    assert_eq!(Client::of(&server).ask(&generate("")).0, 200);
    drop(server);
    assert!(TcpStream::connect(address).is_err());
    let server = Server::start_at(address);
    assert_eq!(Client::of(&server).ask(&generate("")).0, 200);
}

#[test]
fn latency_comes_before_the_answer() {
    let server = Server::start();
    let client = &mut Client::of(&server);
    let start = Instant::now();
    assert_eq!(client.ask(&generate("latency-80/denied")).0, 400);
    assert!(start.elapsed() >= Duration::from_millis(80));
}

#[test]
fn a_signature_is_verified_where_a_path_asks_for_it() {
    let server = Server::start();
    let (_, _, answer) = Client::of(&server).ask(&generate("signed-with-secret"));
    assert!(answer.contains("InvalidSignatureException"), "{answer}");
}
