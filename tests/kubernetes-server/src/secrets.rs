//! What is answered to whom.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secretary_test_kms::http::{Request, Response};
use serde_json::{Map, Value, json};

use crate::TOKEN;
use crate::fault::{Fault, refusal};

/// All secrets, and what is wrong with some.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    by_path: BTreeMap<String, Value>,
    forbidden: BTreeSet<String>,
    faults: BTreeMap<String, (Fault, usize)>,
}

impl Secrets {
    pub(crate) fn add(&mut self, namespace: &str, name: &str, data: &[(&str, &[u8])]) {
        let data: Map<_, _> = data
            .iter()
            .map(|(key, value)| (key.to_string(), Value::from(STANDARD.encode(value))))
            .collect();
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace, "resourceVersion": "7"},
            "type": "Opaque",
            "data": data,
        });
        self.by_path.insert(path(namespace, name), secret);
    }

    pub(crate) fn forbid(&mut self, namespace: &str, name: &str) {
        self.forbidden.insert(path(namespace, name));
    }

    pub(crate) fn fail(&mut self, namespace: &str, name: &str, fault: Fault, times: usize) {
        self.faults.insert(path(namespace, name), (fault, times));
    }

    pub(crate) fn answer(&self, request: &Request) -> Response {
        if request.header("authorization") != format!("Bearer {TOKEN}") {
            return refusal(401);
        }
        if request.method != "GET" {
            return refusal(405);
        }
        // A query would be another request than the one that is meant.
        let path = request.target();
        if self.forbidden.contains(&path) {
            return refusal(403);
        }
        let secret = self.by_path.get(&path);
        secret.map_or_else(|| refusal(404), |secret| Response::json(200, secret))
    }

    /// What is to happen to this request instead, which is then over.
    pub(crate) fn take_fault(&mut self, request: &Request) -> Option<Fault> {
        let (fault, times) = self.faults.get_mut(&request.path)?;
        *times = times.checked_sub(1)?;
        Some(*fault)
    }
}

fn path(namespace: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/secrets/{name}")
}
