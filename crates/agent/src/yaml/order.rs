//! The order in which yaml.v2 writes keys: numbers by size, then texts with the numbers in them by size.

use super::Value;

/// The entries in the order of their keys, those that go before or after none as they come.
pub(super) fn sorted<'a>(
    entries: impl Iterator<Item = (&'a Value, &'a Value)>,
) -> Vec<(&'a Value, &'a Value)> {
    let mut runs: Vec<Vec<_>> = entries.map(|entry| vec![entry]).collect();
    // The order has circles, at which the standard library's sorts may panic. Merging never does.
    while runs.len() > 1 {
        let mut pairs = runs.into_iter();
        let mut merged = Vec::new();
        while let Some(left) = pairs.next() {
            merged.push(match pairs.next() {
                Some(right) => merge(left, right),
                None => left,
            });
        }
        runs = merged;
    }
    runs.pop().unwrap_or_default()
}

type Entry<'a> = (&'a Value, &'a Value);

fn merge<'a>(left: Vec<Entry<'a>>, right: Vec<Entry<'a>>) -> Vec<Entry<'a>> {
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(first), Some(second)) = (left.peek(), right.peek()) {
        let next = if is_less(second.0, first.0) { right.next() } else { left.next() };
        merged.extend(next);
    }
    merged.extend(left);
    merged.extend(right);
    merged
}

/// Whether `a` goes before `b`.
fn is_less(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) => is_less_text(&runes(a.bytes()), &runes(b.bytes())),
        _ => match (size(a), size(b)) {
            (Some(x), Some(y)) if x != y => x < y,
            (Some(_), Some(_)) if rank(a) == rank(b) => is_less_number(a, b),
            _ => rank(a) < rank(b),
        },
    }
}

/// Numbers that are the same as floats.
fn is_less_number(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Integer(a), Value::Integer(b)) => a < b,
        (Value::Unsigned(a), Value::Unsigned(b)) => a < b,
        _ => false,
    }
}

/// The numbers of kinds in Go, where an empty interface is behind all numbers and before texts.
fn rank(value: &Value) -> u8 {
    match value {
        Value::Boolean(_) => 1,
        Value::Integer(_) => 2,
        Value::Unsigned(_) => 11,
        Value::Float(_) => 14,
        Value::Null => 20,
        Value::Mapping(_) => 21,
        Value::Sequence(_) => 23,
        Value::String(_) => 24,
    }
}

fn size(value: &Value) -> Option<f64> {
    match value {
        Value::Boolean(value) => Some(f64::from(u8::from(*value))),
        Value::Integer(number) => Some(*number as f64),
        Value::Unsigned(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

fn is_less_text(a: &[char], b: &[char]) -> bool {
    let Some(start) = a.iter().zip(b).position(|(a, b)| a != b) else {
        return a.len() < b.len();
    };
    let (first, second) = (a[start], b[start]);
    match (is_letter(first), is_letter(second)) {
        (true, true) => return first < second,
        (false, false) => {}
        (_, second_is_letter) => return second_is_letter,
    }
    // Zeros count as places when a number has begun before them.
    let begun = (first == '0' || second == '0')
        && a[..start].iter().rev().take_while(|c| is_digit(**c)).any(|c| *c != '0');
    let (x, x_end) = number_at(a, start, begun);
    let (y, y_end) = number_at(b, start, begun);
    match () {
        () if x != y => x < y,
        () if x_end != y_end => x_end < y_end,
        () => first < second,
    }
}

/// The number there and where it ends. Go lets it overflow.
fn number_at(text: &[char], start: usize, begun: bool) -> (i64, usize) {
    let digits = text[start..].iter().take_while(|c| is_digit(**c));
    let end = start + digits.clone().count();
    let number = digits.fold(i64::from(begun), |number, digit| {
        number.wrapping_mul(10).wrapping_add(i64::from(u32::from(*digit)) - i64::from(b'0'))
    });
    (number, end)
}

/// As Go has it, but for signs that stand for a vowel and the like, which it takes for no letters.
fn is_letter(c: char) -> bool {
    c.is_alphabetic() && !c.is_numeric()
}

/// Digits of other scripts are compared as characters here and as large numbers in Go.
fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

/// Characters, and the replacement character for each byte that belongs to none, as in Go.
fn runes(bytes: &[u8]) -> Vec<char> {
    let mut runes = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        runes.extend(chunk.valid().chars());
        runes.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    runes
}
