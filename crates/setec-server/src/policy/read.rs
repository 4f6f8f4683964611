//! The text of a policy: TOML, or JSON with the same words.
//!
//! A tailnet's rules are read as they come. This file is written by hand, so what can only be a mistake is one: a word
//! that there is not, an empty list, a principal of no kind.

use std::path::Path;

use secretary_setec_api::Action;
use serde::Deserialize;
use toml::Spanned;

use super::{Grant, Policy};
use crate::identity::FileError;
use crate::identity::file::{Lines, text_of, wrong};
use crate::rule::{Pattern, Rule};

/// The most grants of a policy.
const MOST: usize = 10_000;

/// The kinds of principals, and what follows them.
const KINDS: [&str; 6] = ["tag", "user", "token", "uri", "dns", "email"];

/// A word of a policy that can only be a mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(String);

impl Policy {
    /// Reads a file. One whose name ends in `.json` has JSON in it, and every other TOML.
    ///
    /// # Errors
    ///
    /// When it is of no use. Nothing of a policy is secret, so the message repeats what is wrong.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        Self::parse(path, &text_of(path)?)
    }

    /// Reads the text of a file, whose path says which of the two it is, and is what an error names.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, FileError> {
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        let grants = if is_json { json(text) } else { toml(text) };
        let grants = grants.and_then(|grants| {
            if grants.len() > MOST {
                return Err(format!("there are more than {MOST} grants"));
            }
            grants.into_iter().map(grant).collect::<Result<_, _>>()
        });
        grants.map(Self::new).map_err(|what| wrong(path, what))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "G: Deserialize<'de>"))]
struct Document<G> {
    #[serde(default = "Vec::new")]
    grant: Vec<G>,
}

/// A grant as it is written. A word is a text, and where it stands if that is known.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<W> {
    principal: Vec<W>,
    action: Vec<W>,
    secret: Vec<W>,
}

impl<W> Written<W> {
    fn map<V>(self, word: impl Fn(W) -> V) -> Written<V> {
        let words = |words: Vec<W>| words.into_iter().map(&word).collect();
        Written {
            principal: words(self.principal),
            action: words(self.action),
            secret: words(self.secret),
        }
    }
}

/// What can be said of where something is: its line, or which of the grants it is in.
#[derive(Clone, Copy)]
enum Place {
    Line(usize),
    Grant(usize),
}

impl Place {
    fn says(self, what: &str) -> String {
        match self {
            Self::Line(line) => format!("line {line}: {what}"),
            Self::Grant(number) => format!("grant {number}: {what}"),
        }
    }
}

type Word = (String, Place);

fn toml(text: &str) -> Result<Vec<(Place, Written<Word>)>, String> {
    let lines = Lines::new(text);
    let line = |offset| Place::Line(lines.of(offset));
    let document: Document<Spanned<Written<Spanned<String>>>> =
        toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            line(start).says(&in_a_line(&error.message().replace('\n', ", ")))
        })?;
    let word = |word: Spanned<String>| {
        let place = line(word.span().start);
        (word.into_inner(), place)
    };
    let grants = document.grant.into_iter();
    Ok(grants.map(|grant| (line(grant.span().start), grant.into_inner().map(word))).collect())
}

fn json(text: &str) -> Result<Vec<(Place, Written<Word>)>, String> {
    let document: Document<Written<String>> = serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        // The place is said in the way of all others.
        let what = message.split(" at line ").next().unwrap_or_default();
        Place::Line(error.line().max(1)).says(&in_a_line(what))
    })?;
    let grants = document.grant.into_iter().enumerate();
    let placed = grants.map(|(index, grant)| {
        let place = Place::Grant(index + 1);
        (place, grant.map(|word| (word, place)))
    });
    Ok(placed.collect())
}

/// What a library says, which repeats words as they are. One with a line's end or another control character in it must
/// not say something to a terminal or begin a line in a log.
fn in_a_line(what: &str) -> String {
    let mut line = String::with_capacity(what.len());
    for letter in what.chars() {
        match letter.is_control() {
            true => line.extend(letter.escape_default()),
            false => line.push(letter),
        }
    }
    line
}

fn grant((place, written): (Place, Written<Word>)) -> Result<Grant, String> {
    let Written { principal: principals, action: actions, secret: secrets } = written;
    let lists =
        [("principal", principals.len()), ("action", actions.len()), ("secret", secrets.len())];
    if let Some((name, _)) = lists.iter().find(|(_, len)| *len == 0) {
        return Err(place.says(&format!("the list `{name}` is empty, so the grant grants nothing")));
    }
    let line = match place {
        Place::Line(line) => Some(line),
        Place::Grant(_) => None,
    };
    let principal = each(principals, principal)?;
    let rule = Rule { action: each(actions, action)?, secret: each(secrets, secret)? };
    Ok(Grant { line, principal, rule: rule.into() })
}

fn each<T>(words: Vec<Word>, read: impl Fn(&str) -> Result<T, Unfit>) -> Result<Vec<T>, String> {
    let read = |(word, place): Word| read(&word).map_err(|unfit| place.says(&unfit.0));
    words.into_iter().map(read).collect()
}

/// Reads a pattern of principals, or the name of one.
///
/// # Errors
///
/// When it has no kind, or one that there is not.
pub fn principal(text: &str) -> Result<Pattern, Unfit> {
    if text == "*" {
        return Ok(Pattern::new(text));
    }
    let Some((kind, name)) = text.split_once(':') else {
        let meant = match text.contains('@') {
            true => format!("; did you mean {:?}?", format!("user:{text}")),
            false => format!(": it takes one of {}, as in \"tag:web\"", KINDS.join(", ")),
        };
        return Err(Unfit(format!("the principal {text:?} has no kind{meant}")));
    };
    if !KINDS.contains(&kind) {
        return Err(Unfit(format!(
            "there is no kind of principal {kind:?}{}",
            meant(kind, KINDS.into_iter())
        )));
    }
    if name.is_empty() {
        return Err(Unfit(format!("the principal {text:?} has no name")));
    }
    // As in certificates, the case of a DNS name does not count.
    Ok(Pattern::new(if kind == "dns" { text.to_ascii_lowercase() } else { text.to_string() }))
}

fn action(text: &str) -> Result<String, Unfit> {
    let known = Action::ALL.map(Action::as_str);
    match known.contains(&text) {
        true => Ok(text.to_string()),
        false => {
            Err(Unfit(format!("there is no action {text:?}{}", meant(text, known.into_iter()))))
        }
    }
}

fn secret(text: &str) -> Result<Pattern, Unfit> {
    match text {
        "" => Err(Unfit("no secret has an empty name; `*` is all of them".to_string())),
        text => Ok(Pattern::new(text)),
    }
}

/// What was likely meant, or else what there is.
fn meant(text: &str, known: impl Iterator<Item = &'static str>) -> String {
    let known: Vec<_> = known.collect();
    let nearest = known.iter().min_by_key(|word| strsim::osa_distance(text, word));
    match nearest.filter(|word| strsim::osa_distance(text, word) <= 2) {
        Some(word) => format!("; did you mean {word:?}?"),
        None => format!(": there are {}", known.join(", ")),
    }
}
