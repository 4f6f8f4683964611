//! What stands between two machines.
//!
//! | module | what it knows |
//! |---|---|
//! | [`obstacle`] | why no request got through, or no answer came back, in words of ours |
//! | [`jitter`] | how long to wait before something is tried again |
//! | [`certificates`] | a file of certificates, and whether each of them can be used |
//! | `http`, `tls` | a client that makes connections, for who has the feature `http` |

pub mod certificates;
#[cfg(feature = "http")]
pub mod http;
pub mod jitter;
pub mod obstacle;
#[cfg(feature = "http")]
pub mod tls;

pub use obstacle::{Cut, Obstacle};
