//! `go-kms-region.json`: where the region comes from when the environment has none, and what happens
//! without credentials.
//!
//! The cases have neither arguments nor environment; their names tell them.

use serde_json::Value;

use crate::http::{Answer, Request, answer_with};
use crate::kms_stub::Stub;
use crate::program::{Ours, Run, run};
use crate::vectors::{Difference, judge_all, name, parse, text};

/// What is answered and asked otherwise.
struct Otherwise {
    /// What is printed, if that is another.
    run: Option<Ours>,
    /// What is asked of the machine's metadata, sorted.
    metadata: &'static [&'static str],
}

/// Every request to AWS KMS; the others are for the machine's metadata.
const KMS: &str = "POST /";

/// The first request for a session with the metadata service.
const SESSION: &str = "PUT /latest/api/token";

/// How the second version of the metadata service is asked for the region.
const REGION: &[&str] = &["GET /latest/meta-data/placement/region", SESSION];

/// Metadata.
const SECOND_VERSION: &str = "The first version of the metadata service, which the Go program asks, answers whoever gets a request through, and is turned off on new machines.";
/// No region.
const CODE: &str = "A setting that is missing has an exit code of its own, and a hint what to set.";

const DIFFERENCES: &[Difference<Otherwise>] = &[
    Difference {
        name: r#"metadata answers {"region":"us-east-1"}"#,
        ours: Otherwise { run: None, metadata: REGION },
        because: SECOND_VERSION,
    },
    Difference {
        name: "metadata answers 404",
        ours: Otherwise { run: Some(Ours::Refused(3, "no AWS region is set")), metadata: REGION },
        because: CODE,
    },
    Difference {
        name: "metadata answers garbage",
        ours: Otherwise { run: Some(Ours::Refused(3, "region")), metadata: REGION },
        because: CODE,
    },
    Difference {
        name: "no credentials",
        ours: Otherwise {
            run: Some(Ours::Refused(3, "there are no AWS credentials")),
            metadata: &["GET /latest/meta-data/iam/security-credentials/", SESSION],
        },
        because: CODE,
    },
];

const DATA_KEY: [u8; 32] = [7; 32];

/// AWS KMS beside the metadata of a case.
fn stub(case: &str) -> Stub {
    let (status, region) = match case {
        r#"metadata answers {"region":"us-east-1"}"# => (200, "us-east-1"),
        "metadata answers garbage" => (200, "{\"region\":<html>"),
        _ => (404, ""),
    };
    let region: Answer = (status, region.to_string());
    Stub::start(move |request| match request.line.as_str() {
        KMS => answer_with(&DATA_KEY, b"wrapped", request),
        SESSION => (200, "token".to_string()),
        "GET /latest/meta-data/placement/region" => region.clone(),
        _ => (404, String::new()),
    })
}

fn environ(case: &str, stub: &Stub) -> Vec<Vec<u8>> {
    let credentials = ["AWS_ACCESS_KEY_ID=AKIDRECORDED", "AWS_SECRET_ACCESS_KEY=x"];
    let set = match case {
        "no credentials" => vec!["AWS_REGION=us-east-1"],
        "AWS_DEFAULT_REGION instead of AWS_REGION" => {
            [&credentials[..], &["AWS_DEFAULT_REGION=us-east-1"]].concat()
        }
        _ => credentials.to_vec(),
    };
    let services = ["AWS_ENDPOINT_URL_KMS", "AWS_EC2_METADATA_SERVICE_ENDPOINT"];
    let services = services.map(|name| stub.variable(name));
    set.iter().map(|entry| entry.as_bytes().to_vec()).chain(services).collect()
}

#[test]
fn finds_the_region_where_the_go_program_finds_it() {
    let vectors = parse(include_str!("../vectors/go-kms-region.json"));
    let folder = tempfile::tempdir().expect("a folder");
    judge_all(&vectors["cases"], 5, DIFFERENCES, |case, difference| {
        let stub = stub(&name(case));
        let environ = environ(&name(case), &stub);
        let words = ["encrypt", "--kms-key-id", "alias/test"];
        let mut ours = run(folder.path(), &environ, &words, b"secret");
        let seen = stub.seen();
        let asked = |ours: bool| seen.iter().filter(move |request| (request.line == KMS) == ours);
        judge_metadata(case, asked(false), difference)?;
        judge_kms(case, asked(true))?;
        if ours.code == 0 {
            let opened = run(folder.path(), &environ, &["decrypt"], &ours.stdout);
            if (opened.code, opened.stdout.as_slice()) != (0, b"secret") {
                return Err(format!("it opens to {opened:?}"));
            }
            // The token was not recorded.
            ours.stdout.clear();
        }
        ours.judge(&Run::recorded(case), difference.and_then(|ours| ours.run.as_ref()))
    });
}

fn judge_metadata<'a>(
    case: &Value,
    ours: impl Iterator<Item = &'a Request>,
    difference: Option<&Otherwise>,
) -> Result<(), String> {
    // How often it is asked for what it does not have is the affair of the AWS SDK.
    let mut ours: Vec<_> = ours.map(|request| request.line.as_str()).collect();
    ours.sort_unstable();
    ours.dedup();
    let go = case["metadata_requests"].as_array().into_iter().flatten().map(text).collect();
    let expected: Vec<_> = difference.map_or(go, |listed| listed.metadata.to_vec());
    if ours == expected { Ok(()) } else { Err(format!("asked metadata {ours:?}")) }
}

/// AWS KMS is asked once where it was, and in the region that was found.
fn judge_kms<'a>(case: &Value, ours: impl Iterator<Item = &'a Request>) -> Result<(), String> {
    let ours: Vec<_> = ours.collect();
    let go = usize::from(case["exit"] == 0);
    assert_eq!(case["kms_requests"].as_u64().unwrap_or(go as u64), go as u64, "{case}");
    let in_region = |request: &&Request| {
        request.header("Authorization").contains("/us-east-1/kms/aws4_request")
    };
    match ours.len() == go && ours.iter().all(in_region) {
        true => Ok(()),
        false => Err(format!("asked AWS KMS {ours:?}")),
    }
}
