// A tiny setec in memory: everybody may do everything. The examples of the documentation include this file, too.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secretary_setec_api::request::Wanted;
use secretary_setec_api::response::{DONE, encode_list, encode_version};
use secretary_setec_api::{Path, Refusal, Request, SecretInfo, SecretValue};
use secretary_test_kms::http;
use secretary_test_kms::listener::Listener;

/// The server. It ends when this is dropped.
pub struct Setec {
    listener: Listener,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    secrets: BTreeMap<String, Versions>,
    fault: Option<u16>,
    connections: usize,
}

#[derive(Default)]
struct Versions {
    values: BTreeMap<u32, Vec<u8>>,
    active: u32,
    latest: u32,
}

impl Setec {
    pub fn start() -> Self {
        let shared = Arc::<Mutex<Shared>>::default();
        let serve = {
            let shared = shared.clone();
            move |stream| serve(stream, &shared)
        };
        Self { listener: Listener::start(serve).expect("a port"), shared }
    }

    pub fn url(&self) -> String {
        self.listener.url()
    }

    /// The next call is answered with this status, and nothing is done.
    #[allow(dead_code)] // An example has it.
    pub fn fail_once(&self, status: u16) {
        lock(&self.shared).fault = Some(status);
    }

    /// How many connections were made.
    #[allow(dead_code)] // The examples have no use for it.
    pub fn connections(&self) -> usize {
        lock(&self.shared).connections
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: TcpStream, shared: &Mutex<Shared>) -> io::Result<()> {
    lock(shared).connections += 1;
    let mut stream = BufReader::new(stream);
    while let Some(request) = http::Request::read(&mut stream)? {
        let mut shared = lock(shared);
        let (status, body) = match shared.fault.take() {
            Some(status) => (status, b"".to_vec()),
            None => match shared.answer(&request) {
                Ok(body) => (200, body),
                Err(refusal) => (refusal.status(), refusal.body().into()),
            },
        };
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len());
        // Without a length, as there is no body.
        let head = if status == 304 { "HTTP/1.1 304 Not Modified\r\n\r\n".into() } else { head };
        stream.get_mut().write_all(&[head.as_bytes(), &body].concat())?;
    }
    Ok(())
}

impl Shared {
    fn answer(&mut self, request: &http::Request) -> Result<Vec<u8>, Refusal> {
        let path = Path::parse(&request.path).ok_or(Refusal::NotFound)?;
        let request = Request::decode(path, &request.body).map_err(|_| Refusal::Malformed)?;
        let done = || DONE.as_bytes().to_vec();
        Ok(match request {
            Request::List(_) => {
                let list = self.secrets.iter().map(|(name, versions)| versions.info(name));
                encode_list(&list.collect::<Vec<_>>()).into()
            }
            Request::Info(info) => self.find(&info.name)?.info(&info.name).encode().into(),
            Request::Get(get) => {
                let secret = self.find(&get.name)?;
                let version = match get.wanted() {
                    Wanted::Version(version) => version,
                    Wanted::ActiveUnless(old) if old == secret.active => {
                        return Err(Refusal::NotChanged);
                    }
                    _ => secret.active,
                };
                let value = secret.values.get(&version).ok_or(Refusal::NotFound)?;
                SecretValue { value: value.clone().into(), version }.encode().expose().to_vec()
            }
            Request::Put(put) => {
                let secret = self.secrets.entry(put.name).or_default();
                if secret.values.get(&secret.latest).map(Vec::as_slice) != Some(put.value.expose())
                {
                    secret.latest += 1;
                    secret.values.insert(secret.latest, put.value.expose().to_vec());
                    secret.active = secret.active.max(1);
                }
                encode_version(secret.latest).into()
            }
            Request::CreateVersion(new) => {
                if new.version == 0 {
                    return Err(Refusal::InvalidVersion);
                }
                let secret = self.secrets.entry(new.name).or_default();
                if secret.values.contains_key(&new.version) {
                    return Err(Refusal::VersionClaimed);
                }
                secret.values.insert(new.version, new.value.expose().to_vec());
                secret.active = new.version;
                secret.latest = secret.latest.max(new.version);
                done()
            }
            Request::Activate(activate) => {
                let secret = self.find(&activate.name)?;
                if !secret.values.contains_key(&activate.version) {
                    return Err(Refusal::NotFound);
                }
                secret.active = activate.version;
                done()
            }
            Request::Delete(delete) => {
                self.secrets.remove(&delete.name);
                done()
            }
            Request::DeleteVersion(delete) => {
                let secret = self.find(&delete.name)?;
                if secret.active == delete.version {
                    return Err(Refusal::Internal);
                }
                secret.values.remove(&delete.version).ok_or(Refusal::NotFound)?;
                done()
            }
        })
    }

    fn find(&mut self, name: &str) -> Result<&mut Versions, Refusal> {
        self.secrets.get_mut(name).ok_or(Refusal::NotFound)
    }
}

impl Versions {
    fn info(&self, name: &str) -> SecretInfo {
        let versions = self.values.keys().copied().collect();
        SecretInfo { name: name.to_string(), versions, active_version: self.active }
    }
}
