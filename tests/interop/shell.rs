//! What a shell makes of printed variables.

use std::process::Command;

use crate::program::finish;

/// The values in the Go program's lines `export NAME='VALUE'`, whose VALUE is the bare plaintext.
/// `names` are the variables in order; it is what tells a line from one that a plaintext has.
pub(crate) fn values_in_go_lines<'a>(lines: &'a [u8], names: &[&str]) -> Vec<&'a [u8]> {
    let mut rest = lines;
    let mut values = Vec::new();
    for (number, name) in names.iter().enumerate() {
        rest = rest.strip_prefix(format!("export {name}='").as_bytes()).expect("a line of its own");
        let end = match names.get(number + 1) {
            Some(next) => {
                let next = format!("'\nexport {next}='").into_bytes();
                rest.windows(next.len()).position(|part| part == next).expect("one more line")
            }
            None => rest.len() - "'\n".len(),
        };
        let (value, after) = rest.split_at(end);
        values.push(value);
        rest = after.strip_prefix(b"'\n").expect("the end of the line");
    }
    assert!(rest.is_empty(), "one line for each variable");
    values
}

/// Whether the variables are exported in order, and each has its value in a program that the shell
/// starts after it evaluated `printed`: as `eval "$(..)"`, and as the `eval $(..)` of old entrypoints.
pub(crate) fn judge(printed: &[u8], names: &[&str], values: &[&[u8]]) -> Result<(), String> {
    let printed = str::from_utf8(printed).expect("these cases print text");
    let places: Vec<_> = names.iter().map(|name| printed.find(&format!("export {name}"))).collect();
    if !places.is_sorted() {
        return Err(format!("not in order: {printed:?}"));
    }
    for (way, eval) in [("quoted", r#"eval "$1""#), ("unquoted", "eval $1")] {
        for (name, value) in names.iter().zip(values) {
            let script = format!(r#"set -e; {eval}; sh -c 'printf %s "${name}"'"#);
            let mut shell = Command::new("sh");
            let seen = finish(shell.args(["-c", &script, "sh", printed]), b"");
            if (seen.code, seen.stdout.as_slice(), seen.stderr.len()) != (0, value, 0) {
                return Err(format!("{way} eval: {name} is {seen:?}, printed {printed:?}"));
            }
        }
    }
    Ok(())
}
