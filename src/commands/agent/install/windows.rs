//! An access list as an agent wants it.
