//! What `agent configcheck` prints of a check: its sections as they are with their secrets resolved.

use std::io::Write as _;

use secretary_secret::Secret;

use super::check::{Check, Kind};
use super::session::{Resolved, Shown};

/// What comes behind the instances, with its heading.
const PARTS: [(Kind, &str); 3] = [
    (Kind::InitConfig, "Init Config"),
    (Kind::Metrics, "Metric Config"),
    (Kind::Logs, "Log Config"),
];

/// Appends a check to `text`. Of one that was dropped an agent prints nothing.
pub fn push_check(text: &mut Secret, check: &Check, resolved: &Resolved, is_plain: bool) {
    if resolved.error.is_some() {
        return;
    }
    let kind = if check.is_cluster_check { "cluster check" } else { "check" };
    push(text, &format!("\n=== {} {kind} ===\n", check.name));
    let source = check.path.display();
    push(text, &format!("Configuration provider: file\nConfiguration source: file:{source}\n"));
    let init_config = resolved.sections.iter().find(|shown| shown.kind == Kind::InitConfig);
    for shown in &resolved.sections {
        if let Kind::Instance(_) = shown.kind {
            let id = id(&check.name, shown, init_config, is_plain);
            push(text, &format!("Instance ID: {id}\n"));
            text.extend(shown.text.expose());
            push(text, "~\n");
        }
    }
    for (kind, heading) in PARTS {
        if let Some(shown) = resolved.sections.iter().find(|shown| shown.kind == kind) {
            push(text, &format!("{heading}:\n"));
            text.extend(shown.text.expose());
            push(text, "\n");
        }
    }
    if check.is_template {
        push(text, "Auto-discovery IDs:\n");
        check.identifiers.iter().for_each(|identifier| push(text, &format!("* {identifier}\n")));
    }
    push(text, "===\n");
}

/// Appends a main configuration, which an agent does not print.
pub fn push_main(text: &mut Secret, origin: &str, resolved: &Resolved) {
    for shown in &resolved.sections {
        push(text, &format!("\n=== {origin} ===\n"));
        text.extend(shown.text.expose());
        push(text, "===\n");
    }
}

fn push(text: &mut Secret, more: &str) {
    let _ = text.write_all(more.as_bytes());
}

/// An instance's name to an agent, which ends in a hash of what it holds. Who knows all the rest of it could
/// try passwords against the hash, so it is left out with them.
fn id(check: &str, shown: &Shown, init_config: Option<&Shown>, is_plain: bool) -> String {
    let name = shown.name.as_ref().map_or(String::new(), |name| format!("{name}:"));
    let has_secret = shown.has_secret || init_config.is_some_and(|shown| shown.has_secret);
    if has_secret && !is_plain {
        return format!("{check}:{name}(not shown)");
    }
    let init_config = init_config.map_or(&[][..], |shown| shown.text.expose());
    let bytes = shown.text.expose().iter().chain(init_config);
    // FNV-1 with 64 bits.
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        hash.wrapping_mul(0x0100_0000_01b3) ^ u64::from(*byte)
    });
    format!("{check}:{name}{hash:x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kind: Kind, text: &str, has_secret: bool) -> Shown {
        Shown { kind, text: Secret::from(text.as_bytes()), has_secret, name: None }
    }

    #[test]
    fn a_hash_with_a_secret_in_it_is_not_shown_unless_the_secret_is() {
        let instance = shown(Kind::Instance(0), "a: b\n", false);
        // What Go's fnv.New64 makes of these bytes.
        assert_eq!(id("x", &instance, None, false), "x:78f8a6c62552d40c");
        let with_secret = shown(Kind::Instance(0), "a: b\n", true);
        assert_eq!(id("x", &with_secret, None, false), "x:(not shown)");
        assert_eq!(id("x", &with_secret, None, true), "x:78f8a6c62552d40c");
    }
}
