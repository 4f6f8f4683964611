//! Where our daemon answers otherwise than the Go program, and why.

use secretary_daemon::refusal::{Refusal, Upstream};

use crate::outcome::Outcome::{self, AsGo, Granted, Page, Refused, Status};
use crate::outcome::{Asked, Otherwise};
use crate::vectors::Difference;

/// What the recorded secret is.
const SECRET: &str = "secret";

/// What Marathon answered with an error.
const NOT_FOUND: Outcome = Refused(500, Refusal::Status(Upstream::Marathon, 404));

const NO_UPSTREAM_TEXT: &str =
    "What Marathon or Mesos answered may hold private keys, so nobody is told any of it.";
const ONE_WHOLE_TOKEN: &str =
    "What is asked for has to be one whole token of the app, and not a piece of a value.";
const APP_ID: &str =
    "What is no id of an app becomes no part of a URL, so Marathon is not asked about it.";
const UNREACHABLE: &str =
    "Whoever asks may try again when it is the cluster that fails, and 503 says so.";
const TASK_STATE: &str = "A task that has ended has no use for a secret.";
const TOO_LARGE: &str =
    "A request of 10 MiB is an attack on memory, and the sentence says what is wrong with it.";

/// The same questions, one answer.
const fn answer(
    name: &'static str,
    answers: &'static [Outcome],
    because: &'static str,
) -> Difference<Otherwise> {
    answer_and_ask(name, answers, Asked::AsGo, because)
}

const fn answer_and_ask(
    name: &'static str,
    answers: &'static [Outcome],
    asked: Asked,
    because: &'static str,
) -> Difference<Otherwise> {
    Difference { name, ours: Otherwise { answers, asked }, because }
}

/// No question is asked about what is no id.
const fn no_app_id(name: &'static str) -> Difference<Otherwise> {
    answer_and_ask(name, &[Refused(400, Refusal::AppId)], Asked::First(0), APP_ID)
}

/// Every difference. A case that is not here is answered as the Go program did, up to its inner error.
#[rustfmt::skip]
pub(crate) const DIFFERENCES: &[Difference<Otherwise>] = &[
    // What Marathon answers.
    answer("marathon: version with other zone spelling (path differs, stub has no such path)",
        &[NOT_FOUND], NO_UPSTREAM_TEXT),
    answer("marathon: env has a number value",
        &[Granted(SECRET)], "A variable that is no text holds no token, and the others are as good as ever."),
    answer("marathon: id mismatch in the version document",
        &[Refused(500, Refusal::OtherApp(Upstream::Marathon))], NO_UPSTREAM_TEXT),
    answer_and_ask("marathon: JSON keys in other case",
        &[Refused(500, Refusal::Unreadable(Upstream::Marathon))], Asked::First(1),
        "Marathon writes its names in one way, so another one is not Marathon's."),
    answer("marathon: trailing text after the JSON",
        &[Refused(500, Refusal::Unreadable(Upstream::Marathon))], NO_UPSTREAM_TEXT),
    answer("marathon: answers 500",
        &[Refused(500, Refusal::Status(Upstream::Marathon, 500))], NO_UPSTREAM_TEXT),
    answer("marathon: answers 503 with a 400-byte body (ellipsis at 256)",
        &[Refused(503, Refusal::Status(Upstream::Marathon, 503))], UNREACHABLE),
    answer("marathon: answers an empty 200",
        &[Refused(500, Refusal::Unreadable(Upstream::Marathon))], NO_UPSTREAM_TEXT),
    answer_and_ask("marathon: closes the connection",
        &[Refused(503, Refusal::Unreachable(Upstream::Marathon))], Asked::First(1), UNREACHABLE),
    answer("marathon: redirects (followed; then the id does not match)",
        &[Refused(500, Refusal::OtherApp(Upstream::Marathon))], NO_UPSTREAM_TEXT),
    answer("marathon down",
        &[Refused(503, Refusal::Unreachable(Upstream::Marathon))], UNREACHABLE),
    answer_and_ask("marathon URL with trailing slash",
        &[Granted(SECRET)], Asked::These(WEBAPP2), "A slash at the end of a URL is easily written, and means nothing."),
    answer("marathon URL with path", &[NOT_FOUND], NO_UPSTREAM_TEXT),
    answer("marathon URL empty",
        &[Refused(500, Refusal::NotServed)], "Without a URL there is no Marathon to ask."),
    answer_and_ask("client: SECRETARY_URL with a trailing slash against the real daemon",
        &[Granted(SECRET), AsGo], Asked::These(WEBAPP2),
        "An old client whose URL ends with a slash asks for this path, and is answered instead of sent elsewhere."),

    // What Mesos answers.
    answer("http: appversion empty", &[Refused(500, Refusal::NoTask)], NO_UPSTREAM_TEXT),
    answer("mesos: unknown task", &[Refused(500, Refusal::NoTask)], NO_UPSTREAM_TEXT),
    answer("mesos: task not running (TASK_FAILED): state is not looked at",
        &[Refused(500, Refusal::NotRunning)], TASK_STATE),
    answer("mesos: blanks in ALLOWED_SECRETS_VARS are stripped",
        &[Refused(500, Refusal::NotRunning)], TASK_STATE),
    answer("mesos: DEPLOY_PUBLIC_KEY undecodable",
        &[Refused(500, Refusal::BadDeployKey)], "It is the same finding as for an app, and has the same sentence."),
    answer("mesos: answers garbage",
        &[Refused(500, Refusal::Unreadable(Upstream::Mesos))], NO_UPSTREAM_TEXT),
    answer("mesos: answers 404",
        &[Refused(500, Refusal::Status(Upstream::Mesos, 404))], NO_UPSTREAM_TEXT),
    answer("mesos down",
        &[Refused(503, Refusal::Unreachable(Upstream::Mesos))], UNREACHABLE),

    // What is sent.
    answer("http: body above 10 MiB", &[Refused(413, Refusal::TooLarge)], TOO_LARGE),
    answer_and_ask("http: body of 10 MiB - 1000",
        &[Refused(413, Refusal::TooLarge)], Asked::First(0), TOO_LARGE),
    answer("inner: RequestedSecret empty (contained in any value)",
        &[Refused(401, Refusal::NoToken)], ONE_WHOLE_TOKEN),
    answer("inner: RequestedSecret \"ENC[\"", &[Refused(401, Refusal::NoToken)], ONE_WHOLE_TOKEN),
    answer("inner: RequestedSecret truncated but contained",
        &[Refused(401, Refusal::NoToken)], ONE_WHOLE_TOKEN),
    answer("inner: RequestedSecret is another clear value (public key)",
        &[Refused(401, Refusal::NoToken)], ONE_WHOLE_TOKEN),
    answer("daemon without config key: NACL not configured",
        &[Refused(400, Refusal::NoNacl)], "The sentence says what is wrong, which is no key of the caller's."),

    // Where it is sent.
    answer("http: status with query", &[Status], "A newer client reads there what the daemon can do."),
    answer("http: HTTP/1.0", &[Status], "A newer client reads there what the daemon can do."),
    answer("http: GET //v1/status",
        &[Status], "A URL with a slash at its end leads to this path, and is answered instead of sent elsewhere."),
    answer("http: GET /v1/../v1/status",
        &[Page(404, "404 page not found\n")], "No client of ours or of theirs asks for such a path."),
    answer("http: garbage instead of HTTP", &[Page(400, "")], "Whoever speaks no HTTP reads no sentence."),
    no_app_id("url: appid '//demo//webapp2'"),
    no_app_id("url: appid '/a b'"),
    no_app_id("url: appid '/a+b'"),
    no_app_id("url: appid '/a%2Fb'"),
    no_app_id("url: appid '/a/../b'"),
    no_app_id("url: appid '/a/.../b'"),
    no_app_id("url: appid '/../../v2/info'"),
    no_app_id("url: appid '/..%2f../x'"),
    no_app_id("url: appid '/a?x=1'"),
    no_app_id("url: appid '/a#frag'"),
    no_app_id("url: appid '/ü/密'"),
    no_app_id("url: appid '/a\\\\b'"),
    no_app_id("url: appid '/a~b_c-d.e'"),
    no_app_id("LEAK: unauthenticated caller, appid without the leading slash"),
    answer("url: appversion 2015-12-04T13:25:08.426+01:00", &[NOT_FOUND], NO_UPSTREAM_TEXT),
    answer("url: appversion 2015-12-04T12:25:08,426Z", &[NOT_FOUND], NO_UPSTREAM_TEXT),
];

/// What is asked about the app of most cases.
const WEBAPP2: &[&str] = &[
    "GET /v2/apps/demo/webapp2?embed=apps.tasks",
    "GET /v2/apps/demo/webapp2/versions/2015-12-04T12%3A25%3A08.426Z",
];

/// How a case is answered, and what is asked for it.
pub(crate) fn expected(difference: Option<&Otherwise>) -> (&[Outcome], Asked) {
    difference.map_or((&[], Asked::AsGo), |ours| (ours.answers, ours.asked))
}
