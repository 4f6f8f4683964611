// A secrets server with secrets that never change. What is before `/api/get` in the path says how it behaves, as a test of
// the program wants it; `GET /asked` answers what was asked since the last time. The tests of the agent include this file,
// too.

use std::collections::HashMap;
use std::io::{self, BufReader, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secretary_test_kms::http::Request;
use secretary_test_kms::listener::Listener;
use serde_json::{Value, json};

/// Names, and their versions. The last is the active one, except of `prod/staged`.
const SECRETS: [(&str, &[&[u8]]); 6] = [
    ("prod/db", &[b"hunter1", b"hunter2"]),
    ("prod/staged", &[b"now", b"later"]),
    ("prod/ca", &[b"line1\nline2\n"]),
    ("prod/nested", &[b"ENC[SETEC,prod/db]"]),
    ("user@example.com", &[b"x\xff\0y"]),
    ("empty", &[b""]),
];

/// The server. It ends when this is dropped.
pub(crate) struct Server(Listener);

#[derive(Default)]
struct Seen {
    names: Vec<String>,
    connections: usize,
    at_once: usize,
    most_at_once: usize,
    turns: HashMap<String, usize>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        Self(Listener::start(move |stream| serve(stream, &seen)).expect("a port"))
    }

    pub(crate) fn url(&self) -> String {
        self.0.url()
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: TcpStream, seen: &Mutex<Seen>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut is_new = true;
    while let Some(request) = Request::read(&mut stream)? {
        let (status, body) = match request.path.as_str() {
            "/asked" => (200, std::mem::take(&mut *lock(seen)).told()),
            _ => {
                lock(seen).begin(is_new, &request);
                let answer = answer(&request, seen);
                let mut seen = lock(seen);
                seen.at_once = seen.at_once.saturating_sub(1);
                answer
            }
        };
        is_new = false;
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.get_mut().write_all(&[head.as_bytes(), &body].concat())?;
    }
    Ok(())
}

impl Seen {
    fn begin(&mut self, is_new: bool, request: &Request) {
        let asked: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let version = asked["Version"].as_u64().filter(|version| *version > 0);
        let version = version.map_or(String::new(), |version| format!("@{version}"));
        self.names.push(format!("{}{version}", asked["Name"].as_str().unwrap_or_default()));
        self.connections += usize::from(is_new);
        self.at_once += 1;
        self.most_at_once = self.most_at_once.max(self.at_once);
    }

    fn told(mut self) -> Vec<u8> {
        self.names.sort();
        let (count, most) = (self.names.len(), self.most_at_once);
        let mut lines = self.names.join("\n");
        if count > 20 {
            lines =
                format!("{count} names, {most} at most at once, {} connections", self.connections);
        }
        format!("{lines}\n").into_bytes()
    }
}

fn answer(request: &Request, seen: &Mutex<Seen>) -> (u16, Vec<u8>) {
    let no = |status: u16, text: &str| (status, format!("{text}\n").into_bytes());
    let Some(settings) = request.path.strip_suffix("/api/get") else { return no(404, "not found") };
    for setting in settings.split('/') {
        match setting.split_once('-').unwrap_or((setting, "")) {
            ("latency", ms) => sleep(Duration::from_millis(ms.parse().expect("milliseconds"))),
            ("token", token) if request.header("authorization") != format!("Bearer {token}") => {
                return no(403, "access denied");
            }
            ("twice", status) => {
                let mut seen = lock(seen);
                let turn = seen.turns.entry(request.path.clone()).or_default();
                *turn += 1;
                if *turn <= 2 {
                    return no(status.parse().expect("a status"), "CANARY-BODY");
                }
            }
            ("status", status) => return no(status.parse().expect("a status"), "CANARY-BODY"),
            _ => {}
        }
    }
    let asked: Value = serde_json::from_slice(&request.body).expect("JSON");
    let name = asked["Name"].as_str().expect("a name");
    let wanted = asked["Version"].as_u64().expect("a version") as usize;
    if name.starts_with("denied/") {
        return no(403, "access denied");
    }
    let many = name.strip_prefix("many/").map(|value| vec![value.as_bytes()]);
    let known = SECRETS.iter().find(|(known, _)| *known == name);
    let Some(versions) = many.or(known.map(|(_, versions)| versions.to_vec())) else {
        return no(404, "not found");
    };
    let active = if name == "prod/staged" { 1 } else { versions.len() };
    let version = if wanted == 0 { active } else { wanted };
    match versions.get(version - 1) {
        Some(value) => {
            let answer = json!({"Value": STANDARD.encode(value), "Version": version});
            (200, answer.to_string().into_bytes())
        }
        None => no(404, "not found"),
    }
}
