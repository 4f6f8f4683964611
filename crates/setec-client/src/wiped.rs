//! Bytes that the HTTP library holds, and that are wiped when it is done with them.

use bytes::Bytes;
use secretary_secret::Secret;

/// The library shares them and copies them to no memory of its own, but to where a connection's bytes are put together.
pub(crate) fn wiped(secret: Secret) -> Bytes {
    Bytes::from_owner(Owner(secret))
}

struct Owner(Secret);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        self.0.expose()
    }
}
