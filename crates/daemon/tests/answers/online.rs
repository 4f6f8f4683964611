//! The same over HTTP, through the whole daemon: what is granted is what the reference grants, and what is answered is a
//! sentence of ours, whatever an orchestrator sends, and however.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secretary_access::audit::AuditLog;
use secretary_daemon::audit::Audit;
use secretary_daemon::channel::Channel;
use secretary_daemon::cluster::{Cluster, Sources};
use secretary_daemon::form::Fields;
use secretary_daemon::key_service::{KeyService, KeyServiceError};
use secretary_daemon::metrics::Metrics;
use secretary_daemon::rate::Rates;
use secretary_daemon::refusal::Refusal;
use secretary_daemon::service::{self, Demands, Fresh, Service};
use secretary_daemon::upstream::Settings;
use secretary_daemon::workload::TokenList;
use secretary_envelope::{DataKey, PublicKey, SecretKey, WrappedKey};
use secretary_secret::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::maker::Maker;
use crate::reference::{self, Keys};
use crate::{APP, TASK, TIMES, TOKEN, VARIABLE, asked};

const ANSWERS: u64 = 10_000;

/// How many orchestrators there are, each with a daemon that asks nobody else.
const LANES: u64 = 8;

/// More than any answer has that is sent whole.
const MAX_ANSWER: usize = 64 * 1024;

/// How long an answer may take that never ends.
const TIMEOUT: Duration = Duration::from_millis(250);

/// The private halves of the keys that answers have.
const PRIVATE: [&str; 3] = [
    "8Cw5ysGd14dRObahAX/MtPrkmc7tOVj6OX5lM8HxerI=",
    "GpdVGx0okEGqcIQV7l8mDV5g4h4sG7HquAHLW5kWic8=",
    "zu7OUHhfTlZWeeCpLDl0Lvn2nmRSwlTa5YmDsQEX+ck=",
];

/// How an answer is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    Whole,
    /// As somebody's page about an error, with this status.
    Page(u16),
    /// Half of it, and then the end, or nothing.
    Cut,
    HalfOpen,
    /// Again and again.
    Endless,
    /// To somebody else.
    Redirect,
    NoHttp,
}

/// What the orchestrator of a lane answers now.
#[derive(Default)]
struct Script {
    tasks: String,
    document: String,
    how: Option<How>,
}

struct Nobody;

impl KeyService for Nobody {
    async fn unwrap_all(&self, keys: &[WrappedKey]) -> Vec<Result<DataKey, KeyServiceError>> {
        keys.iter().map(|_| Err(KeyServiceError::NotBuiltIn)).collect()
    }
}

#[tokio::test]
async fn no_answer_over_http_grants_more_than_the_reference_or_is_repeated() {
    let lanes = (0..LANES).map(|lane| tokio::spawn(run_lane(lane)));
    let mut granted = 0;
    for lane in lanes.collect::<Vec<_>>() {
        granted += lane.await.expect("no lane fails");
    }
    assert!(granted > ANSWERS / 20, "only {granted} were granted");
}

/// Every eighth answer, and how many of them were granted.
async fn run_lane(lane: u64) -> u64 {
    let (url, script) = orchestrator().await;
    let log = AuditLog::to_writer(Box::new(std::io::sink()), "test").expect("its first line");
    let log = Arc::new(log);
    let mut granted = 0;
    for seed in (lane..ANSWERS).step_by(LANES.try_into().expect("a small number")) {
        let mut maker = Maker::new(9_000_000 + seed);
        let is_of_mesos = maker.random.once_in(2);
        let how = how(&mut maker);
        let expected = {
            let mut script = script.lock().expect("no panic");
            script.how = Some(how);
            let expected = if is_of_mesos {
                mesos(&mut maker, &mut script)
            } else {
                marathon(&mut maker, &mut script)
            };
            expected.filter(|_| !maker.is_broken() && how == How::Whole)
        };
        let told = ask(&url, &log, is_of_mesos, expected.as_ref()).await;
        // The token itself is none that opens.
        assert_eq!(told == Refusal::Damaged, expected.is_some(), "seed {seed}, {how:?}: {told:?}");
        granted += u64::from(expected.is_some());
    }
    granted
}

fn marathon(maker: &mut Maker, script: &mut Script) -> Option<Keys> {
    (script.tasks, script.document) = (maker.app(), maker.app_version());
    let asked = asked(VARIABLE, TOKEN);
    reference::marathon(script.tasks.as_bytes(), script.document.as_bytes(), &asked)
}

fn mesos(maker: &mut Maker, script: &mut Script) -> Option<Keys> {
    script.tasks = maker.tasks();
    reference::mesos(script.tasks.as_bytes(), false, &asked(VARIABLE, TOKEN))
}

fn how(maker: &mut Maker) -> How {
    if !maker.random.once_in(10) {
        return How::Whole;
    }
    // Those for which one has to wait are rare.
    let slow = if maker.random.once_in(10) { How::HalfOpen } else { How::Cut };
    maker.random.pick(&[
        How::Page(200),
        How::Page(404),
        How::Page(500),
        How::Page(503),
        How::Cut,
        slow,
        How::Endless,
        How::Redirect,
        How::NoHttp,
    ])
}

/// What a daemon that has never asked before tells somebody who has the keys that are expected.
async fn ask(url: &str, log: &Arc<AuditLog>, is_of_mesos: bool, keys: Option<&Keys>) -> Refusal {
    let master = SecretKey::from(&[7; 32]);
    let (deploy, service) = match keys {
        Some((deploy, service)) => (private(deploy), service.as_ref().map(private)),
        None => (SecretKey::parse(PRIVATE[0].as_bytes()).expect("a key"), None),
    };
    let channel = Channel::of_workload(&deploy, service.as_ref(), &master.public_key());
    let (app, version) = if is_of_mesos { ("", "") } else { (APP, TIMES[0]) };
    let message = format!(
        r#"{{"AppID":"{app}","AppVersion":"{version}","TaskID":"{TASK}","RequestedSecret":"{TOKEN}","Key":"{VARIABLE}"}}"#
    );
    let envelope = channel.expect("good keys").seal(&Secret::from(message.into_bytes()));
    let fields = Fields {
        appid: app.to_string(),
        appversion: version.to_string(),
        taskid: TASK.to_string(),
        envelope: envelope.expect("random bytes"),
    };
    let answer = daemon(url, log, is_of_mesos, master)
        .answer(&fields, IpAddr::V4(Ipv4Addr::LOCALHOST))
        .await;
    let refusal = answer.expect_err("the token does not open");
    // Whatever it is, it is a sentence that was there before, and nothing in it is from elsewhere.
    assert_eq!(Refusal::told_by(&refusal.to_string()), Some(refusal));
    refusal
}

fn daemon(url: &str, log: &Arc<AuditLog>, is_of_mesos: bool, master: SecretKey) -> Service<Nobody> {
    let upstream = Settings {
        urls: vec![url.to_string()],
        auth_file: None,
        ca_file: None,
        timeout: TIMEOUT,
        max_answer: MAX_ANSWER,
    };
    let (marathon, mesos) =
        if is_of_mesos { (None, Some(upstream)) } else { (Some(upstream), None) };
    let sources = Sources { workloads: None, marathon, mesos };
    let metrics = Arc::new(Metrics::new("test"));
    let cluster = Cluster::new(sources, &metrics, &(Arc::new(|_: &str| {}) as _));
    let audit = Audit::new(log.clone(), metrics.clone(), Arc::new(|_| {}));
    let rate = NonZeroU32::new(1000).expect("not zero");
    let keys = service::Keys {
        masters: vec![master],
        config: Some(SecretKey::from(&[8; 32]).public_key()),
    };
    let demands = Demands { token_list: TokenList::Optional, fresh: Fresh::Optional };
    let cluster = cluster.expect("good URLs");
    Service::new(keys, Nobody, cluster, demands, Rates::new(rate, rate, 10), audit, metrics)
}

fn private(public: &PublicKey) -> SecretKey {
    let keys = PRIVATE.map(|key| SecretKey::parse(key.as_bytes()).expect("a key"));
    keys.into_iter().find(|key| key.public_key() == *public).expect("one of the three")
}

/// An orchestrator, and what it answers.
async fn orchestrator() -> (String, Arc<Mutex<Script>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let script = Arc::new(Mutex::new(Script::default()));
    tokio::spawn({
        let script = script.clone();
        async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, script.clone()));
            }
        }
    });
    (url, script)
}

/// Answers the requests of a connection. That the other side has gone is no matter here.
async fn answer(mut stream: TcpStream, script: Arc<Mutex<Script>>) {
    let mut buffer = vec![0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        let is_document = buffer[..count].windows(10).any(|part| part == b"/versions/");
        let (body, how) = {
            let script = script.lock().expect("no panic");
            let body = if is_document { &script.document } else { &script.tasks };
            (body.clone(), script.how.expect("there is a script"))
        };
        if send(&mut stream, &body, how).await.is_err() || how != How::Whole {
            return;
        }
    }
}

async fn send(stream: &mut TcpStream, body: &str, how: How) -> std::io::Result<()> {
    let head = |status: u16, len: usize| {
        format!(
            "HTTP/1.1 {status} Word\r\nContent-Type: text/plain\r\nContent-Length: {len}\r\n\r\n"
        )
    };
    let whole = head(200, body.len()) + body;
    let half = whole.len() - body.len().div_ceil(2).max(1);
    match how {
        How::Whole => stream.write_all(whole.as_bytes()).await,
        How::Page(status) => {
            let page = format!("<html>{body}</html>");
            stream.write_all((head(status, page.len()) + &page).as_bytes()).await
        }
        How::Cut => stream.write_all(&whole.as_bytes()[..half]).await,
        How::HalfOpen => {
            stream.write_all(&whole.as_bytes()[..half]).await?;
            tokio::time::sleep(4 * TIMEOUT).await;
            Ok(())
        }
        How::Endless => {
            stream.write_all(head(200, 64 << 20).as_bytes()).await?;
            // Until nobody listens any more.
            loop {
                stream.write_all(body.as_bytes()).await?;
                stream.write_all(&[b' '; 4096]).await?;
            }
        }
        How::Redirect => {
            let location =
                b"HTTP/1.1 307 Word\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(location).await
        }
        How::NoHttp => stream.write_all(body.as_bytes()).await,
    }
}
