//! Asking a secrets server: settings from flags and variables, and what was asked.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secretary_secret::Secret;
use secretary_setec_client::{Client, Credential, Error, Identity, Settings, SetupError};

use super::advice::{self, KnownBy, Purpose};
use super::{Flags, is_given, no_server, two_callers_typed, url};
use crate::environ::Environ;
use crate::failure::{Code, Failure, shown};
use crate::runtime;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(30);

/// A token has some tens of bytes, and one that an identity provider made some hundreds.
const MAX_TOKEN: usize = 4096;

/// A secrets server, and who asks it.
#[derive(Debug)]
pub struct SecretsServer {
    /// Where its URL is set.
    place: &'static str,
    url: String,
    caller: Caller,
    ca_file: Option<PathBuf>,
    timeout: Duration,
}

/// How the server comes to know who asks.
#[derive(Debug)]
enum Caller {
    /// By the address.
    Address,
    /// By the token in this file.
    Token(PathBuf),
    /// By a certificate.
    Certificate(Identity),
}

impl SecretsServer {
    /// The server that is set up in the flags or in the variables of the `process`. A file with variables for a service
    /// has no say in it: it could have the token be sent elsewhere.
    ///
    /// # Errors
    ///
    /// When there is none, a certificate without a key, or more than one who could be asking.
    pub fn find(flags: Flags<'_>, process: &Environ) -> Result<Self, Failure> {
        let (place, url) = url(flags.server, process)?.ok_or_else(no_server)?;
        let server_ca = flags.server.server_ca.as_deref();
        Ok(Self {
            place,
            url,
            caller: caller(flags, process)?,
            ca_file: file(server_ca, "SECRETARY_SERVER_CA", process),
            timeout: flags.server.server_timeout.unwrap_or(TIMEOUT),
        })
    }

    /// A client, which makes no connection yet. It may be used in [`crate::runtime`] alone.
    ///
    /// # Errors
    ///
    /// When the URL or a file is of no use.
    pub fn client(&self) -> Result<Client, Failure> {
        let settings = Settings {
            credential: self.credential()?,
            ca_file: self.ca_file.clone(),
            connect_timeout: CONNECT_TIMEOUT.min(self.timeout),
            timeout: self.timeout,
            ..Settings::new(self.url.clone())
        };
        Client::new(&settings).map_err(|error| self.unusable(&error))
    }

    /// For a question, and for several of them together.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Makes one call that changes nothing. `failing` is what a failure of it is called: `failed to get secret`.
    ///
    /// # Errors
    ///
    /// When there is no answer, or it is no.
    pub fn read<T>(
        &self,
        failing: &str,
        call: impl AsyncFnOnce(Client) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        self.call(Purpose::Read, failing, call)
    }

    /// Makes one call that changes something, as [`Self::read`] does.
    ///
    /// # Errors
    ///
    /// When there is no answer, after which the change may be there, or it is no.
    pub fn write<T>(
        &self,
        failing: &str,
        call: impl AsyncFnOnce(Client) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        self.call(Purpose::Write, failing, call)
    }

    fn call<T>(
        &self,
        purpose: Purpose,
        failing: &str,
        call: impl AsyncFnOnce(Client) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        let client = self.client()?;
        runtime::wait_for(call(client))?.map_err(|error| self.failure(purpose, failing, &error))
    }

    /// A failure of one call, with what was asked.
    fn failure(&self, purpose: Purpose, failing: &str, error: &Error) -> Failure {
        let failure = Failure::new(advice::code(error), format!("{failing}: {error}"));
        let failure = self.asked().into_iter().fold(failure, Failure::detail);
        match self.hint(error, purpose) {
            "" => failure,
            hint => failure.hint(hint),
        }
    }

    /// What to do about a failure of a call, or nothing.
    pub(super) fn hint(&self, error: &Error, purpose: Purpose) -> &'static str {
        let known_by = match &self.caller {
            Caller::Address => KnownBy::Address,
            Caller::Token(_) => KnownBy::Token,
            Caller::Certificate(_) => KnownBy::Certificate,
        };
        advice::hint(error, known_by, purpose)
    }

    /// Whom was asked as whom, for who has to find out why the answer was no.
    pub fn asked(&self) -> Vec<String> {
        let caller = match &self.caller {
            Caller::Address => "without a token or a certificate".to_string(),
            Caller::Token(file) => format!("with the token in {}", shown(file)),
            Caller::Certificate(identity) => {
                format!("with the certificate in {}", shown(&identity.certificates))
            }
        };
        vec![format!("asked: {}, which is {}, {caller}", self.place, shown(self.shown_url()))]
    }

    /// A URL may have a password in it. The client refuses that, but it may be shown before.
    fn shown_url(&self) -> &str {
        let url = self.url.trim();
        if url.contains(['@', '?', '#']) {
            "(not repeated: it may have a password in it)"
        } else {
            url
        }
    }

    fn credential(&self) -> Result<Credential, Failure> {
        Ok(match &self.caller {
            Caller::Address => Credential::Address,
            Caller::Token(file) => Credential::Token(read_token(file)?),
            Caller::Certificate(identity) => Credential::Certificate(identity.clone()),
        })
    }

    fn unusable(&self, error: &SetupError) -> Failure {
        let message = match (error, &self.caller) {
            (SetupError::Url, _) => {
                format!("{} is no URL of a secrets server", self.place)
            }
            (SetupError::UrlParts, _) => {
                format!("{} has a user, a password, a \"?\" or a \"#\" in it", self.place)
            }
            (SetupError::Token, Caller::Token(file)) => {
                format!("the token in {} is not one line of printable ASCII", shown(file))
            }
            _ => error.to_string(),
        };
        let failure = Failure::new(Code::Configuration, message);
        match advice::on_setup(error) {
            "" => failure,
            hint => failure.hint(hint),
        }
    }
}

/// Flags go before variables. Of two that are in the same place the token says it if the certificate may be for a daemon;
/// otherwise only one of them can have been meant, and it is not for this program to say which.
fn caller(flags: Flags<'_>, process: &Environ) -> Result<Caller, Failure> {
    let token = file(flags.server.token_file.as_deref(), "SECRETARY_TOKEN_FILE", process);
    let certificates = file(flags.certificate, "SECRETARY_CLIENT_CERT", process);
    let is_overruled = flags.server.token_file.is_none() && flags.certificate.is_some_and(is_given);
    if let Some(token) = token.filter(|_| !is_overruled) {
        let is_typed = flags.server.token_file.is_some();
        return match certificates {
            Some(_) if flags.is_beside_daemon => Ok(Caller::Token(token)),
            Some(_) if flags.are_of_two_callers() => Err(two_callers_typed()),
            Some(_) if !is_typed => Err(two_callers_set()),
            _ => Ok(Caller::Token(token)),
        };
    }
    match (certificates, file(flags.key, "SECRETARY_CLIENT_KEY", process)) {
        (Some(certificates), Some(key)) => Ok(Caller::Certificate(Identity { certificates, key })),
        (None, None) => Ok(Caller::Address),
        _ => {
            let message =
                "a client certificate and its private key are given together, or not at all";
            Err(Failure::new(Code::Configuration, message)
                .hint("give both --client-cert and --client-key"))
        }
    }
}

/// An empty flag means that there is no such file, whatever the variable says.
fn file(flag: Option<&Path>, variable: &str, process: &Environ) -> Option<PathBuf> {
    let file = flag.or_else(|| process.get(variable).map(Path::new));
    file.filter(|file| is_given(file)).map(Path::to_path_buf)
}

fn two_callers_set() -> Failure {
    let message = "$SECRETARY_TOKEN_FILE and $SECRETARY_CLIENT_CERT are both set, and one of them says who asks";
    Failure::new(Code::Configuration, message)
        .hint("unset one of them, or give --token-file or --client-cert")
}

fn read_token(path: &Path) -> Result<Secret, Failure> {
    let token = File::open(path).and_then(|mut file| Secret::read_from(&mut file, MAX_TOKEN));
    token.map_err(|error| match error.kind() {
        std::io::ErrorKind::FileTooLarge => {
            let message =
                format!("{} has more than {MAX_TOKEN} bytes, so it holds no token", shown(path));
            Failure::new(Code::Configuration, message)
        }
        _ => Failure::io("read the token in", &shown(path), &error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{AskFlags, SetecFlags};

    fn environ(variables: &[(&str, &str)]) -> Environ {
        Environ::first_of_each(variables.iter().map(|(n, v)| (n.into(), v.into())).collect())
    }

    fn asked(flags: Flags<'_>, variables: &[(&str, &str)]) -> String {
        match SecretsServer::find(flags, &environ(variables)) {
            Ok(server) => server.asked().concat(),
            Err(failure) => failure.message().to_string(),
        }
    }

    #[test]
    fn a_flag_goes_before_a_variable_and_ours_before_setecs() {
        let (ours, setecs) =
            (("SECRETARY_SERVER", "https://ours"), ("SETEC_SERVER", "https://its"));
        let found = |flag: Option<&str>, variables: &[(&str, &str)]| {
            let server = SetecFlags { server: flag.map(String::from), ..SetecFlags::default() };
            let no_daemon = AskFlags::default();
            asked(Flags::beside_daemon(&server, &no_daemon, &environ(&[])), variables)
        };
        assert!(
            found(Some("http://flag"), &[ours, setecs]).contains("--server, which is http://flag,")
        );
        assert!(found(None, &[setecs, ours]).contains("$SECRETARY_SERVER, which is https://ours,"));
        assert!(found(None, &[("SECRETARY_SERVER", ""), setecs]).contains("https://its,"));
        assert!(!found(Some("https://u:hunter2@host"), &[]).contains("hunter2"));
        for (flag, variables) in [(None, &[][..]), (Some(""), &[ours, setecs][..])] {
            assert_eq!(found(flag, variables), "no server address is set");
        }
    }

    const TOKEN: (&str, &str) = ("SECRETARY_TOKEN_FILE", "/t");
    const CERTIFICATE: (&str, &str) = ("SECRETARY_CLIENT_CERT", "/c");
    const KEY: (&str, &str) = ("SECRETARY_CLIENT_KEY", "/k");
    const ALL: [(&str, &str); 3] = [TOKEN, CERTIFICATE, KEY];

    /// As whom is asked with a token, a certificate and a daemon typed.
    fn asked_as(typed: [Option<&str>; 3], variables: &[(&str, &str)]) -> String {
        let [token, certificate, daemon] = typed;
        let server = SetecFlags {
            server: Some("https://a".into()),
            token_file: token.map(PathBuf::from),
            ..SetecFlags::default()
        };
        let daemon = AskFlags {
            secretary_url: daemon.map(String::from),
            client_cert: certificate.map(PathBuf::from),
            client_key: certificate.map(PathBuf::from),
            ..AskFlags::default()
        };
        let flags = Flags::beside_daemon(&server, &daemon, &environ(variables));
        let found = asked(flags, variables);
        found.trim_start_matches("asked: --server, which is https://a, ").to_string()
    }

    #[test]
    fn who_asks_is_said_by_flags_before_variables() {
        let with =
            |token, certificate, variables: &[_]| asked_as([token, certificate, None], variables);
        assert_eq!(with(None, None, &[]), "without a token or a certificate");
        assert_eq!(with(None, None, &[TOKEN]), "with the token in /t");
        assert_eq!(with(None, None, &ALL[1..]), "with the certificate in /c");
        assert_eq!(with(Some("f"), None, &ALL), "with the token in f");
        assert_eq!(with(None, Some("g"), &ALL), "with the certificate in g");
        assert_eq!(with(Some(""), None, &ALL), "with the certificate in /c");
        assert_eq!(with(None, Some(""), &[TOKEN, CERTIFICATE]), "with the token in /t");
        assert_eq!(with(Some(""), Some(""), &ALL), "without a token or a certificate");
        assert!(with(None, None, &[CERTIFICATE]).contains("given together"));
    }

    #[test]
    fn a_certificate_beside_a_token_has_to_be_for_a_daemon() {
        let daemon = ("SECRETARY_URL", "https://d");
        let typed = |daemon| [Some("f"), Some("g"), daemon];
        let set = |daemon| [None, None, daemon];
        let both_typed = asked_as(typed(None), &[]);
        assert!(both_typed.contains("--client-cert are both given"), "{both_typed}");
        let both_set = asked_as(set(None), &ALL);
        assert!(both_set.contains("$SECRETARY_CLIENT_CERT are both set"), "{both_set}");
        for no_daemon in [typed(Some("")), set(Some(""))] {
            let told = asked_as(no_daemon, &[daemon, TOKEN, CERTIFICATE, KEY]);
            assert!(told.contains("are both "), "{told}");
        }
        assert_eq!(asked_as(typed(Some("https://d")), &[]), "with the token in f");
        assert_eq!(asked_as(typed(None), &[daemon]), "with the token in f");
        assert_eq!(asked_as(set(Some("https://d")), &ALL), "with the token in /t");
        assert_eq!(asked_as(set(None), &[daemon, TOKEN, CERTIFICATE]), "with the token in /t");
    }
}
