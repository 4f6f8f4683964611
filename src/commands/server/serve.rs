//! A server, from its settings to its end.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use secretary_access::audit::AuditLog;
use secretary_serve::{Clients, Drain, Limits, Listener, Tls};
use secretary_setec_server::audit::Audit;
use secretary_setec_server::gate::{Gate, Unsealing};
use secretary_setec_server::identity::Identities;
use secretary_setec_server::metrics::Metrics;
use secretary_setec_server::server::{Admin, Api};
use secretary_setec_server::tell::Tell;
use secretary_setec_server::vault::{NewNames, UnsealError};
use secretary_setec_server::{AnyStore, MemoryStore, SqliteStore};
use tokio::sync::Mutex;
use tokio::sync::watch::Receiver;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use super::callers;
use super::kek::Kek;
use crate::Outcome;
use crate::cli::ServerFlags;
use crate::failure::{Code, Failure, shown};
use crate::serving::{self, Signals, Wanted};
use crate::world::{World, note, stderr};
use crate::{harden, runtime};

const VERSION: &str = env!("CARGO_PKG_VERSION");

const LISTEN: SocketAddr = address([0, 0, 0, 0], 8443);
const LISTEN_DEV: SocketAddr = address([127, 0, 0, 1], 8080);

/// How long a key-encryption key may take before the server says all the same that it listens.
const FIRST_ATTEMPT: Duration = Duration::from_secs(2);

/// How long writes get whose callers have gone.
const LAST_WRITES: Duration = Duration::from_secs(10);

/// Connections for those who look after the server.
const ADMIN_CONNECTIONS: usize = 64;

/// The store and the audit log, in the state folder.
const STORE: &str = "secrets.db";
const AUDIT_LOG: &str = "audit.log";

const fn address([a, b, c, d]: [u8; 4], port: u16) -> SocketAddr {
    SocketAddr::V4(std::net::SocketAddrV4::new(std::net::Ipv4Addr::new(a, b, c, d), port))
}

pub(super) fn run(flags: &ServerFlags, world: &World) -> Outcome {
    if flags.dev {
        run_dev(flags)?
    } else {
        run_with_state(flags, world)?
    }
    Ok(ExitCode::SUCCESS)
}

fn run_dev(flags: &ServerFlags) -> Result<(), Failure> {
    let listen = flags.listen.unwrap_or(LISTEN_DEV);
    if !listen.ip().is_loopback() {
        return Err(Failure::new(Code::Usage, "--dev listens on a loopback address only").hint(
            "everybody who can connect may do everything, so it has to be 127.0.0.1 or [::1]",
        ));
    }
    note("--dev: EVERYBODY ON THIS MACHINE MAY READ AND CHANGE EVERYTHING HERE,");
    note("--dev: AND ALL OF IT IS LOST WHEN THIS PROCESS ENDS. Never use it in production.");
    let log = match &flags.audit_log {
        Some(path) => open_log(path)?,
        None => AuditLog::to_writer(Box::new(stderr()), VERSION)
            .map_err(|error| Failure::new(Code::General, error.to_string()))?,
    };
    let store = AnyStore::Memory(MemoryStore::default());
    let identities = Identities::everybody();
    Server::new(flags, store, Kek::throw_away(), identities, log, listen)?.run()
}

fn run_with_state(flags: &ServerFlags, world: &World) -> Result<(), Failure> {
    let Some(folder) = &flags.state_dir else {
        return Err(Failure::new(Code::Configuration, "--state-dir must be specified")
            .hint("to try it out, `secretary server --dev` needs none"));
    };
    let listen = flags.listen.unwrap_or(LISTEN);
    if flags.tls_cert_file.is_none() && !listen.ip().is_loopback() {
        let message = format!("secrets would go over plain http:// to {listen}");
        return Err(Failure::new(Code::Configuration, message)
            .hint("give --tls-cert-file and --tls-key-file, or --listen 127.0.0.1:PORT"));
    }
    let identities = callers::find(&flags.callers)?;
    let kek = Kek::find(&flags.key, world)?;
    make_folder(folder)?;
    let store = SqliteStore::open(&folder.join(STORE))
        .map_err(|error| Failure::new(Code::Configuration, error.to_string()))?;
    let log = open_log(&flags.audit_log.clone().unwrap_or_else(|| folder.join(AUDIT_LOG)))?;
    Server::new(flags, AnyStore::Sqlite(store), kek, identities, log, listen)?.run()
}

fn make_folder(folder: &Path) -> Result<(), Failure> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| Failure::io("create", &shown(folder), &error))
}

fn open_log(path: &Path) -> Result<AuditLog, Failure> {
    AuditLog::open(path, VERSION).map_err(|error| serving::of_log(&error))
}

/// All that can be found wrong before anybody can connect.
struct Server {
    store: Arc<AnyStore>,
    kek: Arc<Kek>,
    new_names: NewNames,
    gate: Arc<Gate<AnyStore>>,
    identities: Arc<Identities>,
    log: Arc<AuditLog>,
    tls: Option<Arc<Tls>>,
    metrics: Arc<Metrics>,
    limits: Limits,
    listen: SocketAddr,
    admin_listen: Option<SocketAddr>,
    port_file: Option<PathBuf>,
    reloading: Arc<Mutex<()>>,
}

impl Server {
    fn new(
        flags: &ServerFlags,
        store: AnyStore,
        kek: Kek,
        identities: Identities,
        log: AuditLog,
        listen: SocketAddr,
    ) -> Result<Self, Failure> {
        let authorities = flags.callers.client_ca_file.clone();
        let clients = authorities.map(|authorities| Clients { authorities, required: false });
        let tls = serving::tls(flags.tls_cert_file.clone(), flags.tls_key_file.clone(), clients)?;
        let new_names = if flags.any_name { NewNames::Any } else { NewNames::Printable };
        Ok(Self {
            store: Arc::new(store),
            kek: Arc::new(kek),
            new_names,
            gate: Arc::default(),
            identities: Arc::new(identities),
            log: Arc::new(log),
            tls,
            metrics: Arc::new(Metrics::new(VERSION)),
            limits: serving::limits(flags.max_connections, harden::allow_many_descriptors()),
            listen,
            admin_listen: flags.admin_listen,
            port_file: flags.port_file.clone(),
            reloading: Arc::default(),
        })
    }

    fn run(self) -> Result<(), Failure> {
        runtime::serve(self.serve())?
    }

    async fn serve(self) -> Result<(), Failure> {
        // First: who says too early that files are to be read again must not end the process.
        let mut signals = Signals::new()?;
        let (drain, drained) = Drain::new();
        let public = serving::bind(self.listen).await?;
        let admin = match self.admin_listen {
            Some(address) => Some(serving::bind(address).await?),
            None => None,
        };
        let audit = Audit::open(self.log.clone(), &*self.store, Arc::new(note)).await;
        let audit = Arc::new(audit.map_err(|error| of_opening(&error))?);
        let addresses = (public.address(), admin.as_ref().map(Listener::address));
        let mut serving = self.spawn(public, admin, drained);
        let mut opening = pin!(self.open(audit.clone(), addresses));
        let mut is_open = false;
        loop {
            let wanted = tokio::select! {
                wanted = signals.next() => wanted,
                opened = &mut opening, if !is_open => {
                    opened?;
                    is_open = true;
                    continue;
                }
                _ = &mut serving => return Err(Failure::new(Code::General, "the server stopped by a bug")),
            };
            match wanted {
                Wanted::Reload => self.reload(audit.clone()),
                Wanted::End => break,
            }
        }
        note("ending: no more connections are accepted");
        drain.begin();
        tokio::select! {
            _ = serving => {}
            () = signals.end() => note("ending at once"),
        }
        // Those whose callers have gone. They have a line already, and are to have their effect.
        let _ = timeout(LAST_WRITES, self.gate.idle()).await;
        serving::close(self.log.clone()).await?;
        // The next start has nothing to look for then. If it is not forgotten, it looks.
        let _ = audit.settle(&*self.store).await;
        Ok(())
    }

    /// Answers what comes, from now on; until the store is open, that it is sealed.
    fn spawn(
        &self,
        public: Listener,
        admin: Option<Listener>,
        drained: Receiver<()>,
    ) -> JoinHandle<()> {
        let (gate, metrics) = (self.gate.clone(), self.metrics.clone());
        let api = Api::new(gate.clone(), self.identities.clone(), metrics.clone(), Arc::new(note));
        if let Some(admin) = admin {
            let routes = Arc::new(Admin::new(gate, metrics.clone()));
            let limits = Limits { connections: ADMIN_CONNECTIONS };
            // They are not those that are counted.
            tokio::spawn(admin.serve(routes, None, limits, Arc::new(()), drained.clone()));
        }
        let (api, tls) = (Arc::new(api), self.tls.clone());
        tokio::spawn(public.serve(api, tls, self.limits, metrics, drained))
    }

    /// Opens the store, however long that takes. Where the server listens is said when that was tried once.
    async fn open(
        &self,
        audit: Arc<Audit>,
        addresses: (SocketAddr, Option<SocketAddr>),
    ) -> Result<(), Failure> {
        let unsealing = Unsealing {
            store: self.store.clone(),
            wrapping: self.kek.clone(),
            audit,
            new_names: self.new_names,
        };
        let tell: Tell = Arc::new(note);
        let fatal = |error: UnsealError| unsealing.wrapping.explain(of_opening(&error));
        let mut attempt = pin!(self.gate.try_open(&unsealing, &tell));
        let tried = timeout(FIRST_ATTEMPT, &mut attempt).await;
        if let Ok(tried) = tried {
            tried.map_err(fatal)?;
            self.announce(addresses)?;
        } else {
            self.announce(addresses)?;
            attempt.await.map_err(fatal)?;
        }
        self.gate.open(&unsealing, &tell).await.map_err(fatal)?;
        self.metrics.unsealed();
        Ok(())
    }

    /// Reads files again, and goes on in another audit log.
    fn reload(&self, audit: Arc<Audit>) {
        let this = (self.identities.clone(), self.log.clone(), self.tls.clone());
        let (store, reloading) = (self.store.clone(), self.reloading.clone());
        tokio::spawn(async move {
            // One after the other, or what the first has read would take the place of what the second has.
            let _turn = reloading.lock().await;
            // Files are read, and there is a lock to wait for: on a thread of its own, so that signals are heard.
            let _ = spawn_blocking(move || reload(&this.0, &this.1, this.2.as_deref())).await;
            // A file that was renamed is not looked into by the next start.
            let _ = audit.settle(&*store).await;
        });
    }

    fn announce(&self, (public, admin): (SocketAddr, Option<SocketAddr>)) -> Result<(), Failure> {
        serving::write_port(self.port_file.as_deref(), public)?;
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        note(&format!("callers are known by {}", self.identities.describe()));
        note(&format!("listening on {scheme}://{public}"));
        if let Some(admin) = admin {
            note(&format!("metrics on http://{admin}/metrics"));
        }
        Ok(())
    }
}

fn reload(identities: &Identities, log: &AuditLog, tls: Option<&Tls>) {
    let mut problems: Vec<String> = identities.reload().iter().map(ToString::to_string).collect();
    let tls = tls.and_then(|tls| tls.reload().err());
    problems.extend(tls.map(|error| serving::of_tls(&error).message().to_string()));
    serving::reopen(log, "no call is answered");
    match problems.as_slice() {
        [] => note("files were read again"),
        problems => problems.iter().for_each(|problem| {
            note(&format!("{problem}; what was read before stays in use"));
        }),
    }
}

fn of_opening(error: &impl std::fmt::Display) -> Failure {
    Failure::new(Code::Configuration, format!("the store can't be opened: {error}"))
}
