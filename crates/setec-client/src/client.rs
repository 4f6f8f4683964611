//! A client: a method for each call.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client as Http, StatusCode, Url};
use secretary_secret::Secret;
use secretary_setec_api::header::{JSON, NO_BROWSERS_VALUE};
use secretary_setec_api::request::{
    Activate, CreateVersion, Delete, DeleteVersion, Get, Info, List, Put,
};
use secretary_setec_api::response::{decode_done, decode_list, decode_version};
use secretary_setec_api::{Malformed, NO_VERSION, Refusal, Request, SecretInfo, SecretValue};
use secretary_transport::Obstacle;
use secretary_transport::http::{self, BodyError, Connect, Way};
use secretary_transport::obstacle::of_transport;
use secretary_transport::tls::Trust;
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::error::{Error, SetupError};
use crate::settings::Settings;
use crate::wiped::wiped;

/// [`secretary_setec_api::header::NO_BROWSERS`]; HTTP/1.1 knows it in any case.
const NO_BROWSERS: HeaderName = HeaderName::from_static("sec-x-tailscale-no-browsers");

/// As much of the body of a refusal as is read, so that the connection can be used again. setec's are a line.
const MAX_REFUSAL: usize = 64 << 10;

/// A secrets server that is asked.
///
/// A clone shares the connections with what it was cloned from. Calls may be made at the same time; each has a connection
/// of its own meanwhile, which is kept for the next one.
#[derive(Clone, Debug)]
pub struct Client {
    http: Http,
    url: Url,
    authorization: Option<HeaderValue>,
    timeout: Duration,
    max_answer: usize,
}

impl Client {
    /// A client with these settings. It makes no connection yet.
    ///
    /// # Errors
    ///
    /// When the URL is none, the token can't be sent, or a file is of no use.
    pub fn new(settings: &Settings) -> Result<Self, SetupError> {
        let url = settings.url()?;
        let connect = Connect {
            within: settings.connect_timeout,
            trust: Trust::SystemAnd(settings.ca_file.as_deref()),
            identity: settings.identity(&url)?,
            way: Way::AsTheEnvironmentSays,
        };
        Ok(Self {
            authorization: settings.authorization(&url)?,
            http: http::client(std::slice::from_ref(&url), connect)?,
            url,
            timeout: settings.timeout,
            max_answer: settings.max_answer,
        })
    }

    /// All secrets that the caller may see, by name, without their values. None is no error. Needs no right.
    ///
    /// # Errors
    ///
    /// Never [`Error::NotFound`] or [`Error::AccessDenied`] by a server that goes by setec's rules.
    pub async fn list(&self) -> Result<Vec<SecretInfo>, Error> {
        self.call(&Request::List(List), decode_list).await
    }

    /// The active version of a secret. Needs the right `get`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is no such secret.
    pub async fn get(&self, name: &str) -> Result<SecretValue, Error> {
        self.get_version(name, NO_VERSION).await
    }

    /// The active version of a secret, unless it is number `old`. With 0 it is the same as [`Self::get`]. Needs the right
    /// `get`.
    ///
    /// # Errors
    ///
    /// [`Error::NotChanged`] when it is, [`Error::NotFound`] when there is no such secret.
    pub async fn get_if_changed(&self, name: &str, old: u32) -> Result<SecretValue, Error> {
        let update_if_changed = old != NO_VERSION;
        let get = Get { name: name.to_string(), version: old, update_if_changed };
        self.call(&Request::Get(get), SecretValue::decode).await
    }

    /// Version number `version` of a secret, active or not, or with 0 the active one. Needs the right `get`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is no such secret, or no such version of it.
    pub async fn get_version(&self, name: &str, version: u32) -> Result<SecretValue, Error> {
        let get = Get { name: name.to_string(), version, update_if_changed: false };
        let decode = |body: &[u8]| {
            let value = SecretValue::decode(body)?;
            let is_it = version == NO_VERSION || value.version == version;
            if is_it { Ok(value) } else { Err(Malformed) }
        };
        self.call(&Request::Get(get), decode).await
    }

    /// The versions of a secret, and which one is active. Needs the right `info`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is no such secret.
    pub async fn info(&self, name: &str) -> Result<SecretInfo, Error> {
        let decode = |body: &[u8]| {
            let info = SecretInfo::decode(body)?;
            if info.name == name { Ok(info) } else { Err(Malformed) }
        };
        self.call(&Request::Info(Info { name: name.to_string() }), decode).await
    }

    /// Stores a value, and answers the number of the version that holds it. The first version of a secret is active, a later
    /// one when it is activated. If the latest version has that value already, nothing is stored. Needs the right `put`.
    ///
    /// # Errors
    ///
    /// A status of 500 when the name is empty or reserved.
    pub async fn put(&self, name: &str, value: Secret) -> Result<u32, Error> {
        self.call(&Request::Put(Put { name: name.to_string(), value }), decode_version).await
    }

    /// Stores a value as version number `version`, and activates it. Needs the right `create-version`.
    ///
    /// # Errors
    ///
    /// [`Error::VersionClaimed`] when there is such a version, or was; a status of 400 for version 0.
    pub async fn create_version(
        &self,
        name: &str,
        version: u32,
        value: Secret,
    ) -> Result<(), Error> {
        let new = CreateVersion { name: name.to_string(), version, value };
        self.call(&Request::CreateVersion(new), decode_done).await
    }

    /// Makes version number `version` of a secret the active one. Needs the right `activate`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is no such version; a status of 500 for version 0.
    pub async fn activate(&self, name: &str, version: u32) -> Result<(), Error> {
        let activate = Activate { name: name.to_string(), version };
        self.call(&Request::Activate(activate), decode_done).await
    }

    /// Deletes a version for good. Its number is never given again. Needs the right `delete`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is no such version; a status of 500 when it is the active one.
    pub async fn delete_version(&self, name: &str, version: u32) -> Result<(), Error> {
        let delete = DeleteVersion { name: name.to_string(), version };
        self.call(&Request::DeleteVersion(delete), decode_done).await
    }

    /// Deletes a secret with all its versions for good. That there is none is no error. Needs the right `delete`.
    ///
    /// # Errors
    ///
    /// Those that any call can have.
    pub async fn delete(&self, name: &str) -> Result<(), Error> {
        self.call(&Request::Delete(Delete { name: name.to_string() }), decode_done).await
    }

    /// Makes one call, within the time.
    async fn call<T>(
        &self,
        request: &Request,
        decode: impl Fn(&[u8]) -> Result<T, Malformed>,
    ) -> Result<T, Error> {
        let answer = timeout(self.timeout, self.exchange(request)).await;
        let body = answer.map_err(|_| Error::Late(self.timeout))??;
        decode(body.expose()).map_err(|Malformed| Error::BadAnswer)
    }

    async fn exchange(&self, request: &Request) -> Result<Secret, Error> {
        let mut message = self
            .http
            .post(self.at(request.path().as_str()))
            .header(CONTENT_TYPE, JSON)
            .header(NO_BROWSERS, NO_BROWSERS_VALUE)
            .body(wiped(request.encode()));
        if let Some(authorization) = &self.authorization {
            message = message.header(AUTHORIZATION, authorization);
        }
        // Whoever makes calls now and then on a runtime of one thread lets nobody look meanwhile whether the server has
        // closed the connection. This lets the runtime look before the request is written to it.
        yield_now().await;
        let answer = message.send().await.map_err(|error| unanswered(&error))?;
        let status = answer.status();
        if status != StatusCode::OK {
            let body = http::body(answer, MAX_REFUSAL).await;
            return Err(refused(status, body.as_ref().map_or(b"", Secret::expose)));
        }
        http::body(answer, self.max_answer).await.map_err(|error| match error {
            BodyError::TooLarge => Error::TooLarge(self.max_answer),
            BodyError::Broken(_) => Error::Broken,
        })
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{path}", self.url.path().trim_end_matches('/')));
        url
    }
}

/// Why nothing came back. A server that takes the connection and then says nothing to TLS is as silent as one that does not.
fn unanswered(error: &reqwest::Error) -> Error {
    match error.is_connect() && error.is_timeout() {
        true => Error::Unreachable(Obstacle::Silence),
        false => of_transport(error).into(),
    }
}

/// What a status means. Four of them mean the same whatever the body is, as to setec's client.
fn refused(status: StatusCode, body: &[u8]) -> Error {
    match status.as_u16() {
        304 => Error::NotChanged,
        403 => Error::AccessDenied,
        404 => Error::NotFound,
        412 => Error::VersionClaimed,
        code @ 300..=399 => Error::Redirect(code),
        code => Error::Status { code, refusal: Refusal::told_by(code, body) },
    }
}
