//! Whom a client asks, how, and as whom.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::HeaderValue;
use secretary_secret::Secret;
use secretary_transport::http::is_of_this_machine;
use secretary_transport::tls::Identity;

use crate::error::SetupError;
use crate::wiped::wiped;

/// Whom a client asks, and how. The defaults are [`Settings::new`]'s.
#[derive(Debug)]
pub struct Settings {
    /// The server's URL, to which `/api/get` and the like are added.
    pub url: String,
    /// Who calls.
    pub credential: Credential,
    /// A file in PEM with certificates that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Until there is a connection: 5 s.
    pub connect_timeout: Duration,
    /// For a call as a whole: 30 s.
    pub timeout: Duration,
    /// The most bytes of an answer: 64 MiB. A value has about three quarters of that.
    pub max_answer: usize,
}

/// How the server comes to know who calls.
#[derive(Debug)]
pub enum Credential {
    /// By the address, as the node of a tailnet that it belongs to.
    Address,
    /// By a token, what a file of it holds. White space around it is left out.
    Token(Secret),
    /// By a certificate.
    Certificate(Identity),
}

impl Settings {
    /// Asks the server at `url` as a node of a tailnet, and trusts whom the system trusts.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            credential: Credential::Address,
            ca_file: None,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            max_answer: 64 << 20,
        }
    }

    pub(crate) fn url(&self) -> Result<Url, SetupError> {
        let url = Url::parse(self.url.trim()).map_err(|_| SetupError::Url)?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(SetupError::Url);
        }
        // The HTTP library would make a header of a user, and the rest is nothing that a path could be added to.
        let has_user = !url.username().is_empty() || url.password().is_some();
        match has_user || url.query().is_some() || url.fragment().is_some() {
            true => Err(SetupError::UrlParts),
            false => Ok(url),
        }
    }

    /// The certificate to be shown to `url`.
    pub(crate) fn identity(&self, url: &Url) -> Result<Option<&Identity>, SetupError> {
        let Credential::Certificate(identity) = &self.credential else { return Ok(None) };
        match url.scheme() == "https" {
            true => Ok(Some(identity)),
            false => Err(SetupError::CertificateInClear(identity.certificates.clone())),
        }
    }

    /// The header with the token, for requests to `url`.
    pub(crate) fn authorization(&self, url: &Url) -> Result<Option<HeaderValue>, SetupError> {
        let Credential::Token(token) = &self.credential else { return Ok(None) };
        let token = token.expose().trim_ascii();
        if token.is_empty() || !token.iter().all(u8::is_ascii_graphic) {
            return Err(SetupError::Token);
        }
        if url.scheme() != "https" && !is_of_this_machine(url) {
            return Err(SetupError::TokenInClear);
        }
        let mut line = Secret::with_capacity(b"Bearer ".len() + token.len());
        line.extend(b"Bearer ");
        line.extend(token);
        let mut header = HeaderValue::from_maybe_shared(wiped(line))
            .expect("printable characters and a space are a value");
        header.set_sensitive(true);
        Ok(Some(header))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<String, SetupError> {
        Settings::new(text).url().map(String::from)
    }

    fn authorization(token: &[u8], url: &str) -> Result<Option<HeaderValue>, SetupError> {
        let settings =
            Settings { credential: Credential::Token(token.into()), ..Settings::new(url) };
        settings.authorization(&settings.url().expect("a URL"))
    }

    #[test]
    fn a_url_leads_to_a_server_and_has_nothing_else_in_it() {
        assert_eq!(url("https://secrets.example.com"), Ok("https://secrets.example.com/".into()));
        assert_eq!(url(" http://[::1]:80/x/ "), Ok("http://[::1]/x/".into()));
        for text in ["", "secrets.example.com", "ftp://a", "https://", "unix:/run/s", "/a"] {
            assert_eq!(url(text), Err(SetupError::Url), "{text}");
        }
        for text in ["https://u:p@a", "https://u@a", "https://:p@a", "https://a?x=1", "https://a#b"]
        {
            assert_eq!(url(text), Err(SetupError::UrlParts), "{text}");
        }
    }

    #[test]
    fn a_token_is_one_line_and_not_sent_where_others_could_read_it() {
        let header = authorization(b" t0ken.~+/=\r\n", "https://a").expect("a token");
        let header = header.expect("one");
        assert_eq!(header.as_bytes(), b"Bearer t0ken.~+/=");
        assert_eq!(format!("{header:?}"), "Sensitive");
        for token in ["", " \n", "a b", "a\nb", "a\0", "\u{e9}"] {
            let refused = authorization(token.as_bytes(), "https://a");
            assert_eq!(refused, Err(SetupError::Token), "{token}");
        }
        assert!(authorization(b"t", "http://127.0.0.1:1").is_ok());
        assert_eq!(authorization(b"t", "http://10.0.0.1"), Err(SetupError::TokenInClear));
        assert_eq!(authorization(b"t", "http://a.example"), Err(SetupError::TokenInClear));
    }

    #[test]
    fn prints_no_token() {
        let credential = Credential::Token(b"t0ken".as_slice().into());
        let settings = Settings { credential, ..Settings::new("https://a") };
        assert!(!format!("{settings:?}").contains("t0ken"));
    }
}
