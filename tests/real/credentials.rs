//! Where AWS credentials and the region come from: each source alone, which of two comes first, and how
//! long it takes when there is none.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use secretary_test_kms::Server;

use crate::support::{SECRETARY, output_of};

/// The access key that each source has, and how a failure calls the source.
const SOURCES: [(Source, &str, &str); 8] = [
    (environment, "AKIDENVEXAMPLEAAAAAA", "environment variables"),
    (other_variables, "AKIDOLDEXAMPLEAAAAAA", "environment variables"),
    (profile, "AKIDPROFILEEXAMPLEAA", "a profile of the AWS files"),
    (role, "AKIDROLEEXAMPLEAAAAA", "a profile of the AWS files"),
    (process, "AKIDPROCESSEXAMPLEAA", "a credential process"),
    (sso, "AKIDSSOEXAMPLEAAAAAA", "SSO"),
    (web_identity, "AKIDWEBEXAMPLEAAAAAA", "a web identity token"),
    (container, "AKIDECSEXAMPLEAAAAAA", "the container's credentials"),
];

/// Sets a source up in a world.
type Source = fn(&mut World);

/// A home folder, variables, and a server that is AWS.
struct World {
    server: Server,
    home: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

impl World {
    /// Without any source of credentials. There is a region, and no metadata service.
    fn empty() -> Self {
        let (server, home) = (Server::start(), tempfile::tempdir().expect("a folder"));
        fs::create_dir_all(home.path().join(".aws/sso/cache")).expect("made");
        let folder = home.path().display().to_string();
        let mut world = Self { server, home, variables: vec![("HOME", folder)] };
        world.set("AWS_REGION", "eu-west-1");
        world.set("AWS_EC2_METADATA_DISABLED", "true");
        world.set_to_server("AWS_ENDPOINT_URL_KMS", "");
        world
    }

    fn with(sources: &[Source]) -> Self {
        let mut world = Self::empty();
        sources.iter().for_each(|source| source(&mut world));
        world
    }

    /// The last value counts.
    fn set(&mut self, name: &'static str, value: impl ToString) {
        self.variables.push((name, value.to_string()));
    }

    /// Sets a variable to the URL of `path` on the server.
    fn set_to_server(&mut self, name: &'static str, path: &str) {
        let url = format!("{}{path}", self.server.url());
        self.set(name, url);
    }

    fn unset(&mut self, name: &str) {
        self.variables.retain(|(other, _)| *other != name);
    }

    fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.home.path().join(path);
        fs::write(&path, text).expect("written");
        path
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(SECRETARY);
        command.args(args).env_clear().env("PATH", "/usr/bin:/bin").current_dir(&self.home);
        for (name, value) in &self.variables {
            command.env(name, value);
        }
        let secret = self.write("secret", "x");
        command.stdin(fs::File::open(secret).expect("open"));
        command
    }

    fn encrypt(&self) -> Output {
        let mut command = self.command(&["encrypt", "--kms-timeout", "5", "--kms-key-id", "1234"]);
        command.output().expect("run")
    }

    /// Whose signature KMS saw.
    fn access_key(&self) -> String {
        let output = self.encrypt();
        assert!(output.stdout.starts_with(b"ENC[KMS,"), "{output:?}");
        let last = self.server.requests().last.expect("a request");
        last.access_key_id.expect("it is signed")
    }

    /// What is printed when AWS KMS refuses.
    fn refused(&mut self) -> String {
        self.set_to_server("AWS_ENDPOINT_URL_KMS", "/denied");
        let output = self.encrypt();
        assert_eq!(output.status.code(), Some(7), "{output:?}");
        String::from_utf8(output.stderr).expect("text")
    }
}

fn environment(world: &mut World) {
    world.set("AWS_ACCESS_KEY_ID", "AKIDENVEXAMPLEAAAAAA");
    world.set("AWS_SECRET_ACCESS_KEY", "secret");
}

fn other_variables(world: &mut World) {
    world.set("AWS_ACCESS_KEY", "AKIDOLDEXAMPLEAAAAAA");
    world.set("AWS_SECRET_KEY", "secret");
}

fn profile(world: &mut World) {
    let text = "[default]\naws_access_key_id = AKIDPROFILEEXAMPLEAA\naws_secret_access_key = x\n";
    world.write(".aws/credentials", text);
}

fn role(world: &mut World) {
    world.write(
        ".aws/credentials",
        "[base]\naws_access_key_id = AKIDBASEEXAMPLEAAAAA\naws_secret_access_key = x\n",
    );
    let text = "[default]\nsource_profile = base\nrole_arn = arn:aws:iam::111122223333:role/app\n";
    world.write(".aws/config", text);
    world.set_to_server("AWS_ENDPOINT_URL_STS", "/sts");
}

fn process(world: &mut World) {
    let answer = r#"{"Version": 1, "AccessKeyId": "AKIDPROCESSEXAMPLEAA", "SecretAccessKey": "x"}"#;
    let answer = world.write("answer.json", answer);
    let text = format!("[default]\ncredential_process = cat {}\n", answer.display());
    world.write(".aws/config", &text);
}

/// What `aws sso login` leaves behind, under the SHA-1 of its start URL.
fn sso(world: &mut World) {
    let start = "https://example.awsapps.com/start";
    let token = format!(
        r#"{{"startUrl": "{start}", "region": "eu-west-1", "accessToken": "t", "expiresAt": "2099-01-01T00:00:00Z"}}"#
    );
    world.write(".aws/sso/cache/e8be5486177c5b5392bd9aa76563515b29358e6e.json", &token);
    let text = format!(
        "[default]\nsso_start_url = {start}\nsso_region = eu-west-1\nsso_account_id = 111122223333\nsso_role_name = app\n"
    );
    world.write(".aws/config", &text);
    world.set_to_server("AWS_ENDPOINT_URL_SSO", "/sso");
}

fn web_identity(world: &mut World) {
    let token = world.write("web-identity-token", "t");
    world.set("AWS_WEB_IDENTITY_TOKEN_FILE", token.display());
    world.set("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/app");
    world.set_to_server("AWS_ENDPOINT_URL_STS", "/sts");
}

fn container(world: &mut World) {
    world.set_to_server("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/ecs-credentials");
    world.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "ecs-token");
}

fn instance(world: &mut World) {
    world.unset("AWS_EC2_METADATA_DISABLED");
    world.set_to_server("AWS_EC2_METADATA_SERVICE_ENDPOINT", "");
}

#[test]
fn each_source_is_used_and_named() {
    for (source, key, name) in SOURCES {
        let mut world = World::with(&[source]);
        assert_eq!(world.access_key(), key);
        let stderr = world.refused();
        assert!(stderr.contains(&format!("with credentials from {name}")), "{name}: {stderr}");
    }
}

#[test]
fn the_instance_has_credentials_and_a_region() {
    let mut world = World::with(&[instance]);
    world.unset("AWS_REGION");
    assert_eq!(world.access_key(), "AKIDIMDSEXAMPLEAAAAA");
    let requests = world.server.requests();
    assert_eq!(requests.last.expect("a request").region.as_deref(), Some("eu-central-1"));
    let for_region = requests.credentials.iter().filter(|line| line.ends_with("placement/region"));
    assert_eq!(for_region.count(), 1, "{:?}", requests.credentials);
    let stderr = world.refused();
    assert!(stderr.contains("region eu-central-1 at"), "{stderr}");
    assert!(stderr.contains("with credentials from the instance's role\n"), "{stderr}");
}

#[test]
fn a_session_token_goes_with_either_pair_of_variables() {
    for source in [environment, other_variables] {
        let mut world = World::with(&[source]);
        world.set("AWS_SESSION_TOKEN", "t0ken");
        world.access_key();
        let last = world.server.requests().last.expect("a request");
        assert_eq!(last.headers["x-amz-security-token"], "t0ken");
    }
}

#[test]
fn a_source_closer_to_the_command_comes_first() {
    let order = [environment, other_variables, profile, web_identity, container];
    let keys = [
        "AKIDENVEXAMPLEAAAAAA",
        "AKIDOLDEXAMPLEAAAAAA",
        "AKIDPROFILEEXAMPLEAA",
        "AKIDWEBEXAMPLEAAAAAA",
        "AKIDECSEXAMPLEAAAAAA",
    ];
    for (first, key) in keys.into_iter().enumerate() {
        let mut world = World::with(&order[first..]);
        instance(&mut world);
        assert_eq!(world.access_key(), key);
        let asked = world.server.requests().credentials;
        let metadata = asked.iter().filter(|line| line.contains("/latest/")).count();
        assert_eq!(metadata, 0, "{key}: {asked:?}");
    }
}

#[test]
fn nothing_is_looked_up_that_is_there_or_not_needed() {
    let mut world = World::with(&[environment]);
    instance(&mut world);
    world.access_key();
    assert_eq!(world.server.requests().credentials, [""; 0], "the environment has everything");

    let mut world = World::with(&[instance]);
    world.unset("AWS_REGION");
    assert!(world.command(&["genkeys"]).status().expect("run").success());
    let token = output_of(&mut world.command(&["encrypt"]));
    world.set("DEPLOY_PRIVATE_KEY", private_key(&world, "master"));
    let file = world.write("token", str::from_utf8(&token).expect("text"));
    let name = file.to_str().expect("text");
    assert_eq!(output_of(&mut world.command(&["decrypt", name])), b"x");
    let requests = world.server.requests();
    assert_eq!((requests.credentials.len(), requests.total), (0, 0), "there is no KMS token");
}

fn private_key(world: &World, name: &str) -> String {
    let path = format!("keys/{name}-private-key.pem");
    let pem = fs::read_to_string(world.home.path().join(path)).expect("a key");
    pem.lines().nth(1).expect("the second of three lines").to_string()
}

/// Listens and never answers. `full` also lets no connection come about: its packets are lost, as those
/// to a metadata service that a network does not have.
struct Silent {
    listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

impl Silent {
    fn new(full: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut waiting = Vec::new();
        if full {
            shorten_queue(&listener);
            let soon = Duration::from_millis(100);
            while let Ok(stream) = TcpStream::connect_timeout(&address, soon) {
                waiting.push(stream);
            }
        }
        Self { listener, _waiting: waiting }
    }

    fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().expect("an address"))
    }
}

/// Leaves room for one connection that is not accepted yet.
#[allow(unsafe_code)]
fn shorten_queue(listener: &TcpListener) {
    // SAFETY: the descriptor is open, and listen(2) only changes the length of its queue.
    assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
}

#[test]
fn a_metadata_service_that_does_not_answer_costs_little_time() {
    for full in [false, true] {
        for has_region in [false, true] {
            let silent = Silent::new(full);
            let mut world = World::with(&[instance]);
            world.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", silent.url());
            if !has_region {
                world.unset("AWS_REGION");
            }
            let started = Instant::now();
            let mut command = world.command(&["encrypt", "--kms-key-id", "1234"]);
            let output = command.output().expect("run");
            let elapsed = started.elapsed();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(3), "{stderr}");
            let missing = if has_region { "credentials" } else { "region" };
            assert!(stderr.contains(missing), "{stderr}");
            // A lookup waits one second; several would add up.
            assert!(elapsed < Duration::from_secs(2), "{full}, {has_region}: {elapsed:?}");
        }
    }
}

/// A proxy that refuses, and the first line of each request to it.
fn proxy() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (lines, seen) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream);
            let mut line = String::new();
            // A client that goes away is none that asked for something.
            let _ = reader.read_line(&mut line);
            let mut rest = String::new();
            while reader.read_line(&mut rest).is_ok_and(|read| read > 2) {}
            let _ =
                reader.get_mut().write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
            if lines.send(line).is_err() {
                return;
            }
        }
    });
    (url, seen)
}

#[test]
fn settings_choose_the_host() {
    let (fips, dual) = ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT");
    let other_region = ["--kms-key-id", "arn:aws:kms:us-west-2:111122223333:key/1234"];
    for (variables, args, host) in [
        (&[][..], &[][..], "kms.eu-west-1.amazonaws.com"),
        (&[fips], &[], "kms-fips.eu-west-1.amazonaws.com"),
        (&[dual], &[], "kms.eu-west-1.api.aws"),
        (&[fips, dual], &[], "kms-fips.eu-west-1.api.aws"),
        (&[], &other_region, "kms.us-west-2.amazonaws.com"),
    ] {
        let (url, seen) = proxy();
        let mut world = World::with(&[environment]);
        world.unset("AWS_ENDPOINT_URL_KMS");
        world.set("HTTPS_PROXY", url);
        world.set("KMS_KEY_ID", "1234");
        variables.iter().for_each(|name| world.set(name, "true"));
        let args = [&["encrypt", "--kms-timeout", "1"], args].concat();
        let output = world.command(&args).output().expect("run");
        let line = seen.recv_timeout(Duration::from_secs(10)).expect("a request");
        assert_eq!(line, format!("CONNECT {host}:443 HTTP/1.1\r\n"));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(6), "{stderr}");
        assert!(stderr.contains(&format!("at https://{host} ($HTTPS_PROXY is set)")), "{stderr}");
    }
}
