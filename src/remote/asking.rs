//! Asking a daemon: settings from flags and variables, keys, and what was asked.

use std::path::PathBuf;
use std::time::Duration;

use secretary_daemon::client::{Answers, Asked, Client, Settings, SetupError, is_in_clear};
use secretary_daemon::tls::Identity;
use secretary_daemon::version::Version;
use secretary_envelope::{PublicKey, SecretKey};

use super::advice::{denied, failure};
use super::refused::Keys;
use super::{Answer, Sealed, text, url};
use crate::cli::AskFlags;
use crate::environ::Environ;
use crate::failure::{Code, Failure, shown};
use crate::keys::{self, Found, Lookup, WEAK_HINT};
use crate::runtime;
use crate::world::note;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(30);

/// A daemon, and this workload.
pub struct Remote {
    /// Where its URL is set.
    place: &'static str,
    settings: Settings,
    deploy: Found<SecretKey>,
    service: Option<Found<SecretKey>>,
    master: Found<PublicKey>,
}

impl Remote {
    /// The daemon that is set up in the flags or in `environ`, if there is one. Who is trusted is a matter of the
    /// flags and the `process`, and not of a file with variables for a service.
    ///
    /// # Errors
    ///
    /// When a daemon is to be asked and a key is missing, or a setting is of no use.
    pub fn find(
        flags: &AskFlags,
        deploy_key: Option<&std::ffi::OsStr>,
        environ: &Environ,
        process: &Environ,
    ) -> Result<Option<Self>, Failure> {
        let Some((place, url)) = url(flags, environ)? else { return Ok(None) };
        let service = flags.service_key.as_deref();
        let remote = Self {
            place,
            settings: settings(flags, url, environ, process)?,
            deploy: required(keys::ASK_WITH, deploy_key, environ)?,
            master: required(keys::ASK_TO, flags.master_key.as_deref(), environ)?,
            service: keys::ASK_WITH_SERVICE.find_given(service, environ)?,
        };
        remote.check_transport(flags, process)?;
        Ok(Some(remote))
    }

    /// Finds what would keep the daemon from being asked, without asking it.
    ///
    /// # Errors
    ///
    /// When it is not known who asks, or a setting is of no use.
    pub fn check(&self) -> Result<(), Failure> {
        self.client()?;
        self.check_ids()
    }

    /// Opens all of `sealed`, or as many as the daemon opens.
    ///
    /// # Errors
    ///
    /// When the daemon can't be asked at all.
    pub fn open_all(&self, sealed: &[Sealed<'_>]) -> Result<Vec<Answer>, Failure> {
        let client = self.client()?;
        self.check_ids()?;
        let asked: Vec<_> =
            sealed.iter().map(|one| Asked { key: one.key, token: one.token }).collect();
        let answered = runtime::wait_for(client.open_all(&asked))?;
        let keys = match self.service {
            Some(_) => Keys::DeployAndService,
            None => Keys::Deploy,
        };
        let answered = answered.map_err(|cause| self.told(failure(&cause, keys)))?;
        if answered.is_old {
            note(
                "the daemon is an older one, which does not say to which request an answer belongs, so that an old answer could be sent again; --require-bound-answers refuses that",
            );
        }
        Ok(answered
            .secrets
            .into_iter()
            .map(|answer| answer.map_err(|cause| denied(&cause, keys)))
            .collect())
    }

    /// What was asked, and with which keys, for who has to find out why the answer was no.
    pub fn asked(&self) -> Vec<String> {
        vec![
            format!("asked: {} about {}", self.shown_url(), self.who()),
            format!("keys used: {}", self.key_places()),
        ]
    }

    /// The same of one that is not asked yet.
    pub fn described(&self) -> Vec<String> {
        vec![
            format!("by a daemon, which is {}, as {}", self.shown_url(), self.who()),
            format!("keys for the daemon from {}", self.key_places()),
        ]
    }

    fn who(&self) -> String {
        let Settings { app_id, app_version, task_id, .. } = &self.settings;
        match (self.is_of_app(), app_id.is_empty()) {
            (true, _) => format!(
                "app {}, version {}, task {}",
                shown(app_id),
                shown(app_version),
                shown(task_id)
            ),
            (false, true) => format!("Mesos task {}", shown(task_id)),
            (false, false) => {
                let (task, app) = (shown(task_id), shown(app_id));
                format!("Mesos task {task}, because the app {app} has no version here")
            }
        }
    }

    fn key_places(&self) -> String {
        let keys = [
            Some(&self.deploy.place),
            self.service.as_ref().map(|key| &key.place),
            Some(&self.master.place),
        ];
        let keys: Vec<_> = keys.into_iter().flatten().map(String::as_str).collect();
        keys.join(" and ")
    }

    /// A URL may have a password in it.
    fn shown_url(&self) -> String {
        shown(without_user(&self.settings.url))
    }

    fn client(&self) -> Result<Client, Failure> {
        let service = self.service.as_ref().map(|found| &found.key);
        let client =
            Client::new(self.settings.clone(), &self.deploy.key, service, &self.master.key);
        client.map_err(|error| {
            let wrong = |message| Failure::new(Code::Configuration, message);
            match error {
                SetupError::WeakKey(weak) => {
                    let place = &self.master.place;
                    wrong(format!("the master public key in {place} can't be used: {weak}"))
                        .hint(WEAK_HINT)
                }
                SetupError::Url => wrong(format!("{} is no URL of a daemon", self.place))
                    .hint("it is https://HOST:PORT, without /v1/decrypt"),
                other => wrong(other.to_string()),
            }
        })
    }

    /// Go's rule: without a version, or with the Unix epoch as one, it is a Mesos task that asks.
    fn is_of_app(&self) -> bool {
        let version = &self.settings.app_version;
        !version.is_empty() && !Version::parse(version).is_some_and(|time| time.is_unix_epoch())
    }

    /// Who asks has to be known before anybody can be asked. The rest is the daemon's to judge, whose version may be
    /// another one.
    fn check_ids(&self) -> Result<(), Failure> {
        let Settings { app_id, app_version, task_id, .. } = &self.settings;
        let app = ("app", "--app-id, $MARATHON_APP_ID", app_id);
        let version = ("app's version", "--app-version, $MARATHON_APP_VERSION", app_version);
        let task = ("task", "--task-id, $MESOS_TASK_ID", task_id);
        // It would be on record there.
        let is_key = |id: &String| SecretKey::parse(id.as_bytes()).is_ok();
        if let Some((what, places, _)) = [app, version, task].into_iter().find(|it| is_key(it.2)) {
            let message = format!("the id of the {what} is a key, so it is not sent to a daemon");
            return Err(Failure::new(Code::Configuration, message)
                .detail(format!("it is from one of: {places}")));
        }
        let missing = [(task, task_id.is_empty()), (app, app_id.is_empty() && self.is_of_app())];
        let Some(((what, places, _), _)) = missing.into_iter().find(|(_, is_missing)| *is_missing)
        else {
            return Ok(());
        };
        let message =
            format!("a daemon is to be asked, and there is no id of the {what} that asks");
        Err(Failure::new(Code::Configuration, message)
            .detail(format!("looked for: {places}"))
            .hint("Marathon sets $MARATHON_APP_ID, $MARATHON_APP_VERSION and $MESOS_TASK_ID in each container, Mesos the last; elsewhere, give what the daemon's file of --workloads has"))
    }

    fn told(&self, failure: Failure) -> Failure {
        self.asked().into_iter().fold(failure, |failure, line| failure.detail(line))
    }

    /// What is sealed needs no TLS to stay secret; but whoever can change it can keep it back, and an older daemon's
    /// answers can be replayed.
    fn check_transport(&self, flags: &AskFlags, process: &Environ) -> Result<(), Failure> {
        if !is_in_clear(&self.settings.url) {
            return Ok(());
        }
        let place = self.place;
        let required = switch(flags.require_tls, "SECRETARY_REQUIRE_TLS", process)?;
        if required {
            let message =
                format!("{place} is plain http:// to another machine, and TLS is required");
            return Err(Failure::new(Code::Configuration, message)
                .hint("give the daemon a certificate, and the URL https://"));
        }
        note(&format!("{place} is plain http:// to another machine; --require-tls refuses that"));
        Ok(())
    }
}

fn settings(
    flags: &AskFlags,
    url: String,
    environ: &Environ,
    process: &Environ,
) -> Result<Settings, Failure> {
    let given = |flag: &Option<String>, variable| match flag {
        Some(value) => Ok(value.clone()),
        None => text(environ, variable).map(Option::unwrap_or_default),
    };
    let file = |flag: &Option<PathBuf>, variable| {
        let flag = flag.clone().map(PathBuf::into_os_string);
        let file = flag.or_else(|| process.get(variable).map(Into::into));
        file.filter(|file| !file.is_empty()).map(PathBuf::from)
    };
    let certificates = file(&flags.client_cert, "SECRETARY_CLIENT_CERT");
    let identity = match (certificates, file(&flags.client_key, "SECRETARY_CLIENT_KEY")) {
        (Some(certificates), Some(key)) => Some(Identity { certificates, key }),
        (None, None) => None,
        _ => {
            let message =
                "a client certificate and its private key are given together, or not at all";
            return Err(Failure::new(Code::Configuration, message)
                .hint("give both --client-cert and --client-key"));
        }
    };
    let bound = switch(flags.require_bound_answers, "SECRETARY_REQUIRE_BOUND_ANSWERS", process)?;
    Ok(Settings {
        url,
        app_id: given(&flags.app_id, "MARATHON_APP_ID")?,
        app_version: given(&flags.app_version, "MARATHON_APP_VERSION")?,
        task_id: given(&flags.task_id, "MESOS_TASK_ID")?,
        connect_timeout: flags.connect_timeout.unwrap_or(CONNECT_TIMEOUT),
        timeout: flags.timeout.unwrap_or(TIMEOUT),
        ca_file: file(&flags.ca_file, "SECRETARY_CA_FILE"),
        identity,
        answers: if bound { Answers::Bound } else { Answers::BoundOrOld },
    })
}

fn switch(flag: Option<bool>, variable: &str, process: &Environ) -> Result<bool, Failure> {
    let value = match flag {
        Some(flag) => return Ok(flag),
        None => text(process, variable)?,
    };
    match value.as_deref().map(crate::cli::switch).transpose() {
        Ok(value) => Ok(value.unwrap_or(false)),
        Err(why) => {
            Err(Failure::new(Code::Configuration, format!("${variable} can't be used: {why}")))
        }
    }
}

fn required<K: keys::Key>(
    lookup: Lookup,
    flag: Option<&std::ffi::OsStr>,
    environ: &Environ,
) -> Result<Found<K>, Failure> {
    lookup.find(flag, environ)?.ok_or_else(|| {
        Failure::new(
            Code::Configuration,
            format!("there is no {} to ask the daemon with", lookup.what),
        )
        .detail(format!("looked for: {}", lookup.places()))
    })
}

fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return String::new() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{}", path.split(['?', '#']).next().unwrap_or_default())
}
