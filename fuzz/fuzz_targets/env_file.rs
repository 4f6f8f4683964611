//! Files with variables: any bytes are read or refused, and what we write ourselves is read back.
#![no_main]

use std::ffi::OsStr;

use libfuzzer_sys::fuzz_target;
use secretary::env_file::parse;
use secretary::format::Format;
use secretary_secret::Secret;

fuzz_target!(|input: &[u8]| {
    any_file_is_read_or_refused(input);
    let mut values = input.splitn(2, |&byte| byte == 0);
    let both = [values.next(), values.next()].map(Option::unwrap_or_default);
    what_is_printed_is_read_back(both);
});

fn any_file_is_read_or_refused(file: &[u8]) {
    match parse(file) {
        Ok(variables) => {
            let names: Vec<_> = variables.iter().map(|(name, _)| name.as_encoded_bytes()).collect();
            for (number, name) in names.iter().enumerate() {
                assert!(!name.is_empty() && !name.contains(&b'='));
                assert!(!names[..number].contains(name), "each name comes once");
            }
        }
        Err(bad) => {
            let lines = file.iter().filter(|&&byte| byte == b'\n').count() + 1;
            assert!((1..=lines).contains(&bad.line));
        }
    }
}

/// The values stand one behind the other, so that one that is not closed would swallow the next.
fn what_is_printed_is_read_back(values: [&[u8]; 2]) {
    let names = ["A", "B_2"].map(OsStr::new);
    let variables = names.into_iter().zip(values.map(Secret::from)).collect::<Vec<_>>();
    let can_be_expressed =
        values.iter().all(|value| !value.contains(&0) && str::from_utf8(value).is_ok());
    let expected: Vec<_> = names.into_iter().zip(values).collect();
    for format in [Format::Systemd, Format::Dotenv] {
        let printed = format.print(&variables, false);
        // Readers of dotenv files disagree on some values, so that format may refuse more.
        if format == Format::Systemd || !can_be_expressed {
            assert_eq!(printed.is_ok(), can_be_expressed);
        }
        let Ok(printed) = printed else { continue };
        let read = parse(printed.body.expose()).expect("our own text");
        let read = read.iter().map(|(name, value)| (name, value.as_encoded_bytes()));
        assert_eq!(read.collect::<Vec<_>>(), expected, "{format:?}");
    }
}
