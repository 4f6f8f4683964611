//! Who may do what with a file on Windows: its access control list.
//!
//! | module | what it does |
//! |---|---|
//! | [`Sid`] | who: a user, a group, the system |
//! | [`Ace`] | one entry of a list: somebody is allowed or denied something |
//! | `windows` | the calls that read and set lists, with all the `unsafe` that takes |
//!
//! It knows no rule about what a list should be. The types and what reads their bytes are the same on every
//! system, so that they are tested on every system; files are touched on Windows alone.

mod ace;
mod sid;
#[cfg(windows)]
mod windows;

pub use ace::{Ace, Kind, MalformedAcl};
pub use sid::{NotASid, Sid};
#[cfg(windows)]
pub use windows::{
    create_owner_only, current_user, dacl, set_for_agent, set_owner_only, sid_of_account,
};
