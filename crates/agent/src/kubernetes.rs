//! Keys of Kubernetes secrets.
