//! Having a daemon open tokens.

use std::collections::HashMap;

use secretary_envelope::{Failed, OpenError, Opened};

use super::{DAMAGED_HINT, Texts, not_opened};
use crate::failure::{Code, Failure};
use crate::remote::{Answer, Remote, Sealed};

/// The daemon is asked, for all tokens at once and for equal ones once, when nothing has failed that can be told here.
pub(super) fn open_all(remote: &Remote, texts: &Texts<'_, '_>) -> Result<Opened, Failure> {
    check(texts)?;
    let mut asked: Vec<Sealed<'_>> = Vec::new();
    let mut numbers = HashMap::new();
    let mut answer_of = Vec::new();
    for (number, text) in texts.texts.iter().enumerate() {
        let key = (texts.key)(number);
        for token in text.tokens() {
            let next = asked.len();
            let number = *numbers.entry((key, token.text())).or_insert(next);
            if number == next {
                asked.push(Sealed { key, token });
            }
            answer_of.push(number);
        }
    }
    if asked.is_empty() {
        return Ok(Opened::default());
    }
    let answers = remote.open_all(&asked)?;
    let opened: Option<Vec<&[u8]>> = answer_of
        .iter()
        .map(|&number| answers[number].as_ref().ok().map(|secret| secret.expose()))
        .collect();
    match opened {
        Some(opened) => Ok(opened.into_iter().collect()),
        None => Err(failure(remote, texts, &answers, &answer_of)),
    }
}

/// A token that nothing can open is none to ask for.
fn check(texts: &Texts<'_, '_>) -> Result<(), Failure> {
    let damage = |(index, token): (usize, secretary_envelope::Token<'_>)| {
        let error = OpenError::from(token.plaintext_len().err()?);
        Some(Failed { index, kind: token.kind(), error })
    };
    let damaged: Vec<_> = texts.tokens().enumerate().filter_map(damage).collect();
    if damaged.is_empty() {
        return Ok(());
    }
    let lines = texts.listed(&damaged, |failed| failed.error.to_string());
    let total = texts.tokens().count();
    let mut failure = not_opened(Code::Damaged, damaged.len(), total, lines);
    if damaged.len() < total {
        failure = failure
            .detail(format!("the daemon was not asked about {} more", total - damaged.len()));
    }
    Err(failure.hint(DAMAGED_HINT))
}

/// The code and the hint are those of the first token that failed.
fn failure(
    remote: &Remote,
    texts: &Texts<'_, '_>,
    answers: &[Answer],
    answer_of: &[usize],
) -> Failure {
    let mut first = None;
    let mut failed = Vec::new();
    for ((index, token), &number) in texts.tokens().enumerate().zip(answer_of) {
        if let Err(denied) = &answers[number] {
            first = first.or(Some(denied));
            failed.push(Failed {
                index,
                kind: token.kind(),
                error: OpenError::NotUnwrapped { key: number },
            });
        }
    }
    let sentence = |failed: &Failed| match &answers[answer_of[failed.index]] {
        Err(denied) => denied.sentence.clone(),
        Ok(_) => String::new(),
    };
    let lines = texts.listed(&failed, sentence);
    let code = first.map_or(Code::Remote, |denied| denied.code);
    let failure = not_opened(code, failed.len(), answer_of.len(), lines);
    let failure = remote.asked().into_iter().fold(failure, |failure, line| failure.detail(line));
    match first.map(|denied| denied.hint.as_str()) {
        Some(hint) if !hint.is_empty() => failure.hint(hint),
        _ => failure,
    }
}
