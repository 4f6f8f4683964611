//! Where the API is, and what a pod shows to it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::HeaderValue;
use secretary_secret::Secret;

use super::KubernetesError;

/// The most bytes of a token.
const MAX_TOKEN: usize = 64 * 1024;

/// Where the API is, and who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// A name, or an address.
    pub host: String,
    /// Its port.
    pub port: String,
    /// The file with the token. Kubernetes writes it anew now and then.
    pub token_file: PathBuf,
    /// The file with the certificates of the cluster's authority.
    pub ca_file: PathBuf,
    /// For everything together.
    pub timeout: Duration,
}

impl Settings {
    /// Those of a pod: the values of `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`, and the folder of its
    /// service account.
    ///
    /// # Errors
    ///
    /// When one of the variables is missing.
    pub fn of_pod(
        host: Option<&str>,
        port: Option<&str>,
        folder: &Path,
        timeout: Duration,
    ) -> Result<Self, KubernetesError> {
        let given =
            |value: Option<&str>| value.filter(|value| !value.is_empty()).map(str::to_string);
        let (Some(host), Some(port)) = (given(host), given(port)) else {
            return Err(KubernetesError::NoCluster);
        };
        let (token_file, ca_file) = (folder.join("token"), folder.join("ca.crt"));
        Ok(Self { host, port, token_file, ca_file, timeout })
    }

    /// The URL, whose path is empty.
    pub(super) fn url(&self) -> Result<Url, KubernetesError> {
        let port: u16 = self.port.parse().map_err(|_| KubernetesError::Url)?;
        let mut url = Url::parse("https://kubernetes").expect("a URL");
        // An IPv6 address stands in brackets.
        let host = match self.host.contains(':') && !self.host.starts_with('[') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        let is_set = url.set_host(Some(&host)).is_ok() && url.set_port(Some(port)).is_ok();
        // What follows a slash or the like would not be a part of the host.
        let is_whole = is_set && url.host_str().is_some_and(|set| set.eq_ignore_ascii_case(&host));
        if is_whole { Ok(url) } else { Err(KubernetesError::Url) }
    }

    /// The header with the token that is in the file now.
    pub(super) fn authorization(&self) -> Result<HeaderValue, KubernetesError> {
        let unfit = |why: &str| KubernetesError::Token {
            file: self.token_file.clone(),
            why: why.to_string(),
        };
        let mut file = File::open(&self.token_file).map_err(|error| unfit(&in_words(&error)))?;
        let token = Secret::read_from(&mut file, MAX_TOKEN);
        let token = token.map_err(|error| unfit(&in_words(&error)))?;
        let token = token.expose().trim_ascii();
        if token.is_empty() {
            return Err(unfit("it is empty"));
        }
        let mut header = Secret::with_capacity(token.len() + 16);
        header.extend(b"Bearer ");
        header.extend(token);
        let header = HeaderValue::from_bytes(header.expose());
        let mut header = header.map_err(|_| unfit("it has characters that no token has"))?;
        header.set_sensitive(true);
        Ok(header)
    }
}

/// The reason alone, without Rust's ` (os error 2)`.
fn in_words(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(host: &str, port: &str) -> Settings {
        let folder = Path::new("/nope");
        let settings = Settings::of_pod(Some(host), Some(port), folder, Duration::from_secs(1));
        settings.expect("both are given")
    }

    #[test]
    fn the_url_is_that_of_the_host_and_the_port() {
        for (host, port, url) in [
            ("10.96.0.1", "443", "https://10.96.0.1/"),
            ("fd00::1", "6443", "https://[fd00::1]:6443/"),
            ("[fd00::1]", "6443", "https://[fd00::1]:6443/"),
            ("kubernetes.default.svc", "443", "https://kubernetes.default.svc/"),
        ] {
            assert_eq!(settings(host, port).url().map(String::from), Ok(url.to_string()));
        }
    }

    #[test]
    fn what_is_no_host_or_port_leads_nowhere() {
        for (host, port) in [
            ("a/b", "443"),
            ("user@a", "443"),
            ("a:1", "443"),
            ("a b", "443"),
            ("a?b", "443"),
            ("a", "443/x"),
            ("a", "70000"),
            ("a", "-1"),
        ] {
            assert_eq!(settings(host, port).url(), Err(KubernetesError::Url), "{host} {port}");
        }
    }

    #[test]
    fn outside_of_a_pod_there_is_no_api() {
        for (host, port) in [(None, Some("443")), (Some("a"), None), (Some(""), Some("443"))] {
            let settings = Settings::of_pod(host, port, Path::new("/"), Duration::from_secs(1));
            assert_eq!(settings, Err(KubernetesError::NoCluster));
        }
    }

    #[test]
    fn a_token_is_read_anew_and_never_told() {
        let folder = tempfile::tempdir().expect("room");
        let timeout = Duration::from_secs(1);
        let settings =
            Settings::of_pod(Some("a"), Some("1"), folder.path(), timeout).expect("given");
        for (token, expected) in [
            (&b"abc.def\n"[..], Ok("Bearer abc.def")),
            (b"other", Ok("Bearer other")),
            (b" \n", Err("it is empty")),
            (b"a\nb", Err("it has characters that no token has")),
            (&[b'a'; 65 * 1024], Err("file too large")),
        ] {
            std::fs::write(folder.path().join("token"), token).expect("room");
            match (settings.authorization(), expected) {
                (Ok(header), Ok(expected)) => {
                    assert_eq!(header.to_str().expect("text"), expected);
                    assert!(!format!("{header:?}").contains("abc"));
                }
                (Err(KubernetesError::Token { why, .. }), Err(expected)) => {
                    assert_eq!(why, expected);
                }
                (other, _) => panic!("{other:?} is not {expected:?}"),
            }
        }
    }
}
