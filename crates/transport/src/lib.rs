//! What stands between two machines.
//!
//! | module | what it knows |
//! |---|---|
//! | [`obstacle`] | why no request got through, or no answer came back, in words of ours |
//! | [`jitter`] | how long to wait before something is tried again |
//! | [`certificates`] | a file of certificates, and whether each of them can be used |
//!
//! It makes no connection itself.

pub mod certificates;
pub mod jitter;
pub mod obstacle;

pub use obstacle::{Cut, Obstacle};
