//! What an agent writes to standard input.
