//! The program against an AWS KMS that is not ours, as users run it.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::moto::{MOTO, REGION};
use crate::support::{Keys, environ_block, output_of, shipped};

/// The program, or another one that finds it, with NaCl keys, credentials and moto as AWS.
fn command(keys: &Keys, program: &str) -> Command {
    let mut command = without_endpoint(keys, program);
    command
        .env("AWS_ENDPOINT_URL_KMS", MOTO.url())
        .env("AWS_ACCESS_KEY_ID", "AKIDENVEXAMPLEAAAAAA")
        .env("AWS_SECRET_ACCESS_KEY", "secret-of-the-environment");
    command
}

/// The same, without credentials and without moto.
fn without_endpoint(keys: &Keys, program: &str) -> Command {
    let path = shipped();
    let folder = Path::new(&path).parent().expect("a program is in a folder");
    let mut command = keys.command(program);
    command
        .env("PATH", format!("{}:/usr/bin:/bin", folder.display()))
        .env("AWS_REGION", REGION)
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

/// What became of `command` with `input` to read.
fn fed(command: &mut Command, input: &[u8]) -> Output {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("started");
    child.stdin.take().expect("piped").write_all(input).expect("it reads all of it");
    child.wait_with_output().expect("waited for")
}

/// The same, when it has to succeed and to say nothing on standard error.
fn filtered(command: &mut Command, input: &[u8]) -> String {
    let output = fed(command, input);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.is_empty(), "{command:?}: {stderr}");
    String::from_utf8(output.stdout).expect("text")
}

fn encrypt(keys: &Keys, args: &[&str], secret: &[u8]) -> String {
    let token = filtered(command(keys, "secretary").arg("encrypt").args(args), secret);
    assert!(token.starts_with("ENC[KMS,"), "{token}");
    token
}

fn decrypt(keys: &Keys, args: &[&str], text: &str) -> Output {
    fed(command(keys, "secretary").arg("decrypt").args(args), text.as_bytes())
}

#[test]
#[ignore = "needs moto and the static binary, which scripts/test installs and builds"]
fn a_key_goes_by_its_id_its_arn_and_its_alias() {
    let keys = Keys::new();
    let alias_arn = MOTO.arn.replace(&format!("key/{}", MOTO.key), MOTO.alias);
    for name in [&MOTO.key, &MOTO.arn, MOTO.alias, &alias_arn] {
        let token = encrypt(&keys, &["--kms-key-id", name], b"it's *");
        let output = decrypt(&keys, &[], &token);
        assert_eq!(output.stdout, b"it's *", "{name}: {output:?}");
        let output = decrypt(&keys, &["--kms-key-id", &MOTO.key], &token);
        assert_eq!(output.stdout, b"it's *", "{name}: {output:?}");
    }
    // An ARN has the region in it.
    let mut without_region = command(&keys, "secretary");
    without_region.env_remove("AWS_REGION").args(["encrypt", "--kms-key-id", &MOTO.arn]);
    assert!(filtered(&mut without_region, b"x").starts_with("ENC[KMS,"));
    let mut variable = command(&keys, "secretary");
    let token = filtered(variable.arg("encrypt").env("KMS_KEY_ID", MOTO.alias), b"x");
    assert_eq!(decrypt(&keys, &[], &token).stdout, b"x");
}

#[test]
#[ignore = "needs moto and the static binary, which scripts/test installs and builds"]
fn tokens_of_both_kinds_are_opened_together() {
    let keys = Keys::new();
    let (other, _) = MOTO.create_key();
    let kms = |key: &str, secret: &[u8]| encrypt(&keys, &["--kms-key-id", key], secret);
    let text = format!(
        "a={}\nb={}\nc={} d={}{}\n",
        kms(&MOTO.key, b"kms one"),
        keys.seal(b"nacl one"),
        kms(MOTO.alias, b"kms two"),
        keys.seal(b"nacl two"),
        kms(&other, b"kms three").trim_end(),
    );
    let output = decrypt(&keys, &[], &text);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(stdout, "a=kms one\nb=nacl one\nc=kms two d=nacl twokms three\n", "{output:?}");
}

#[test]
#[ignore = "needs moto and the static binary, which scripts/test installs and builds"]
fn variables_reach_a_shell_and_a_program() {
    let keys = Keys::new();
    let secret = b"it's $HOME `id` *\n\"quoted\" \xff";
    let token = encrypt(&keys, &["--kms-key-id", MOTO.alias], secret);
    let eval = "set -e; eval \"$(secretary decrypt -e)\"; exec cat /proc/self/environ";
    let exec = "exec secretary exec -- cat /proc/self/environ";
    for script in [eval, exec] {
        let mut shell = command(&keys, "sh");
        shell.args(["-c", script]).env("A", &token).env("B", keys.seal(b"nacl")).env("C", "plain");
        let environ = environ_block(&output_of(&mut shell));
        let [a, b, c] = ["A", "B", "C"].map(|name| environ[name].escape_ascii().to_string());
        assert_eq!(
            [a, b, c],
            [&secret[..], b"nacl", b"plain"].map(|text| text.escape_ascii().to_string())
        );
    }
}

#[test]
#[ignore = "needs moto and the static binary, which scripts/test installs and builds"]
fn lines_have_data_keys_of_their_own_or_share_one() {
    let keys = Keys::new();
    let lines: String = (0..20).map(|number| format!("secret {number}\n")).collect();
    for (args, expected) in [(vec![], 20), (vec!["--share-data-key"], 1)] {
        let args = [vec!["--lines", "--kms-key-id", MOTO.alias], args].concat();
        let tokens = encrypt(&keys, &args, lines.as_bytes());
        assert_eq!(tokens.lines().count(), 20);
        assert_eq!(data_keys(&tokens).len(), expected, "{args:?}");
        assert_eq!(String::from_utf8_lossy(&decrypt(&keys, &[], &tokens).stdout), lines);
    }
}

/// The data keys in tokens, each once, as moto unwraps them: base64.
fn data_keys(tokens: &str) -> Vec<String> {
    use base64::Engine;
    let text = secretary_envelope::Text::parse(tokens.as_bytes());
    let opening = secretary_envelope::Opener::new(None)
        .open_all(text.tokens())
        .expect("nothing fails without keys");
    let unwrap = |wrapped: &secretary_envelope::WrappedKey| {
        let blob = base64::engine::general_purpose::STANDARD.encode(wrapped.as_bytes());
        let answer = MOTO.ask("Decrypt", &serde_json::json!({"CiphertextBlob": blob}));
        answer["Plaintext"].as_str().expect("base64").to_string()
    };
    let mut keys: Vec<_> = opening.wrapped_keys().iter().map(unwrap).collect();
    keys.sort();
    keys.dedup();
    keys
}

#[test]
#[ignore = "needs moto and the static binary, which scripts/test installs and builds"]
fn a_context_has_to_be_repeated() {
    let keys = Keys::new();
    let right = ["--kms-context", "app=web", "--kms-context", "stage=live"];
    let token = encrypt(&keys, &[&["--kms-key-id", MOTO.alias][..], &right].concat(), b"bound");
    assert_eq!(decrypt(&keys, &right, &token).stdout, b"bound");
    let reversed = ["--kms-context", "stage=live", "--kms-context", "app=web"];
    assert_eq!(decrypt(&keys, &reversed, &token).stdout, b"bound");
    let mut variable = command(&keys, "secretary");
    variable.arg("decrypt").env("KMS_CONTEXT", "app=web,stage=live");
    assert_eq!(filtered(&mut variable, token.as_bytes()), "bound");

    for wrong in
        [&[][..], &right[..2], &["--kms-context", "app=web", "--kms-context", "stage=test"]]
    {
        let output = decrypt(&keys, wrong, &token);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(5), "{wrong:?}: {stderr}");
        assert!(output.stdout.is_empty() && stderr.contains("context"), "{wrong:?}: {stderr}");
    }
}

#[test]
#[ignore = "needs moto and the static binary, which scripts/test installs and builds"]
fn keys_that_are_not_there_are_told_from_those_that_are_not_the_right_ones() {
    let keys = Keys::new();
    let (other, _) = MOTO.create_key();
    let token = encrypt(&keys, &["--kms-key-id", &MOTO.key], b"x");
    let absent = "11111111-2222-3333-4444-555555555555";
    for (args, region, code, part) in [
        (vec!["encrypt", "--kms-key-id", "alias/absent"], REGION, 7, "alias/absent)"),
        (vec!["encrypt", "--kms-key-id", absent], REGION, 7, absent),
        (vec!["decrypt"], "us-west-2", 7, "region us-west-2"),
        // AWS itself calls this an IncorrectKeyException.
        (vec!["decrypt", "--kms-key-id", &other], REGION, 7, &other),
    ] {
        let mut command = command(&keys, "secretary");
        let output = fed(command.args(&args).env("AWS_REGION", region), token.as_bytes());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(code), &b""[..]), "{stderr}");
        assert!(stderr.contains(part), "{args:?}: {stderr}");
    }
}

#[test]
#[ignore = "needs moto and the static binary, which scripts/test installs and builds"]
fn an_endpoint_comes_from_each_place_that_has_one() {
    let keys = Keys::new();
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("config");
    let services = format!(
        "[profile app]\nservices = local\nregion = {REGION}\n\n[services local]\nkms =\n  endpoint_url = {}\n",
        MOTO.url()
    );
    let general = format!("[profile app]\nregion = {REGION}\nendpoint_url = {}\n", MOTO.url());
    let nowhere = "http://127.0.0.1:1";
    for (config_text, variables) in [
        ("", vec![("AWS_ENDPOINT_URL", MOTO.url())]),
        ("", vec![("AWS_ENDPOINT_URL_KMS", MOTO.url()), ("AWS_ENDPOINT_URL", nowhere.to_string())]),
        (&services, vec![("AWS_PROFILE", "app".to_string())]),
        (&general, vec![("AWS_PROFILE", "app".to_string())]),
    ] {
        fs::write(&config, config_text).expect("written");
        let mut command = without_endpoint(&keys, "secretary");
        command
            .args(["encrypt", "--kms-key-id", MOTO.alias])
            .env("AWS_ACCESS_KEY_ID", "AKIDENVEXAMPLEAAAAAA")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_CONFIG_FILE", &config)
            .envs(variables);
        let token = filtered(&mut command, b"x");
        assert_eq!(decrypt(&keys, &[], &token).stdout, b"x");
    }
}

#[test]
#[ignore = "needs moto and the static binary, which scripts/test installs and builds"]
fn a_profile_has_credentials_or_assumes_a_role() {
    let keys = Keys::new();
    let home = tempfile::tempdir().expect("a folder");
    let aws = home.path().join(".aws");
    fs::create_dir(&aws).expect("made");
    let credentials =
        "[app]\naws_access_key_id = AKIDPROFILEEXAMPLEAA\naws_secret_access_key = x\n";
    fs::write(aws.join("credentials"), credentials).expect("written");
    let config = format!(
        "[profile role]\nregion = {REGION}\nsource_profile = app\nrole_arn = arn:aws:iam::123456789012:role/app\n"
    );
    fs::write(aws.join("config"), config).expect("written");
    let run = |profile: &str, key: &str, sts: &str| {
        let mut command = without_endpoint(&keys, "secretary");
        command.args(["encrypt", "--kms-key-id", key]);
        command.env("HOME", home.path()).env("AWS_PROFILE", profile);
        command.env("AWS_ENDPOINT_URL", MOTO.url()).env("AWS_ENDPOINT_URL_STS", sts);
        fed(&mut command, b"x")
    };
    for profile in ["app", "role"] {
        let output = run(profile, MOTO.alias, &MOTO.url());
        assert!(output.stdout.starts_with(b"ENC[KMS,"), "{profile}: {output:?}");
        let stderr = String::from_utf8(run(profile, "alias/absent", &MOTO.url()).stderr);
        let stderr = stderr.expect("text");
        let source = format!("credentials from a profile of the AWS files ({profile})");
        assert!(stderr.contains(&source), "{profile}: {stderr}");
    }
    // Only the role is asked of STS.
    let without_sts = |profile| run(profile, MOTO.alias, "http://127.0.0.1:1").status.code();
    assert_eq!(["app", "role"].map(without_sts), [Some(0), Some(6)]);
}

/// Variables that make Rust programs, and AWS programs, write a log, if they have one.
const LOGGING: [(&str, &str); 5] = [
    ("RUST_LOG", "trace"),
    ("AWS_LOG", "trace"),
    ("AWS_LOG_LEVEL", "trace"),
    ("RUST_BACKTRACE", "full"),
    // The SDK would show data keys in its log.
    ("LOG_SENSITIVE_BODIES", "true"),
];

#[test]
#[ignore = "needs moto and the static binary, which scripts/test installs and builds"]
fn no_log_can_be_turned_on_that_shows_a_secret() {
    let keys = Keys::new();
    let (secret_key, session, plaintext) =
        ("c4n4ry-secret-access-key", "c4n4ry-session-token", "c4n4ry-plaintext");
    let loud = |args: &[&str], input: &[u8], more: &[(&str, &str)]| {
        let mut command = command(&keys, "secretary");
        command.args(args).envs(LOGGING);
        command.env("AWS_SECRET_ACCESS_KEY", secret_key).env("AWS_SESSION_TOKEN", session);
        fed(command.envs(more.iter().copied()), input)
    };
    let sealed = loud(&["encrypt", "--kms-key-id", MOTO.alias], plaintext.as_bytes(), &[]);
    let token = String::from_utf8(sealed.stdout.clone()).expect("text");
    let (other, _) = MOTO.create_key();
    let damaged = token.replace("]", "A]");
    let nowhere = [("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:1")];
    let opened = loud(&["decrypt"], token.as_bytes(), &[]);
    assert_eq!(opened.stdout, plaintext.as_bytes());
    let runs = [
        sealed,
        Output { stdout: Vec::new(), ..opened },
        loud(&["encrypt", "--kms-key-id", "alias/absent"], plaintext.as_bytes(), &[]),
        loud(&["decrypt", "--kms-context", "a=b"], token.as_bytes(), &[]),
        loud(&["decrypt", "--kms-key-id", &other], token.as_bytes(), &[]),
        loud(&["decrypt"], damaged.as_bytes(), &[]),
        loud(&["decrypt", "--kms-timeout", "1"], token.as_bytes(), &nowhere),
        loud(&["exec", "--", "/nonexistent"], b"", &[("SECRET", &token)]),
    ];
    let data_key = data_keys(&token).pop().expect("one");
    let texts = [secret_key, session, plaintext].map(|text| text.as_bytes().to_vec());
    let canaries: Vec<_> = texts.into_iter().chain(spellings(&data_key)).collect();
    for (number, run) in runs.iter().enumerate() {
        assert_eq!(run.status.success(), number < 2, "run {number}: {run:?}");
        let printed = [&run.stdout[..], &run.stderr].concat();
        for secret in &canaries {
            let found = printed.windows(secret.len()).any(|window| window == secret);
            assert!(!found, "run {number} prints {}: {run:?}", secret.escape_ascii());
        }
    }
}

/// A data key in the forms in which a log could have it: base64, which it is given in, raw, hexadecimal,
/// and as a list of numbers.
fn spellings(base64: &str) -> [Vec<u8>; 4] {
    use base64::Engine;
    let raw = base64::engine::general_purpose::STANDARD.decode(base64).expect("base64");
    let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{raw:?}").trim_matches(['[', ']']).to_string();
    [base64.as_bytes().to_vec(), raw, hex.into_bytes(), list.into_bytes()]
}
