//! `secretary daemon`: decrypt for containers that hold a deploy key.

mod advice;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use secretary_access::audit::AuditLog;
use secretary_daemon::audit::Audit;
use secretary_daemon::cluster::{Cluster, Sources};
use secretary_daemon::metrics::Metrics;
use secretary_daemon::protocol::MAX_SECRETS;
use secretary_daemon::rate::Rates;
use secretary_daemon::server::{Admin, Public};
use secretary_daemon::service::{Demands, Fresh, Keys, Service};
use secretary_daemon::upstream::Settings;
use secretary_daemon::workload::TokenList;
use secretary_envelope::{NaclBox, PublicKey, SecretKey};
use secretary_serve::{ANSWER_TIMEOUT, Drain, Limits, Listener, Tls};

use crate::Outcome;
use crate::cli::{ClusterFlags, Daemon};
use crate::environ::Environ;
use crate::failure::{Code, Failure};
use crate::keys::{self, WEAK_HINT};
use crate::kms::Served;
use crate::serving::{self, Signals, Wanted, bind, file, limits};
use crate::world::{World, note, stderr};
use crate::{harden, kms, runtime};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The largest answers: an app with all its tasks, and all tasks of a cluster.
const MAX_APP: usize = 16 << 20;
const MAX_TASKS: usize = 128 << 20;

const UPSTREAM_TIMEOUT: Duration = Duration::from_secs(5);
const KMS_TIMEOUT: Duration = Duration::from_secs(10);

/// For a request's body, the wait for a turn, and all that is done here.
const SPARE_TIME: Duration = Duration::from_secs(15);

/// How many apps a limit is kept for.
const MAX_APPS: usize = 100_000;

/// For how many seconds an app may ask at once.
const BURST: u32 = 20;

pub(super) fn run(args: &Daemon, world: &World) -> Outcome {
    let setup = Setup::read(args, world)?;
    runtime::serve(setup.serve(args))??;
    Ok(ExitCode::SUCCESS)
}

/// All that can be found wrong before anybody can connect.
struct Setup {
    service: Arc<Service<Served>>,
    log: Arc<AuditLog>,
    metrics: Arc<Metrics>,
    tls: Option<Arc<Tls>>,
}

impl Setup {
    fn read(args: &Daemon, world: &World) -> Result<Self, Failure> {
        let environ = &world.environ;
        check_times(args)?;
        let keys = keys(args, environ)?;
        let key_service = Served::new(args.kms_key_id.clone(), args.kms.clone(), environ.clone())?;
        let tls = tls(args, environ)?;
        let metrics = Arc::new(Metrics::new(VERSION));
        let cluster =
            Cluster::new(sources(&args.cluster, environ)?, &metrics, &(Arc::new(note) as _));
        let cluster = cluster.map_err(|error| advice::of_source(&error))?;
        for name in cluster.told_in_clear() {
            note(&format!(
                "the authorization for {name} is sent over plain http:// to another machine, where others can read it"
            ));
        }
        if keys.config.is_none() {
            without_config_key()?;
        }
        let log = Arc::new(audit_log(args, environ)?);
        let audit = Audit::new(log.clone(), metrics.clone(), Arc::new(note));
        let rates = rates(args.limits.rate_limit);
        let demands = demands(args);
        let service =
            Service::new(keys, key_service, cluster, demands, rates, audit, metrics.clone());
        Ok(Self { service: Arc::new(service), log, metrics, tls })
    }

    async fn serve(self, args: &Daemon) -> Result<(), Failure> {
        let (drain, drained) = Drain::new();
        let public = bind(SocketAddr::new(args.ip, args.port)).await?;
        let admin = match args.admin_listen {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let mut signals = Signals::new()?;
        self.announce(args, &public, admin.as_ref())?;

        let routes = Public::new(self.service.clone(), self.metrics.clone(), VERSION, build());
        let limits = limits(args.limits.max_connections, harden::allow_many_descriptors());
        let serving = public.serve(
            Arc::new(routes),
            self.tls.clone(),
            limits,
            self.metrics.clone(),
            drained.clone(),
        );
        let serving = tokio::spawn(serving);
        if let Some(admin) = admin {
            let routes = Arc::new(Admin::new(self.metrics.clone()));
            // They are not those that are counted.
            let counts = Arc::new(());
            tokio::spawn(admin.serve(routes, None, Limits { connections: 64 }, counts, drained));
        }
        let mut serving = serving;
        loop {
            let wanted = tokio::select! {
                wanted = signals.next() => wanted,
                _ = &mut serving => return Err(Failure::new(Code::General, "the daemon stopped by a bug")),
            };
            if wanted == Wanted::End {
                break;
            }
            let this = (self.service.clone(), self.log.clone(), self.tls.clone());
            // Files are read, and there is a lock to wait for: on a thread of its own, so that signals are heard.
            tokio::task::spawn_blocking(move || reload(&this.0, &this.1, this.2.as_deref()));
        }
        note("ending: no more connections are accepted");
        drain.begin();
        tokio::select! {
            _ = serving => {}
            () = signals.end() => note("ending at once"),
        }
        serving::close(self.log).await
    }

    fn announce(
        &self,
        args: &Daemon,
        public: &Listener,
        admin: Option<&Listener>,
    ) -> Result<(), Failure> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let address = public.address();
        serving::write_port(args.port_file.as_deref(), address)?;
        if self.tls.is_none() && !address.ip().is_loopback() {
            note(
                "there is no certificate, so requests come over plain http://: what is in them is sealed, but can be kept back, and an answer to an older client replayed; give --tls-cert-file and --tls-key-file",
            );
        }
        note(&format!("listening on {scheme}://{address}"));
        if let Some(admin) = admin {
            note(&format!("metrics on http://{}/metrics", admin.address()));
        }
        Ok(())
    }
}

/// An answer that comes after the connection was cut off is none.
fn check_times(args: &Daemon) -> Result<(), Failure> {
    let upstream = args.cluster.upstream_timeout.unwrap_or(UPSTREAM_TIMEOUT);
    let key_service = args.kms.kms_timeout.unwrap_or(KMS_TIMEOUT);
    if 2 * upstream + key_service + SPARE_TIME <= ANSWER_TIMEOUT {
        return Ok(());
    }
    let most = (ANSWER_TIMEOUT - SPARE_TIME).as_secs();
    let message = "--upstream-timeout and --kms-timeout leave no time for an answer";
    Err(Failure::new(Code::Usage, message).hint(format!(
        "twice the one, because Marathon is asked twice, and the other are at most {most} s together"
    )))
}

fn demands(args: &Daemon) -> Demands {
    let token_list = match args.cluster.mesos_require_token_list {
        true => TokenList::Required,
        false => TokenList::Optional,
    };
    let fresh = if args.limits.require_fresh { Fresh::Required } else { Fresh::Optional };
    Demands { token_list, fresh }
}

fn rates(per_second: NonZeroU32) -> Rates {
    let least = u32::try_from(MAX_SECRETS).unwrap_or(u32::MAX);
    let burst = per_second.get().saturating_mul(BURST).max(least);
    Rates::new(per_second, NonZeroU32::new(burst).unwrap_or(per_second), MAX_APPS)
}

fn keys(args: &Daemon, environ: &Environ) -> Result<Keys, Failure> {
    let mut masters: Vec<SecretKey> = Vec::new();
    for name in &args.master_key {
        masters.extend(keys::SERVE_WITH.find_given(Some(name), environ)?.map(|found| found.key));
    }
    if masters.is_empty() {
        let found = keys::SERVE_WITH.find(None, environ)?.ok_or_else(|| {
            Failure::new(Code::Configuration, "there is no master private key")
                .detail(format!("looked for: {}", keys::SERVE_WITH.places()))
        });
        masters.push(found?.key);
    }
    let config = keys::OPEN_FROM.find::<PublicKey>(args.config_key.as_deref(), environ)?;
    if let Some(found) = &config
        && let Err(weak) = NaclBox::agree(&masters[0], &found.key)
    {
        let message = format!("the config public key in {} can't be used: {weak}", found.place);
        return Err(Failure::new(Code::Configuration, message).hint(WEAK_HINT));
    }
    Ok(Keys { masters, config: config.map(|found| found.key) })
}

/// Says what it means, unless nothing would be left to decrypt.
fn without_config_key() -> Result<(), Failure> {
    if kms::IS_BUILT_IN {
        note("there is no config public key, so only ENC[KMS,..] tokens are decrypted");
        return Ok(());
    }
    let message = "there is no config public key, and no other token can be decrypted";
    Err(Failure::new(Code::Configuration, message)
        .detail(format!("looked for: {}", keys::OPEN_FROM.places()))
        .detail("this secretary was built without AWS KMS"))
}

fn tls(args: &Daemon, environ: &Environ) -> Result<Option<Arc<Tls>>, Failure> {
    let certificates = file(args.tls_cert_file.as_ref(), "TLS_CERT_FILE", environ);
    let key = file(args.tls_key_file.as_ref(), "TLS_KEY_FILE", environ);
    serving::tls(certificates, key, None)
}

/// Whom to ask: as in the Go program both orchestrators at their usual names, unless there is a file with workloads.
fn sources(flags: &ClusterFlags, environ: &Environ) -> Result<Sources, Failure> {
    let workloads = file(flags.workloads.as_ref(), "SECRETARY_WORKLOADS", environ);
    let urls = |flag: &Option<String>, variable: &str, default: &str| {
        let variable = environ.get(variable).filter(|value| !value.is_empty());
        let default = if workloads.is_some() { "" } else { default };
        let text = match (flag, variable) {
            (Some(flag), _) => flag.clone(),
            (None, Some(value)) => value.to_string_lossy().into_owned(),
            (None, None) => default.to_string(),
        };
        text.split(',').map(str::trim).filter(|url| !url.is_empty()).map(str::to_string).collect()
    };
    let settings = |urls: Vec<String>, auth_file: &Option<PathBuf>, max_answer| {
        (!urls.is_empty()).then(|| Settings {
            urls,
            auth_file: auth_file.clone(),
            ca_file: flags.upstream_ca.clone(),
            timeout: flags.upstream_timeout.unwrap_or(UPSTREAM_TIMEOUT),
            max_answer,
        })
    };
    let marathon = urls(&flags.marathon_url, "MARATHON_URL", "http://marathon.mesos:8080");
    let mesos = urls(&flags.mesos_leader_url, "MESOS_LEADER_URL", "http://leader.mesos:5050");
    let marathon = settings(marathon, &flags.marathon_auth, MAX_APP);
    let mesos = settings(mesos, &flags.mesos_auth, MAX_TASKS);
    if workloads.is_none() && marathon.is_none() && mesos.is_none() {
        return Err(Failure::new(Code::Configuration, "nobody is set up who knows workloads")
            .hint("give --workloads, --marathon-url or --mesos-leader-url"));
    }
    Ok(Sources { workloads, marathon, mesos })
}

fn audit_log(args: &Daemon, environ: &Environ) -> Result<AuditLog, Failure> {
    match file(args.audit_log.as_ref(), "SECRETARY_AUDIT_LOG", environ) {
        Some(path) => AuditLog::open(&path, VERSION).map_err(|error| serving::of_log(&error)),
        None => {
            note(
                "decisions are written to standard error alone; --audit-log FILE has each on the disk before it is answered",
            );
            AuditLog::to_writer(Box::new(stderr()), VERSION)
                .map_err(|error| Failure::new(Code::General, error.to_string()))
        }
    }
}

fn reload(service: &Service<Served>, log: &AuditLog, tls: Option<&Tls>) {
    let mut problems: Vec<_> = service.cluster().reload().iter().map(advice::of_source).collect();
    problems.extend(tls.and_then(|tls| tls.reload().err()).map(|error| serving::of_tls(&error)));
    serving::reopen(log, "nothing new is opened");
    match problems.as_slice() {
        [] => note("files were read again"),
        problems => problems.iter().for_each(|problem| {
            note(&format!("{}; what was read before stays in use", problem.message()));
        }),
    }
}

/// What the program was built from, if whoever built it said so.
fn build() -> &'static str {
    option_env!("SECRETARY_BUILD").unwrap_or("unknown")
}
