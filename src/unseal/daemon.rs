//! Having a daemon open tokens.

use std::collections::HashMap;

use secretary_envelope::{Failed, OpenError, Opened, Text};

use super::{DAMAGED_HINT, Each, Texts, not_opened};
use crate::failure::{Code, Failure};
use crate::remote::{Answer, Remote, Sealed};

/// The daemon is asked, for all tokens at once and for equal ones once, when nothing has failed that can be told here.
pub(super) fn open_all(remote: &Remote, texts: &Texts<'_, '_>) -> Result<Opened, Failure> {
    check(texts)?;
    let (asked, answer_of) = question(keyed(texts));
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

/// The daemon is asked, in the same way, for all tokens that are not damaged.
pub(super) fn open_each(remote: &Remote, texts: &Texts<'_, '_>) -> Each {
    let mut errors: Vec<_> = texts
        .tokens()
        .map(|token| token.plaintext_len().err().map(|damage| OpenError::from(damage).to_string()))
        .collect();
    let whole: Vec<_> = (0..errors.len()).filter(|&index| errors[index].is_none()).collect();
    let tokens = keyed(texts).zip(&errors).filter(|(_, error)| error.is_none());
    let (asked, answer_of) = question(tokens.map(|(sealed, _)| sealed));
    let answers = match asked.is_empty() {
        true => Ok(Vec::new()),
        false => remote.open_all(&asked),
    };
    let mut opened: Vec<&[u8]> = vec![&[]; errors.len()];
    for (index, number) in whole.into_iter().zip(answer_of) {
        match &answers {
            Ok(answers) => match &answers[number] {
                Ok(secret) => opened[index] = secret.expose(),
                Err(denied) => errors[index] = Some(denied.sentence.clone()),
            },
            Err(failure) => errors[index] = Some(failure.message().to_string()),
        }
    }
    (opened.into_iter().collect(), errors)
}

/// All tokens, each with the variable that it is in.
fn keyed<'a, 't>(texts: &'a Texts<'_, 't>) -> impl Iterator<Item = Sealed<'t>> + 'a {
    let key = texts.key;
    let of_text = move |(number, text): (usize, &'a &Text<'t>)| {
        text.tokens().map(move |token| Sealed { key: key(number), token })
    };
    texts.texts.iter().enumerate().flat_map(of_text)
}

/// What is asked, each once, and for each of `tokens` the number of its answer.
fn question<'t>(tokens: impl Iterator<Item = Sealed<'t>>) -> (Vec<Sealed<'t>>, Vec<usize>) {
    let mut asked = Vec::new();
    let mut numbers = HashMap::new();
    let answer_of = tokens.map(|sealed| {
        let next = asked.len();
        let number = *numbers.entry((sealed.key, sealed.token.text())).or_insert(next);
        if number == next {
            asked.push(sealed);
        }
        number
    });
    let answer_of = answer_of.collect();
    (asked, answer_of)
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
