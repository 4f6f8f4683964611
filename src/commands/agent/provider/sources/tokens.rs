//! Handles that are tokens, and names that stand for some: all are opened together, so that AWS KMS, a daemon or a secrets
//! server is asked once.

use std::path::Path;
use std::time::Duration;

use secretary_agent::handle::{Handle, sealed_text};
use secretary_agent::names::{MAX_NAMES, Names, Syntax};
use secretary_envelope::Text;
use secretary_secret::Secret;

use super::{Resolved, Resolver};
use crate::cli::OpenKeys;
use crate::failure::{Failure, shown};
use crate::settings::text_of;
use crate::unseal::Unsealer;

impl Resolver<'_> {
    pub(super) fn open<'t>(&self, handles: &[(&'t str, Handle<'t>)]) -> Vec<Resolved<'t>> {
        let names = match handles.iter().any(|(_, handle)| matches!(handle, Handle::Name(_))) {
            true => self.flags.names.iter().map(|path| names(path)).collect(),
            false => Vec::new(),
        };
        let mut resolved = Vec::new();
        let mut sealed = Vec::new();
        for (text, handle) in handles {
            let value = match handle {
                Handle::Name(name) => stands_for(name, &names),
                _ => Ok(sealed_text(text)),
            };
            match value {
                Ok(value) => sealed.push((*text, value)),
                Err(error) => resolved.push((*text, Err(error))),
            }
        }
        let mut whole = Vec::new();
        for (handle, value) in &sealed {
            let text = Text::parse(value);
            match damage(&text, handle) {
                Some(damage) => resolved.push((*handle, Err(damage.to_string()))),
                None => whole.push((*handle, text)),
            }
        }
        let (handles, texts): (Vec<_>, Vec<_>) = whole.into_iter().unzip();
        resolved.extend(handles.into_iter().zip(self.opened(&texts)));
        resolved
    }

    fn opened(&self, texts: &[Text<'_>]) -> Vec<Result<Secret, String>> {
        if texts.is_empty() {
            return Vec::new();
        }
        let keys = self.keys_in_time();
        let environ = &self.world.environ;
        match Unsealer::find(&keys, environ, environ) {
            Ok(unsealer) => unsealer.open_each(texts),
            Err(failure) => texts.iter().map(|_| Err(failure.message().to_string())).collect(),
        }
    }

    /// The flags for keys, with what is asked of others given up before the agent gives up on us.
    pub(super) fn keys_in_time(&self) -> OpenKeys {
        let left = self.time_to_ask();
        let within = |limit: &mut Option<Duration>| {
            *limit = Some(limit.map_or(left, |limit| limit.min(left)));
        };
        let mut keys = self.flags.keys.clone();
        within(&mut keys.kms.kms_timeout);
        within(&mut keys.daemon.timeout);
        within(&mut keys.daemon.connect_timeout);
        within(&mut keys.setec.server_timeout);
        keys
    }
}

fn names(path: &Path) -> Result<Names, String> {
    let wrong = |what: &dyn std::fmt::Display| format!("{}: {what}", shown(path));
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let syntax = Syntax::of_extension(extension)
        .ok_or_else(|| wrong(&"the name of a file of names ends in .toml, .yaml or .yml"))?;
    let text = text_of(path, MAX_NAMES)
        .map_err(|error| Failure::io("read", &shown(path), &error).message().to_string())?;
    Names::parse(&text, syntax).map_err(|error| wrong(&error))
}

/// What the first file says that has the name. A file that can't be read might be the one, so it is told of.
fn stands_for(name: &str, files: &[Result<Names, String>]) -> Result<Vec<u8>, String> {
    let found = files.iter().flatten().find_map(|names| names.find(name));
    if let Some(text) = found {
        return Ok(text.as_bytes().to_vec());
    }
    if let Some(error) = files.iter().find_map(|names| names.as_ref().err()) {
        return Err(error.clone());
    }
    // The words of the agents' own helper.
    Err(match name.split_once('@') {
        Some((prefix, _)) => format!("provider not supported: {prefix}"),
        None => "there is no such name".to_string(),
    })
}

/// What makes a text another one than somebody meant: an agent would have it as a password.
fn damage(text: &Text<'_>, handle: &str) -> Option<&'static str> {
    let is_token = matches!(Handle::parse(handle), Handle::Token);
    let first = text.places().next();
    if is_token && first.as_ref().is_none_or(|place| place.start != 0) {
        return Some(
            "it begins like a token and is none: copy it again from where it was encrypted",
        );
    }
    if first.is_none() {
        return Some("what it stands for has no token in it");
    }
    let none: &[u8] = b"";
    let mut between = text.replaced(text.tokens().map(|_| none));
    let has_start = |part: &[u8]| {
        [b"ENC[NACL,".as_slice(), b"ENC[KMS,", b"ENC[SETEC,"]
            .iter()
            .any(|start| part.windows(start.len()).any(|window| window == *start))
    };
    between
        .any(has_start)
        .then_some("it has the beginning of a token in it that is none: copy it again from where it was encrypted")
}
