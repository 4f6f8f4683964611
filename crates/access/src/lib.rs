//! Was it written down: a log of decisions in which no line can be changed unseen.
//!
//! | module | what it does |
//! |---|---|
//! | [`audit`] | the log: writing it before an answer leaves, and verifying it |
//! | [`time`] | moments as text |
//!
//! Synchronous, with one thread for each log; who does not want to wait in a thread has an [`Answer`](audit::Answer), which
//! is a future of any runtime. Nothing here knows what is decided, or for whom: the caller
//! hands in any serializable struct, and is the one who keeps secrets out of it.

pub mod audit;
pub mod time;
