//! `secretary server` with a key of an AWS KMS that is not ours.

use crate::moto::{MOTO, REGION};

#[allow(dead_code, reason = "who tests the server alone needs more of it")]
#[path = "../server/program.rs"]
mod program;

use program::Machine;

fn machine() -> Machine {
    Machine::new()
        .with("AWS_ENDPOINT_URL_KMS", &MOTO.url())
        .with("AWS_ACCESS_KEY_ID", "AKIDENVEXAMPLEAAAAAA")
        .with("AWS_SECRET_ACCESS_KEY", "secret-of-the-environment")
        .with("AWS_REGION", REGION)
        .with("AWS_EC2_METADATA_DISABLED", "true")
}

#[test]
#[ignore = "needs moto, which scripts/test installs"]
fn a_store_opens_with_the_key_that_wrapped_its_own_by_any_of_its_names() {
    let machine = machine();
    machine.start(&["--kms-key-id", MOTO.alias]).put("dev/db", "it's *");
    for name in [&MOTO.key, &MOTO.arn, MOTO.alias] {
        let server = machine.start(&["--kms-key-id", name]);
        assert_eq!(server.get("dev/db").as_deref(), Ok("it's *"), "{name}");
    }
}

#[test]
#[ignore = "needs moto, which scripts/test installs"]
fn a_store_opens_with_its_own_context_alone() {
    let machine = machine();
    let bound = ["--kms-key-id", &MOTO.arn, "--kms-context", "app=web"];
    machine.start(&bound).put("dev/db", "it's *");
    let (code, said) = machine.fails(&["--kms-key-id", &MOTO.arn]);
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains("AWS KMS does not accept the store's wrapped data key"), "{said}");
    assert_eq!(machine.start(&bound).get("dev/db").as_deref(), Ok("it's *"));
}
