//! Certificates for transcripts, made for one run: an authority that nobody trusts unless told to, and of it a good
//! certificate, one that has expired and one that is an authority's, too, each for this machine.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

/// Writes `ca.pem`, and the `.crt` and `.key` of `daemon`, `expired` and `signing` into `folder`.
pub(crate) fn write(folder: &Path) {
    let authority = authority();
    fs::write(folder.join("ca.pem"), authority.pem()).expect("room");
    let mut params = CertificateParams::new(["localhost".to_string(), "127.0.0.1".to_string()])
        .expect("names of hosts");
    sign("daemon", &params, &authority, folder);
    params.not_after = date_time_ymd(2000, 1, 1);
    sign("expired", &params, &authority, folder);
    // What `openssl req -x509` makes unless it is told not to.
    params.not_after = date_time_ymd(4096, 1, 1);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    sign("signing", &params, &authority, folder);
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new([]).expect("no names are good names");
    params.distinguished_name.push(DnType::CommonName, "transcripts");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate().expect("random bytes");
    CertifiedIssuer::self_signed(params, key).expect("a key that signs")
}

fn sign(
    name: &str,
    params: &CertificateParams,
    authority: &CertifiedIssuer<'static, KeyPair>,
    folder: &Path,
) {
    let key = KeyPair::generate().expect("random bytes");
    let signed = params.clone().signed_by(&key, authority).expect("a key that signs");
    fs::write(folder.join(format!("{name}.crt")), signed.pem()).expect("room");
    fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).expect("room");
}
