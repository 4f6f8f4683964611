//! YAML as an agent reads and writes it.
