//! Why there is no value of a key.

use std::path::PathBuf;
use std::time::Duration;

use secretary_transport::Obstacle;
use secretary_transport::tls::TlsError;

/// Why there is no value. It may be the same for many keys. Sentences that the image helper of the agents has, too, are
/// as they are there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KubernetesError {
    /// The handle has not three parts.
    #[error("invalid format. Use: \"namespace/name/key\"")]
    Form,
    /// One of them is no name.
    #[error("a namespace, name or key has letters, digits, \"-\", \"_\" and \".\", and no others")]
    Name,
    /// The program is in no pod.
    #[error(
        "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined"
    )]
    NoCluster,
    /// The host and the port make no URL.
    #[error("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not a host and a port")]
    Url,
    /// The file with the token.
    #[error("the service account's token in {} can't be used: {why}", .file.display())]
    Token {
        /// The file.
        file: PathBuf,
        /// Why, in words.
        why: String,
    },
    /// The file with the authority.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// There was no connection.
    #[error("the Kubernetes API can't be reached: {0}")]
    Unreachable(Obstacle),
    /// The connection ended in the middle.
    #[error("the connection to the Kubernetes API broke")]
    Broken,
    /// The time was over.
    #[error("{}", late(*.timeout, .last.as_deref()))]
    Late {
        /// How long it was, all in all.
        timeout: Duration,
        /// What went wrong before.
        last: Option<Box<KubernetesError>>,
    },
    /// The token is not, or no longer, one of the cluster's.
    #[error("the Kubernetes API does not accept the service account's token (HTTP status 401)")]
    Unauthorized,
    /// The pod has no right to it.
    #[error("the service account has no right to get secret {namespace}/{name} (HTTP status 403)")]
    Forbidden {
        /// The namespace.
        namespace: String,
        /// The secret.
        name: String,
    },
    /// There is no such secret.
    #[error("secrets \"{name}\" not found")]
    NotFound {
        /// The secret.
        name: String,
    },
    /// The secret has no such key.
    #[error("key {key} not found in secret {namespace}/{name}")]
    NoKey {
        /// The key.
        key: String,
        /// The namespace.
        namespace: String,
        /// The secret.
        name: String,
    },
    /// Something else is wrong.
    #[error("the Kubernetes API answered with HTTP status {0}")]
    Status(u16),
    /// The answer has no end.
    #[error("the answer is larger than any of the Kubernetes API")]
    LargeAnswer,
    /// The answer is no secret.
    #[error("the answer is not one of the Kubernetes API")]
    Unreadable,
}

fn late(timeout: Duration, last: Option<&KubernetesError>) -> String {
    let seconds = timeout.as_secs_f64();
    match last {
        Some(last) => format!("{last}; tried again for {seconds} s"),
        None => format!("the Kubernetes API did not answer within {seconds} s"),
    }
}
