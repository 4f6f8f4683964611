//! Answers of tailscaled about an address: any bytes say who it is or do not, nobody gets a name of another kind or a right
//! that a simple reading does not find, and whoever is written down is read back.
#![no_main]

#[path = "../reference/pattern.rs"]
mod pattern;

use libfuzzer_sys::fuzz_target;
use secretary_setec_api::rule::{CAPABILITY, OLD_CAPABILITY};
use secretary_setec_server::identity::by_whois;
use secretary_setec_server::{Action, Caller};
use serde::de::IgnoredAny;
use serde_json::{Value, json};

/// The most bytes of names and patterns that are judged.
const MOST: usize = 256;

fuzz_target!(|input: &[u8]| {
    is_somebody_or_nobody(input);
    who_is_written_is_read(&String::from_utf8_lossy(input));
});

fn is_somebody_or_nobody(answer: &[u8]) {
    let Ok((caller, names)) = by_whois(answer) else { return };
    serde_json::from_slice::<IgnoredAny>(answer).expect("an answer is JSON");
    let principal = &caller.principal;
    assert!(principal.ip.is_none() && !names.is_empty());
    assert_eq!(principal.user.is_empty(), !principal.tags.is_empty());
    match principal.user.as_str() {
        "" => assert!(names.iter().all(|name| name.starts_with("tag:"))),
        user => assert_eq!(names, [format!("user:{user}")]),
    }
    // Halves of surrogates in what is passed over are not read by others, and neither is what is very deep.
    let Ok(read) = serde_json::from_slice::<Value>(answer) else { return };
    let tags: Vec<_> = read["Node"]["Tags"].as_array().into_iter().flatten().collect();
    assert!(principal.tags.iter().eq(tags.into_iter()));
    if principal.tags.is_empty() {
        assert_eq!(read["UserProfile"]["LoginName"], principal.user.as_str());
    }
    has_rights_of(&caller, &read["CapMap"], answer);
}

/// Of members that come twice one is lost to the simple reading, so rights are judged where there is none.
fn has_rights_of(caller: &Caller, capabilities: &Value, answer: &[u8]) {
    let list = |name: &str| capabilities[name].as_array().filter(|list| !list.is_empty());
    let Some(rules) = list(CAPABILITY).or_else(|| list(OLD_CAPABILITY)) else {
        let nothing = Action::ALL.iter().all(|action| !caller.may(*action, "a"));
        assert!(nothing && caller.rules.is_empty());
        return;
    };
    assert_eq!(caller.rules.len(), rules.len());
    let Ok(text) = str::from_utf8(answer) else { return };
    let once = |name: &str| text.to_lowercase().matches(&format!("\"{name}\"")).count() <= 1;
    if text.contains(['\\', '\u{17f}']) || !once("action") || !once("secret") {
        return;
    }
    let words = |rule: &Value, name: &str| -> Vec<String> {
        let members = rule.as_object().into_iter().flatten();
        let lists = members.filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let words = lists.flat_map(|(_, list)| list.as_array().into_iter().flatten());
        words.map(|word| word.as_str().unwrap_or_default().to_string()).collect()
    };
    for name in rules.iter().flat_map(|rule| words(rule, "secret")).chain(["a".to_string()]) {
        if name.len() > MOST {
            continue;
        }
        for action in Action::ALL {
            let allows = |rule: &Value| {
                words(rule, "action").iter().any(|word| word == action.as_str())
                    && words(rule, "secret").iter().any(|text| pattern::matches(text, &name))
            };
            assert_eq!(caller.may(action, &name), rules.iter().any(allows), "{text}");
        }
    }
}

/// Each line is a word of the answer.
fn who_is_written_is_read(text: &str) {
    let mut words = text.split('\n');
    let mut next = || words.next().unwrap_or_default();
    let [machine, login, tag, secret] = [next(), next(), next(), next()];
    let tags: &[&str] = if tag.is_empty() { &[] } else { &[tag] };
    let rule = json!({"action": ["get"], "secret": [secret]});
    let answer = json!({
        "Node": {"Name": machine, "Tags": tags, "ID": 7},
        "UserProfile": {"LoginName": login},
        "CapMap": {CAPABILITY: [rule], OLD_CAPABILITY: [{"action": ["delete"], "secret": ["*"]}]},
    });
    let known = by_whois(answer.to_string().as_bytes());
    let Ok((caller, names)) = known else { return assert!(tag.is_empty() && login.is_empty()) };
    assert_eq!(
        (&caller.principal.hostname, &caller.principal.tags[..]),
        (&machine.to_string(), &tags.iter().map(|tag| tag.to_string()).collect::<Vec<_>>()[..])
    );
    let name = match (tag.is_empty(), tag.starts_with("tag:")) {
        (true, _) => format!("user:{login}"),
        (false, true) => tag.to_string(),
        (false, false) => format!("tag:{tag}"),
    };
    assert_eq!(names, [name]);
    assert!(caller.may(Action::Get, secret) && !caller.may(Action::Delete, secret));
    assert_eq!(caller.may(Action::Get, "a"), pattern::matches(secret, "a"));
}
