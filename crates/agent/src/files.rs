//! Files below one folder, and no way out of it.
