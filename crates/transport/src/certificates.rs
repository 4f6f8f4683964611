//! A file of certificates.

use std::io::Read;
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// The most bytes a file of certificates may have. All public ones together have 250 KB.
pub const MAX_FILE: u64 = 16 << 20;

/// Certificates that are trusted.
#[derive(Debug)]
pub struct Bundle {
    /// As they stand in the file.
    pub pem: Vec<u8>,
    /// The same, each of them tried.
    pub roots: RootCertStore,
}

/// The certificates in the file at `path`, all of which have to be good: HTTP clients pass over one that is not, or
/// panic, when it is too late to say so.
///
/// # Errors
///
/// What is wrong with the file, in words.
pub fn read(path: &Path) -> Result<Bundle, String> {
    let pem = contents(path)?;
    let mut roots = RootCertStore::empty();
    for (number, certificate) in parse(&pem)?.into_iter().enumerate() {
        let added = roots.add(certificate);
        added.map_err(|_| format!("certificate {} is not valid", number + 1))?;
    }
    Ok(Bundle { pem, roots })
}

/// The certificates in `pem`, of which there is one at least.
///
/// # Errors
///
/// What is wrong with it, in words.
pub fn parse(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(|_| "it is no PEM text")?;
    match certificates.is_empty() {
        true => Err("there is no certificate in it".to_string()),
        false => Ok(certificates),
    }
}

/// The bytes of a regular file of at most [`MAX_FILE`].
///
/// # Errors
///
/// What is wrong with the file, in words.
pub fn contents(path: &Path) -> Result<Vec<u8>, String> {
    let metadata = std::fs::metadata(path).map_err(|error| in_words(&error))?;
    // What is none may have no end, or no beginning.
    if !metadata.is_file() {
        return Err("it is no regular file".to_string());
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| in_words(&error))?;
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| in_words(&error))?;
    match bytes.len() as u64 > MAX_FILE {
        true => Err(format!("the file has more than {MAX_FILE} bytes")),
        false => Ok(bytes),
    }
}

/// The reason alone, without Rust's ` (os error 2)` and the full stop that Windows ends it with.
fn in_words(error: &std::io::Error) -> String {
    let text = error.to_string();
    let reason = text.split(" (os error").next().unwrap_or_default();
    reason.trim_end_matches('.').to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_holds_no_certificates_is_refused_with_the_reason() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bundle.pem");
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        // Windows says it in its user's language.
        let missing = read(&path).map(drop).expect_err("not there yet");
        assert!(!cfg!(unix) || missing == "no such file or directory");
        assert!(!missing.ends_with(['.', ')']), "{missing}");
        for (text, expected) in [
            ("", "there is no certificate in it"),
            ("-----BEGIN CERTIFICATE-----\n", "it is no PEM text"),
            (broken, "certificate 1 is not valid"),
        ] {
            std::fs::write(&path, text).expect("room");
            assert_eq!(read(&path).map(drop), Err(expected.to_string()), "{text:?}");
        }
    }
}
