//! Whose which address is, and what is answered to who asks.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use secretary_test_kms::http::{Request, Response};
use serde_json::{Value, json};

/// The capability that has rules for secrets.
const SECRETS: &str = "tailscale.com/cap/secrets";

/// A machine of a tailnet.
#[derive(Clone, Debug)]
pub struct Machine {
    name: String,
    tags: Vec<String>,
    login: String,
    capabilities: serde_json::Map<String, Value>,
}

impl Machine {
    /// One of a person's.
    pub fn of_user(login: &str) -> Self {
        let name = "machine.example.ts.net.".to_string();
        // Every machine has some that are about other things.
        let others = json!({"https://tailscale.com/cap/is-admin": null, "funnel": []});
        let Value::Object(capabilities) = others else { unreachable!("it is one") };
        Self { name, tags: Vec::new(), login: login.to_string(), capabilities }
    }

    /// One with tags.
    pub fn with_tags(tags: &[&str]) -> Self {
        let tags = tags.iter().map(|tag| tag.to_string()).collect();
        Self { tags, ..Self::of_user("tagged-devices") }
    }

    /// The same with another name.
    pub fn called(mut self, name: &str) -> Self {
        self.name = name.to_string();
        self
    }

    /// The same with one rule more, which need not be one.
    pub fn may(self, rule: &Value) -> Self {
        self.has(SECRETS, rule)
    }

    /// The same with one value more for a capability.
    pub fn has(mut self, capability: &str, value: &Value) -> Self {
        let values = self.capabilities.entry(capability).or_insert_with(|| json!([]));
        values.as_array_mut().expect("a list").push(value.clone());
        self
    }

    /// As tailscaled writes it, with more than is of interest.
    fn json(&self) -> Value {
        let mut node = json!({
            "ID": 7,
            "StableID": "nodekey7CNTRL",
            "Name": self.name,
            "User": 7,
            "Addresses": ["100.64.0.7/32"],
            "Hostinfo": {"OS": "linux", "Services": [{"Proto": "peerapi4", "Port": 1}]},
            "MachineAuthorized": true,
        });
        // It leaves out what is empty.
        if !self.tags.is_empty() {
            node["Tags"] = json!(self.tags);
        }
        json!({
            "Node": node,
            "UserProfile": {"ID": 7, "LoginName": self.login, "DisplayName": "A machine"},
            "CapMap": self.capabilities,
        })
    }
}

#[derive(Debug, Default)]
pub(crate) struct Tailnet {
    machines: HashMap<IpAddr, Machine>,
    pub(crate) denied: bool,
}

impl Tailnet {
    pub(crate) fn set(&mut self, address: IpAddr, machine: Machine) {
        self.machines.insert(address, machine);
    }

    pub(crate) fn remove(&mut self, address: IpAddr) {
        self.machines.remove(&address);
    }

    pub(crate) fn answer(&self, request: &Request) -> Response {
        let is_of_a_page =
            !request.header("origin").is_empty() || !request.header("referer").is_empty();
        if is_of_a_page || !["", "local-tailscaled.sock"].contains(&request.header("host")) {
            return text(403, "invalid localapi request");
        }
        if request.path != "/localapi/v0/whois" {
            return text(404, "404 page not found");
        }
        if self.denied {
            return text(403, "whois access denied");
        }
        let Some(address) = request.query.strip_prefix("addr=") else {
            return text(400, "missing 'addr' parameter");
        };
        let Some(address) = address_in(&decoded(address)) else {
            return text(400, "invalid 'addr' parameter");
        };
        match self.machines.get(&address) {
            None => text(404, "no match for IP:port"),
            Some(machine) => {
                let body = serde_json::to_string_pretty(&machine.json()).expect("it is JSON");
                own(Response::new(200, "application/json", body))
            }
        }
    }
}

/// With a port, or without.
fn address_in(text: &str) -> Option<IpAddr> {
    let with_port = text.parse().map(|address: SocketAddr| address.ip());
    with_port.or_else(|_| text.parse()).ok()
}

fn decoded(text: &str) -> String {
    ["%3A:", "%5B[", "%5D]"].iter().fold(text.to_string(), |text, escape| {
        let (escape, character) = escape.split_at(3);
        text.replace(escape, character)
    })
}

fn text(status: u16, text: &str) -> Response {
    own(Response::text(status, format!("{text}\n")))
}

fn own(response: Response) -> Response {
    response
        .with("Tailscale-Cap", "130")
        .with("Tailscale-Version", "1.92.1")
        .with("X-Content-Type-Options", "nosniff")
        .with("X-Frame-Options", "DENY")
}
