//! What clients ask for.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::server::TOKEN;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A path that there is not, which has the same answer whatever is stored.
    Static,
    /// The active value of any secret, whose line in the audit log is durable before it leaves.
    Get,
    /// The same, unless it is the version that the caller has.
    Unchanged,
    /// A new value of any secret.
    Put,
    /// Another value of the next secret.
    Fill,
}

/// Requests of one kind, one after the other.
#[derive(Debug)]
pub struct Work {
    kind: Kind,
    secrets: u64,
    most: u64,
    count: u64,
    chance: u64,
    seed: u64,
}

impl Work {
    /// About so many secrets. With another `seed`, values are others.
    pub fn new(kind: Kind, secrets: u64, seed: u64) -> Self {
        let chance = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self { kind, secrets, most: u64::MAX, count: 0, chance, seed }
    }

    /// Makes so many secrets, and so many versions altogether.
    pub fn fill(secrets: u64, versions: u64) -> Self {
        Self { most: versions, ..Self::new(Kind::Fill, secrets, 0) }
    }

    /// The status of the right answer.
    pub fn status(&self) -> &'static [u8] {
        match self.kind {
            Kind::Static => b"404",
            Kind::Unchanged => b"304",
            Kind::Get | Kind::Put | Kind::Fill => b"200",
        }
    }

    /// Writes the next request. `false` when there is none.
    pub fn next(&mut self, out: &mut Vec<u8>) -> bool {
        out.clear();
        self.count += 1;
        let number = match self.kind {
            Kind::Fill if self.count > self.most => return false,
            Kind::Fill => (self.count - 1) % self.secrets,
            _ => self.any(),
        };
        let (path, body) = match self.kind {
            Kind::Static => {
                out.extend(b"GET /nothing HTTP/1.1\r\nHost: server\r\n\r\n");
                return true;
            }
            Kind::Get => ("get", format!(r#"{{"Name":"secret/{number}"}}"#)),
            Kind::Unchanged => (
                "get",
                format!(r#"{{"Name":"secret/{number}","Version":1,"UpdateIfChanged":true}}"#),
            ),
            Kind::Put | Kind::Fill => {
                let value = STANDARD.encode(format!("{:->16}{:->16}", self.seed, self.count));
                ("put", format!(r#"{{"Name":"secret/{number}","Value":"{value}"}}"#))
            }
        };
        write!(
            out,
            "POST /api/{path} HTTP/1.1\r\nHost: server\r\nContent-Type: application/json\r\n\
             Sec-X-Tailscale-No-Browsers: setec\r\nAuthorization: Bearer {TOKEN}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("a vector takes all");
        true
    }

    /// The number of any secret: xorshift64*.
    fn any(&mut self) -> u64 {
        self.chance ^= self.chance >> 12;
        self.chance ^= self.chance << 25;
        self.chance ^= self.chance >> 27;
        (self.chance.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) % self.secrets
    }
}
