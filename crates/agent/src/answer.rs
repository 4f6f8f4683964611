//! What an agent reads from standard output.
