//! What is written is read again as what it was, whatever is in it.

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use secretary_secret::Secret;
use secretary_setec_api::request::{Activate, CreateVersion, Delete, DeleteVersion, Get, Info};
use secretary_setec_api::request::{List, Put};
use secretary_setec_api::response::{decode_list, decode_version, encode_list, encode_version};
use secretary_setec_api::{Malformed, Path, Request, SecretInfo, SecretValue};

/// Names with everything in them that is escaped, and that is not.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z/]{0,12}",
        any::<String>(),
        "[\"\\\\<>&\u{0}-\u{20}\u{7f}\u{2027}-\u{202a}é😀]{0,12}"
    ]
}

fn value() -> impl Strategy<Value = Secret> {
    vec(any::<u8>(), 0..100).prop_map(Secret::from)
}

fn request() -> impl Strategy<Value = Request> {
    let all = (0..8_usize, name(), any::<u32>(), value(), any::<bool>());
    all.prop_map(|(kind, name, version, value, update_if_changed)| match Path::ALL[kind] {
        Path::List => Request::List(List),
        Path::Get => Request::Get(Get { name, version, update_if_changed }),
        Path::Info => Request::Info(Info { name }),
        Path::Put => Request::Put(Put { name, value }),
        Path::CreateVersion => Request::CreateVersion(CreateVersion { name, version, value }),
        Path::Activate => Request::Activate(Activate { name, version }),
        Path::Delete => Request::Delete(Delete { name }),
        Path::DeleteVersion => Request::DeleteVersion(DeleteVersion { name, version }),
    })
}

fn info() -> impl Strategy<Value = SecretInfo> {
    let versions = btree_set(1..=u32::MAX, 1..10);
    (name(), versions, any::<prop::sample::Index>()).prop_map(|(name, versions, active)| {
        let versions: Vec<_> = versions.into_iter().collect();
        SecretInfo { name, active_version: *active.get(&versions), versions }
    })
}

proptest! {
    #[test]
    fn requests(request in request(), behind in vec(any::<u8>(), 0..5)) {
        let body = request.encode();
        let sent = [body.expose(), &behind].concat();
        prop_assert_eq!(Request::decode(request.path(), &sent), Ok(request));
        // Cut anywhere it is none.
        for len in 0..body.len() {
            prop_assert_eq!(Request::decode(Path::Put, &body.expose()[..len]), Err(Malformed));
        }
    }

    #[test]
    fn what_others_read_is_the_same(request in request()) {
        let body = request.encode();
        let json: serde_json::Value = serde_json::from_slice(body.expose()).expect("JSON");
        let name = match &request {
            Request::List(List) => None,
            Request::Get(Get { name, .. })
            | Request::Info(Info { name })
            | Request::Put(Put { name, .. })
            | Request::CreateVersion(CreateVersion { name, .. })
            | Request::Activate(Activate { name, .. })
            | Request::Delete(Delete { name })
            | Request::DeleteVersion(DeleteVersion { name, .. }) => Some(name.as_str()),
        };
        prop_assert_eq!(json.get("Name").and_then(|name| name.as_str()), name);
    }

    #[test]
    fn values(value in value(), version in 1..=u32::MAX) {
        let answer = SecretValue { value, version };
        let body = answer.encode();
        prop_assert_eq!(SecretValue::decode(body.expose()), Ok(answer));
        for len in 0..body.len() {
            prop_assert_eq!(SecretValue::decode(&body.expose()[..len]), Err(Malformed));
        }
    }

    #[test]
    fn lists(secrets in vec(info(), 0..5), version in 1..=u32::MAX) {
        prop_assert_eq!(decode_list(encode_list(&secrets).as_bytes()), Ok(secrets.clone()));
        for secret in secrets {
            prop_assert_eq!(SecretInfo::decode(secret.encode().as_bytes()), Ok(secret));
        }
        prop_assert_eq!(decode_version(encode_version(version).as_bytes()), Ok(version));
    }

    /// Nothing makes it panic, and what it takes from noise it takes from its own writing of that.
    #[test]
    fn noise(kind in 0..8_usize, text in "[\\[\\]{}\",:\\\\ \nnulltrue0-9a-zNV=+/-]{0,40}") {
        let path = Path::ALL[kind];
        if let Ok(request) = Request::decode(path, text.as_bytes()) {
            prop_assert_eq!(Request::decode(path, request.encode().expose()), Ok(request));
        }
    }
}
