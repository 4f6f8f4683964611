//! What came of it, for machines: one object on one line.

use secretary_agent::tester::AgentError;
use secretary_agent::tester::hints::Hint;
use secretary_agent::tester::scrub::Scrubber;
use secretary_agent::tester::session::{Call, Show, Shown};
use secretary_secret::Secret;
use serde_json::{Map, Value, json};

use super::outcome::{Configuration, Found};

impl Found {
    /// One object. Texts of configurations are in it only if they are asked for, because they may hold plaintext,
    /// and are written past everything that would copy them.
    pub(super) fn json(&self, with_texts: bool) -> Secret {
        let mut object = self.object().to_string();
        object.pop();
        let mut json = Secret::from(object.into_bytes());
        json.extend(b",\"configurations\":[");
        for (place, configuration) in self.configurations.iter().enumerate() {
            if place > 0 {
                json.extend(b",");
            }
            self.push_configuration(&mut json, configuration, with_texts);
        }
        json.extend(b"]}\n");
        json
    }

    fn object(&self) -> Value {
        let handles = self.cache.origins();
        let handles: Map<String, Value> =
            handles.map(|(handle, origins)| (handle.to_string(), json!(origins))).collect();
        let refused = self.refused.iter().map(|refused| {
            let (name, path) = (&refused.name, refused.path.display().to_string());
            json!({"name": name, "source": path, "error": refused.error.to_string()})
        });
        json!({
            "good": self.is_good(),
            "starts": self.starts(),
            "dropped": self.dropped(),
            "enabled": self.backend.is_some(),
            "user": self.user.name(),
            "rights": self.rights_object(),
            "secrets": {"count": handles.len(), "handles": handles},
            "calls": self.calls.iter().map(call).collect::<Vec<_>>(),
            "refused": refused.collect::<Vec<_>>(),
            "hints": self.hints().iter().map(hint).collect::<Vec<_>>(),
        })
    }

    fn rights_object(&self) -> Value {
        let Some(rights) = self.reported_rights() else { return Value::Null };
        let error = error(rights.verdict.as_ref().err());
        #[cfg(unix)]
        return json!({
            "executable": rights.command,
            "error": error,
            "mode": rights.details.mode.as_ref().ok(),
            "owner": rights.details.owner,
            "group": rights.details.group,
        });
        #[cfg(windows)]
        return json!({
            "executable": rights.command,
            "error": error,
            "list": rights.details.list.as_ref().ok(),
        });
    }

    fn push_configuration(&self, json: &mut Secret, one: &Configuration, with_texts: bool) {
        let mut object = json!({
            "name": one.name,
            "source": one.path.display().to_string(),
            "main": one.check.is_none(),
            "template": one.check.as_ref().is_some_and(|check| check.is_template),
            "error": one.failure(),
        })
        .to_string();
        object.pop();
        json.extend(object.as_bytes());
        json.extend(b",\"sections\":[");
        for (place, shown) in one.resolved.sections.iter().enumerate() {
            if place > 0 {
                json.extend(b",");
            }
            self.push_section(json, shown, with_texts);
        }
        json.extend(b"]}");
    }

    fn push_section(&self, json: &mut Secret, shown: &Shown, with_texts: bool) {
        let mut object =
            json!({"section": shown.kind.name(), "secrets": shown.has_secret}).to_string();
        if with_texts {
            object.pop();
            json.extend(object.as_bytes());
            json.extend(b",\"text\":");
            let scrubbed = match self.show {
                Show::Plain => None,
                Show::Masked | Show::Nothing => Some(Scrubber::new().scrub(&shown.text)),
            };
            push_text(json, scrubbed.as_ref().unwrap_or(&shown.text));
            json.extend(b"}");
        } else {
            json.extend(object.as_bytes());
        }
    }
}

/// A file without secrets is kept as it is, so it may be no UTF-8; what is not is left out then.
fn push_text(json: &mut Secret, text: &Secret) {
    let written = match std::str::from_utf8(text.expose()) {
        Ok(text) => serde_json::to_writer(&mut *json, text).is_ok(),
        Err(_) => false,
    };
    if !written {
        json.extend(b"null");
    }
}

fn call(call: &Call) -> Value {
    json!({
        "origin": call.origin,
        "section": call.section.name(),
        "handles": call.handles,
        "seconds": call.took.as_secs_f64(),
        "stdout": call.sizes[0],
        "stderr": call.sizes[1],
        "error": error(call.error.as_ref()),
    })
}

fn hint(hint: &Hint) -> Value {
    json!({"place": hint.place, "text": hint.text, "hint": hint.advice})
}

fn error(error: Option<&AgentError>) -> Value {
    error.map_or(Value::Null, |error| Value::String(error.to_string()))
}
