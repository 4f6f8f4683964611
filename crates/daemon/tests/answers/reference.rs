//! The rules on what orchestrators answer, in few lines that share nothing with the parsers: when they say no,
//! nothing may be granted. They do not mind a member that comes twice; whoever uses them has to. The fuzz targets do
//! use them.

use std::collections::BTreeMap;

use secretary_envelope::PublicKey;
use serde_json::Value;

/// Who asks for what.
pub(crate) struct Asked<'a> {
    pub(crate) app: &'a str,
    /// Whether a text means the version that is claimed.
    pub(crate) is_version: fn(&str) -> bool,
    pub(crate) task: &'a str,
    pub(crate) variable: &'a str,
    pub(crate) token: &'a str,
    /// In lower case.
    pub(crate) sha256: &'a str,
}

/// The keys of who has a right to the token: deploy, service.
pub(crate) type Keys = (PublicKey, Option<PublicKey>);

const ALIVE: [&str; 3] = ["TASK_STAGING", "TASK_STARTING", "TASK_RUNNING"];

pub(crate) fn marathon(app: &[u8], version: &[u8], asked: &Asked<'_>) -> Option<Keys> {
    let (app, version): (Value, Value) =
        (serde_json::from_slice(app).ok()?, serde_json::from_slice(version).ok()?);
    let is_version = |value: &Value| value.as_str().is_some_and(asked.is_version);
    let tasks = app["app"]["tasks"].as_array()?;
    let named: Vec<_> = tasks.iter().filter(|task| task["id"] == asked.task).collect();
    let alive = |state: &Value| state.is_null() || ALIVE.iter().any(|alive| state == alive);
    let env = version["env"].as_object()?;
    let grants = app["app"]["id"] == asked.app
        && !named.is_empty()
        && named.iter().all(|task| is_version(&task["version"]) && alive(&task["state"]))
        && version["id"] == asked.app
        && is_version(&version["version"])
        && env.values().filter_map(Value::as_str).any(|value| holds(value, asked.token));
    grants.then_some(())?;
    keys(|name| env.get(name).map(|value| value.as_str().unwrap_or_default()))
}

pub(crate) fn mesos(answer: &[u8], list_required: bool, asked: &Asked<'_>) -> Option<Keys> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let tasks = answer["get_tasks"]["tasks"].as_array()?.iter();
    let named = tasks.filter(|task| task["task_id"]["value"] == asked.task);
    let alive = named.filter(|task| ALIVE.iter().any(|alive| task["state"] == *alive));
    let mut said = alive.map(labels);
    let first = said.next()?;
    let agree = said.all(|other| other == first) && first.values().all(|texts| texts.len() == 1);
    let list = |name| {
        let stripped: String = first.get(name)?[0].split_whitespace().collect();
        Some(stripped.split(',').map(str::to_string).collect::<Vec<_>>())
    };
    let starts = [asked.sha256, &asked.sha256[..32]];
    let is_listed = |entry: &String| starts.contains(&entry.to_ascii_lowercase().as_str());
    let grants = agree
        && !asked.variable.is_empty()
        && list("ALLOWED_SECRETS_VARS")?.iter().any(|name| name == asked.variable)
        && list("ALLOWED_SECRETS_SHA256")
            .map_or(!list_required, |entries| entries.iter().any(is_listed));
    grants.then_some(())?;
    keys(|name| first.get(name).map(|texts| texts[0]))
}

/// The labels that mean something, each with everything it says.
fn labels(task: &Value) -> BTreeMap<&str, Vec<&str>> {
    let read = [
        "DEPLOY_PUBLIC_KEY",
        "SERVICE_PUBLIC_KEY",
        "ALLOWED_SECRETS_VARS",
        "ALLOWED_SECRETS_SHA256",
    ];
    let mut labels: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for label in task["labels"]["labels"].as_array().into_iter().flatten() {
        let key = label["key"].as_str().unwrap_or_default();
        if read.contains(&key) {
            labels.entry(key).or_default().push(label["value"].as_str().unwrap_or_default());
        }
    }
    labels
}

fn keys<'a>(text: impl Fn(&str) -> Option<&'a str>) -> Option<Keys> {
    let parse = |text: &str| PublicKey::parse(text.as_bytes());
    let deploy = parse(text("DEPLOY_PUBLIC_KEY")?).ok()?;
    Some((deploy, text("SERVICE_PUBLIC_KEY").map(parse).transpose().ok()?))
}

/// Whether the token, without white space, is in the text as a whole.
pub(crate) fn holds(value: &str, token: &str) -> bool {
    value.match_indices("ENC[").any(|(start, _)| {
        let whole = value[start..].split_inclusive(']').next().unwrap_or_default();
        let (kind, body) = whole.split_once(',').unwrap_or_default();
        let body: String = body.split(|c: char| c.is_ascii_whitespace()).collect();
        token.split_once(',') == Some((kind, &body))
    })
}
