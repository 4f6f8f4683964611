//! JSON that may say one thing twice, and random numbers that can be had again.

use std::fmt::Write;

/// A value. A member may come twice.
#[derive(Clone)]
pub(crate) enum Json {
    Raw(&'static str),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_string())
    }
}

impl Json {
    pub(crate) fn write(&self, out: &mut String) {
        match self {
            Self::Raw(text) => out.push_str(text),
            Self::Text(text) => write_text(text, out),
            Self::Array(elements) => {
                for (element, before) in elements.iter().zip(separators('[')) {
                    out.push(before);
                    element.write(out);
                }
                out.push_str(if elements.is_empty() { "[]" } else { "]" });
            }
            Self::Object(members) => {
                for ((name, value), before) in members.iter().zip(separators('{')) {
                    out.push(before);
                    write_text(name, out);
                    out.push(':');
                    value.write(out);
                }
                out.push_str(if members.is_empty() { "{}" } else { "}" });
            }
        }
    }
}

fn separators(first: char) -> impl Iterator<Item = char> {
    std::iter::once(first).chain(std::iter::repeat(','))
}

/// A `/` is written as Go and Java sometimes write it.
fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' | '/' if character != '/' || text.len().is_multiple_of(2) => {
                out.push('\\');
                out.push(character);
            }
            '\0'..' ' | '\u{7f}'.. => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}").expect("a string takes anything");
                }
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

/// SplitMix64: good enough to shake things, and the same for a seed everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("less than a usize")
    }

    /// Once in so many times.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}
