//! Asks a secrets server that speaks setec's API: one of `secretary server`, or setec itself.
//!
//! | module | what it knows |
//! |---|---|
//! | [`client`] | a method for each of the API's calls |
//! | [`settings`] | whom it asks, how, and as whom |
//! | [`error`] | why there is no answer, and whether there may be one in a moment |
//! | `wiped` | what the HTTP library holds, and wipes |
//!
//! ```
//! # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/network/support/setec.rs")); }
//! # let server = support::Setec::start();
//! # let url = server.url();
//! use secretary_setec_client::{Client, Error, Secret, Settings};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let client = Client::new(&Settings::new(url))?; // https://secrets.example.com
//!
//! let version = client.put("prod/db", Secret::from(b"hunter2".as_slice())).await?;
//! let secret = client.get("prod/db").await?;
//! assert_eq!((secret.value.expose(), secret.version), (b"hunter2".as_slice(), version));
//!
//! // Later: is there a newer one? Not before it is activated.
//! let newer = client.put("prod/db", Secret::from(b"hunter3".as_slice())).await?;
//! assert_eq!(client.get_if_changed("prod/db", version).await, Err(Error::NotChanged));
//! client.activate("prod/db", newer).await?;
//! assert_eq!(client.get_if_changed("prod/db", version).await?.value.expose(), b"hunter3");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it does not do
//!
//! It follows no redirect, has no cache, and makes no call a second time: [`Error::may_pass`] says whether that may help, and
//! who calls knows whether it does harm.
//!
//! ```
//! # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/network/support/setec.rs")); }
//! # let server = support::Setec::start();
//! # let url = server.url();
//! # use std::time::Duration;
//! # use secretary_setec_client::{Client, Error, SecretValue, Settings};
//! /// A value, when the server is back.
//! async fn patiently(client: &Client, name: &str) -> Result<SecretValue, Error> {
//!     let mut wait = Duration::from_millis(50);
//!     loop {
//!         match client.get(name).await {
//!             Err(error) if error.may_pass() && wait < Duration::from_secs(10) => {
//!                 tokio::time::sleep(wait).await;
//!                 wait *= 2;
//!             }
//!             result => return result,
//!         }
//!     }
//! }
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! # let client = Client::new(&Settings::new(url))?;
//! # client.put("prod/db", b"hunter2".as_slice().into()).await?;
//! # server.fail_once(503);
//! # assert_eq!(patiently(&client, "prod/db").await?.version, 1);
//! # assert_eq!(patiently(&client, "prod/dc").await, Err(Error::NotFound));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Who calls
//!
//! In a tailnet the server knows that by the address. Elsewhere it is told by a token or a certificate:
//!
//! ```no_run
//! use secretary_setec_client::{Client, Credential, Secret, Settings};
//!
//! let token = Secret::read_from(&mut std::fs::File::open("/run/secrets/token")?, 4096)?;
//! let client = Client::new(&Settings {
//!     credential: Credential::Token(token),
//!     ca_file: Some("/etc/ssl/internal-ca.pem".into()),
//!     ..Settings::new("https://secrets.example.com")
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Values in memory
//!
//! A value is a [`Secret`], and what it is encoded in is wiped, too. The HTTP library's own buffers are not.

pub mod client;
pub mod error;
pub mod settings;
mod wiped;

pub use client::Client;
pub use error::{Error, SetupError};
pub use secretary_secret::Secret;
pub use secretary_setec_api::{Refusal, SecretInfo, SecretValue};
pub use secretary_transport::Obstacle;
pub use secretary_transport::tls::{Identity, TlsError};
pub use settings::{Credential, Settings};
