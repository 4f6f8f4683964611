//! Whose address is whose: a tailscaled that says so, and who the servers know by it.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use secretary_setec_api::Action;
use secretary_test_tailscaled::Tailscaled;
use serde_json::{Value, json};

use crate::case::Whois;

/// Somebody who may do everything.
pub(crate) const EVERYTHING: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1));

/// Somebody who may do nothing.
pub(crate) const NOTHING: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// Nobody.
pub(crate) const UNKNOWN: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));

const SOCKET: &str = "tailscaled.sock";

/// The capability as setec had it first.
const OLD_CAPABILITY: &str = "https://tailscale.com/cap/secrets";

/// The tailscaled of one machine.
pub(crate) struct Tailnet(pub(crate) Tailscaled);

impl Tailnet {
    /// Listens in this folder, and knows two.
    pub(crate) fn start(folder: &Path) -> Self {
        let tailnet = Self(Tailscaled::start(&folder.join(SOCKET)));
        tailnet.set(EVERYTHING, Some(&Whois::with_rules(&[everything()])));
        tailnet.set(NOTHING, Some(&Whois::with_rules(&[])));
        tailnet
    }

    /// What a server that runs in the folder needs to ask it.
    pub(crate) fn arguments() -> [&'static str; 4] {
        ["--identity", "tailscale", "--tailscale-socket", SOCKET]
    }

    /// Whoever connects from this address is that machine, from now on, or nobody.
    pub(crate) fn set(&self, address: IpAddr, machine: Option<&Whois>) {
        let address = address.to_string();
        match machine {
            Some(machine) => self.0.set(&address, machine.machine()),
            None => self.0.remove(&address),
        }
    }
}

impl Whois {
    fn with_rules(rules: &[Value]) -> Self {
        let (host, login) = ("laptop.example.ts.net.".into(), "alice@example.com".into());
        Self { host, login, rules: rules.to_vec(), tags: Vec::new(), old_rules: Vec::new() }
    }

    fn machine(&self) -> secretary_test_tailscaled::Machine {
        use secretary_test_tailscaled::Machine;
        let tags: Vec<&str> = self.tags.iter().map(String::as_str).collect();
        let machine = match tags.is_empty() {
            true => Machine::of_user(&self.login),
            false => Machine::with_tags(&tags),
        };
        let machine = machine.called(&self.host);
        let machine = self.rules.iter().fold(machine, |machine, rule| machine.may(rule));
        self.old_rules.iter().fold(machine, |machine, rule| machine.has(OLD_CAPABILITY, rule))
    }
}

/// The rule that allows all there is.
fn everything() -> Value {
    json!({"action": Action::ALL.map(Action::as_str), "secret": ["*"]})
}
