//! What counts as an answer, and what is said of the others.

use secretary_setec_client::{Client, Error, Refusal, Settings};

use crate::support::fake::{CANARY, Fake, Reply};
use crate::support::{client, settings};

/// What comes of a get when it is answered so.
async fn get(reply: Reply) -> Result<u32, Error> {
    let fake = Fake::start(reply);
    let result = client(&fake.url()).get("a").await.map(|secret| secret.version);
    assert_eq!(fake.received().len(), 1, "nothing is tried again");
    result
}

#[tokio::test]
async fn four_statuses_mean_the_same_whatever_is_in_the_body() {
    for (status, expected) in [
        (304, Error::NotChanged),
        (403, Error::AccessDenied),
        (404, Error::NotFound),
        (412, Error::VersionClaimed),
    ] {
        let bodies = if status == 304 { vec![""] } else { vec!["", CANARY, "not found\n"] };
        for body in bodies {
            assert_eq!(get(Reply::new(status, body)).await, Err(expected.clone()), "{status}");
        }
    }
}

#[tokio::test]
async fn only_what_setec_says_is_repeated() {
    for refusal in Refusal::ALL {
        let code = refusal.status();
        let result = get(Reply::new(code, refusal.body())).await;
        if !matches!(code, 304 | 403 | 404 | 412) {
            assert_eq!(result, Err(Error::Status { code, refusal: Some(refusal) }));
        }
    }
    for code in [201, 204, 206, 400, 401, 405, 407, 413, 429, 500, 502, 503, 504, 599] {
        let body = format!("internal error {CANARY}");
        let error = get(Reply::new(code, body)).await.expect_err("no answer");
        assert_eq!(error, Error::Status { code, refusal: None });
        assert!(!format!("{error} {error:?}").contains(CANARY));
    }
}

#[tokio::test]
async fn a_redirect_is_an_error_and_nobody_is_asked_there() {
    let other = Fake::start(Reply::new(200, r#"{"Value":"aGk=","Version":1}"#));
    for code in [300, 301, 302, 303, 305, 307, 308] {
        let location = vec![format!("Location: {}/api/get", other.url())];
        let error = get(Reply::Whole(code, location, CANARY.into())).await.expect_err("no answer");
        assert_eq!(error, Error::Redirect(code));
        assert!(!error.may_pass());
    }
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn a_get_is_answered_with_a_version() {
    assert_eq!(get(Reply::new(200, r#"{"Value":"aGk=","Version":1}"#)).await, Ok(1));
    assert_eq!(get(Reply::new(200, " {\"version\":2,\"value\":[104],\"x\":0}\n")).await, Ok(2));
    for body in [
        "",
        "null",
        "{}",
        "[]",
        "<html>CANARY-BODY</html>",
        r#"{"Value":"aGk=","Version":1}x"#,
        r#"{"Value":"aGk=","Version":1}{}"#,
        r#"{"Value":"aGk=","Version":0}"#,
        r#"{"Value":"aGk=","Version":4294967296}"#,
        r#"{"Value":"CANARY-BODY","Version":1}"#,
        r#"{"Version":1}"#,
        r#"{"Value":"aGk=","Version":1"#,
    ] {
        let error = get(Reply::new(200, body)).await.expect_err("no answer");
        assert_eq!(error, Error::BadAnswer, "{body}");
        assert!(!format!("{error} {error:?}").contains(CANARY));
    }
}

#[tokio::test]
async fn an_answer_about_another_version_or_name_is_none() {
    let fake = Fake::start(Reply::new(200, r#"{"Value":"aGk=","Version":1}"#));
    let asking = client(&fake.url());
    assert_eq!(asking.get_version("a", 2).await, Err(Error::BadAnswer));
    assert_eq!(asking.get_version("a", 1).await.map(|secret| secret.version), Ok(1));
    // Which one was active is the server's to say.
    assert_eq!(asking.get_if_changed("a", 2).await.map(|secret| secret.version), Ok(1));
    let body = r#"{"Name":"b","Versions":[1],"ActiveVersion":1}"#;
    let fake = Fake::start(Reply::new(200, body));
    let asking = client(&fake.url());
    assert_eq!(asking.info("a").await, Err(Error::BadAnswer));
    assert_eq!(asking.info("b").await.map(|info| info.active_version), Ok(1));
}

#[tokio::test]
async fn nothing_is_answered_with_an_object_or_null() {
    for (body, expected) in [
        ("{}", Ok(())),
        ("null", Ok(())),
        (" {\"x\":1}\n", Ok(())),
        ("", Err(Error::BadAnswer)),
        ("[]", Err(Error::BadAnswer)),
        ("true", Err(Error::BadAnswer)),
        ("ok", Err(Error::BadAnswer)),
        ("{}{}", Err(Error::BadAnswer)),
    ] {
        let fake = Fake::start(Reply::new(200, body));
        let client = client(&fake.url());
        assert_eq!(client.activate("a", 1).await, expected, "{body}");
        assert_eq!(client.create_version("a", 1, b"".as_slice().into()).await, expected);
        assert_eq!(client.delete("a").await, expected);
        assert_eq!(client.delete_version("a", 1).await, expected);
    }
}

#[tokio::test]
async fn lists_and_numbers_are_read_strictly() {
    for body in ["null", "[]"] {
        let fake = Fake::start(Reply::new(200, body));
        assert_eq!(client(&fake.url()).list().await, Ok(Vec::new()));
    }
    for body in ["{}", "[null]", "[{}]", "", "4"] {
        let fake = Fake::start(Reply::new(200, body));
        assert_eq!(client(&fake.url()).list().await, Err(Error::BadAnswer), "{body}");
    }
    for (body, expected) in [("4", Ok(4)), (" 4294967295\n", Ok(u32::MAX))] {
        let fake = Fake::start(Reply::new(200, body));
        assert_eq!(client(&fake.url()).put("a", b"".as_slice().into()).await, expected);
    }
    for body in ["0", "null", "\"4\"", "4.0", "04", "-4", "{}", "", "4 4"] {
        let fake = Fake::start(Reply::new(200, body));
        let put = client(&fake.url()).put("a", b"".as_slice().into()).await;
        assert_eq!(put, Err(Error::BadAnswer), "{body}");
    }
}

#[tokio::test]
async fn an_answer_has_as_many_bytes_as_it_may_have_and_no_more() {
    let body = r#"{"Value":"aGk=","Version":1}"#;
    let fake = Fake::start(Reply::new(200, body));
    let with = |max_answer| {
        Client::new(&Settings { max_answer, ..settings(&fake.url()) }).expect("settings")
    };
    assert!(with(body.len()).get("a").await.is_ok());
    let error = Error::TooLarge(body.len() - 1);
    assert_eq!(with(body.len() - 1).get("a").await, Err(error));
}
