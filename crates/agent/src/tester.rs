//! The agent's own side: which strings are secrets, whether the executable may be run, what is made of its answer.
