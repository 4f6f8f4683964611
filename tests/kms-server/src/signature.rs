//! The signature of a request, calculated again from a secret key that the server is told.
//!
//! The path and the query are taken as they were sent; the paths of settings have nothing to encode.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::http::Request;
use crate::sigv4::{Authorization, Credential};

/// Whether the request is signed with this secret access key, and nothing signed was changed.
pub(crate) fn is_of(request: &Request, secret: &str) -> bool {
    let header = request.header("authorization");
    let (Some(authorization), Some(credential)) =
        (Authorization::parse(header), Credential::claimed(request))
    else {
        return false;
    };
    let Credential { date, region, service, .. } = credential;
    let text = format!(
        "AWS4-HMAC-SHA256\n{}\n{date}/{region}/{service}/aws4_request\n{}",
        request.header("x-amz-date"),
        hex(&Sha256::digest(canonical(request, authorization.signed_headers)))
    );
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [&date, &region, &service, "aws4_request", &text] {
        key = hmac(&key, part);
    }
    hex(&key) == authorization.signature
}

/// What both sides hash: the request without what proxies change.
fn canonical(request: &Request, signed_headers: &str) -> String {
    let header = |name| format!("{name}:{}\n", request.header(name));
    let headers: String = signed_headers.split(';').map(header).collect();
    let Request { method, path, query, body, .. } = request;
    format!(
        "{method}\n{path}\n{query}\n{headers}\n{signed_headers}\n{}",
        hex(&Sha256::digest(body))
    )
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key may have any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    /// The example of AWS' own description of the signature.
    const EXAMPLE: &str = "GET /?Action=ListUsers&Version=2010-05-08 HTTP/1.1\r\n\
        Host: iam.amazonaws.com\r\n\
        Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n\
        X-Amz-Date: 20150830T123600Z\r\n\
        Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
        SignedHeaders=content-type;host;x-amz-date, \
        Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7\r\n\r\n";

    fn holds(text: &str, secret: &str) -> bool {
        is_of(&Request::read(&mut text.as_bytes()).unwrap().unwrap(), secret)
    }

    #[test]
    fn takes_the_published_example_and_no_other() {
        assert!(holds(EXAMPLE, SECRET));
        assert!(!holds(EXAMPLE, "another"));
        for (from, to) in [
            ("GET", "PUT"),
            ("/?", "/x?"),
            ("2010", "2011"),
            ("iam.amazonaws", "sts.amazonaws"),
            ("T1236", "T1237"),
            ("us-east-1", "us-west-1"),
            ("utf-8\r\n", "utf-8\r\nContent-Length: 1\r\n"),
        ] {
            let changed = EXAMPLE.replacen(from, to, 1) + "x";
            assert!(!holds(&changed, SECRET), "{from} -> {to}");
        }
    }
}
