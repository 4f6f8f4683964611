//! What a pattern of names means, computed without a thought for time: a table of which beginnings match which.

/// Whether `pattern` stands for `name`.
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    // Whether the part of the pattern that was looked at matches the first so many bytes of the name.
    let mut matched = vec![false; name.len() + 1];
    matched[0] = true;
    for &byte in pattern {
        let mut next = vec![false; name.len() + 1];
        for at in 0..=name.len() {
            next[at] = match byte {
                b'*' => matched[at] || at > 0 && next[at - 1],
                _ => at > 0 && matched[at - 1] && name[at - 1] == byte,
            };
        }
        matched = next;
    }
    matched[name.len()]
}
