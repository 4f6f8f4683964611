//! A hundred thousand answers of orchestrators, most of them lies: what is granted is what a reference grants that is
//! written another way, and by the same keys.
//!
//! Say `ANSWERS_SEED=...` to run the ones of a failure again.

mod json;
mod maker;
mod online;
mod reference;

use secretary_daemon::id::{AppId, TaskId};
use secretary_daemon::orchestrator::{marathon, mesos};
use secretary_daemon::token_id::TokenId;
use secretary_daemon::version::Version;
use secretary_daemon::workload::{TokenList, Wanted, Workload};
use secretary_envelope::Token;

use self::maker::Maker;
use self::reference::{Asked, Keys};

const APP: &str = "/demo/webapp";
const TASK: &str = "demo_webapp.0f810e10";
const VARIABLE: &str = "DATABASE_PASSWORD";
/// The same time in several spellings. The first is what is claimed.
const TIMES: [&str; 4] = [
    "2015-12-04T12:25:08.426Z",
    "2015-12-04T12:25:08.4260Z",
    "2015-12-04T12:25:08,426Z",
    "2015-12-04T13:25:08.426+01:00",
];
const TOKEN: &str = "ENC[NACL,jpDAHM6WZe/1C93FLHd2M916U9AQwjT3]";
const TOKEN_SHA256: &str = "21574b3917834c2925453f88663f76572fe37123046bb0b74e95838af1f6455f";
const OTHER_TOKEN: &str = "ENC[KMS,RP+BAwEBCmttc1BheWxvYWQB]";
const OTHER_TOKEN_SHA256: &str = "8043551843d9da6e742104e8fbdc787d1ec7120dd687b6d98c1f3213f82a0965";

/// Who asks for this token as the variable `variable`.
fn asked(variable: &'static str, token: &'static str) -> Asked<'static> {
    let sha256 = if token == TOKEN { TOKEN_SHA256 } else { OTHER_TOKEN_SHA256 };
    let is_version = |text: &str| TIMES.contains(&text);
    Asked { app: APP, is_version, task: TASK, variable, token, sha256 }
}

/// What came of all answers.
#[derive(Debug, Default)]
struct Count {
    granted: usize,
    refused: usize,
    broken: usize,
}

/// Makes 50,000 answers, and judges each.
fn judge_all(seed: u64, judge: impl Fn(&mut Maker) -> bool) {
    let seed = std::env::var("ANSWERS_SEED").map_or(seed, |seed| seed.parse().expect("a number"));
    let mut count = Count::default();
    for number in 0..50_000 {
        let mut maker = Maker::new(seed + number);
        match judge(&mut maker) {
            true => count.granted += 1,
            false if maker.is_broken() => count.broken += 1,
            false => count.refused += 1,
        }
    }
    // A test in which nearly all is refused, or granted, says little.

    assert!(count.granted > 5_000 && count.refused > 20_000 && count.broken > 5_000, "{count:?}");
}

#[test]
fn no_answer_of_marathon_grants_more_than_the_reference() {
    let app = AppId::parse(APP).expect("an id");
    let task = TaskId::parse(TASK).expect("an id");
    let version = Version::parse(TIMES[0]).expect("a time");
    judge_all(1, |maker| {
        let (tasks, document) = (maker.app(), maker.app_version());
        let token = maker.random.pick(&[TOKEN, TOKEN, OTHER_TOKEN]);
        let asked = asked(VARIABLE, token);
        let expected = reference::marathon(tasks.as_bytes(), document.as_bytes(), &asked);
        let expected = expected.filter(|_| !maker.is_broken());
        let runs = marathon::parse_app(tasks.as_bytes())
            .and_then(|answer| answer.check_running(&app, &version, &task));
        let found = runs.and_then(|()| marathon::parse_version(document.as_bytes()));
        let found = found.and_then(|found| found.check(&app, &version));
        let granted = found.ok().and_then(|found| keys(&found, &asked, TokenList::Optional));
        assert!(granted == expected, "ANSWERS_SEED={}\n{tasks}\n{document}\n{token}", maker.seed);
        granted.is_some()
    });
}

#[test]
fn no_answer_of_mesos_grants_more_than_the_reference() {
    let task = TaskId::parse(TASK).expect("an id");
    judge_all(1_000_000, |maker| {
        let answer = maker.tasks();
        let token = maker.random.pick(&[TOKEN, TOKEN, OTHER_TOKEN]);
        let asked = asked(maker.random.pick(&[VARIABLE, VARIABLE, VARIABLE, "OTHER", ""]), token);
        let list = maker.random.pick(&[TokenList::Optional, TokenList::Required]);
        let required = list == TokenList::Required;
        let expected = reference::mesos(answer.as_bytes(), required, &asked);
        let expected = expected.filter(|_| !maker.is_broken());
        let found = mesos::parse_tasks(answer.as_bytes()).and_then(|tasks| tasks.workload(&task));
        let granted = found.ok().and_then(|found| keys(&found, &asked, list));
        assert!(
            granted == expected,
            "ANSWERS_SEED={}\n{answer}\n{token} {} {list:?}",
            maker.seed,
            asked.variable
        );
        granted.is_some()
    });
}

/// The keys by which the workload is granted what is asked for.
fn keys(workload: &Workload, asked: &Asked<'_>, list: TokenList) -> Option<Keys> {
    let token = Token::parse(asked.token.as_bytes()).expect("a token");
    assert_eq!(TokenId::of(&token).to_string(), asked.sha256);
    workload.grant(Wanted { key: asked.variable, token }, list).ok()?;
    Some((workload.deploy.clone(), workload.service.clone()))
}
