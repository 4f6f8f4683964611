//! The client against servers that answer in every way, over sockets.

mod answers;
mod calls;
mod faults;
mod requests;
mod support;
mod trust;
