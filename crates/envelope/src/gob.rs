//! The body of a KMS token: one value of the gob format of Go's standard library.
//!
//! ```go
//! type kmsPayload struct {
//!     EncryptedDataKey []byte    // the data key, wrapped by AWS KMS
//!     Nonce            *[24]byte
//!     Message          []byte    // tag (16 bytes) and ciphertext, sealed with the data key
//! }
//! ```
//!
//! A gob describes itself: messages that define types come before the one that holds the value, and
//! fields are told by their names. The Go program always writes the same definitions, but reads any
//! that Go's decoder can match with the struct above, and so does [`decode()`]: what Go decodes without
//! an error is decoded, to the same three fields. All else is refused; the Go program went on with what
//! Go had filled in before the error. Four refusals are stricter than Go's:
//!
//! - a nonce that is left out, which made the Go program panic, and a message too short for its tag,
//!   which never opens;
//! - more than [`MOST_DEFINITIONS`] types and fields. The Go program writes five, and without a limit
//!   memory could grow to many times the body;
//! - fields that are not ours and hold values nested deeper than [`DEEPEST`], the number at which Go
//!   refuses nested types. The Go program writes no other fields.
//!
//! Nothing here looks into the parts: a wrapped key may have any length, none included.

mod decode;
mod encode;
mod reader;
mod types;

use std::ops::Range;

pub use decode::{DEEPEST, decode};
pub use encode::encode;
pub use types::MOST_DEFINITIONS;

/// Bytes of a nonce.
pub const NONCE: usize = 24;

/// Bytes of the shortest message, which is that of an empty secret: the tag alone.
pub const SHORTEST_MESSAGE: usize = 16;

/// What a KMS token holds, as places in its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The data key, wrapped by AWS KMS. It may be empty, which AWS KMS would refuse.
    pub wrapped_key: Range<usize>,
    /// The nonce, which does not stand in the body as it is: every byte over 127 takes two.
    pub nonce: [u8; NONCE],
    /// Tag and ciphertext, at least [`SHORTEST_MESSAGE`] bytes.
    pub message: Range<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Damage;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// A field of a struct: its name and the id of its type.
    type Field<'a> = (&'a str, i64);

    const OURS: [Field<'_>; 3] = [("EncryptedDataKey", 5), ("Nonce", 66), ("Message", 5)];

    fn uint(number: u64) -> Vec<u8> {
        match number {
            0..0x80 => vec![number as u8],
            _ => [&[0xf8][..], &number.to_be_bytes()].concat(),
        }
    }

    fn int(number: i64) -> Vec<u8> {
        uint((number << 1 ^ number >> 63).cast_unsigned())
    }

    fn counted(bytes: &[u8]) -> Vec<u8> {
        [&uint(bytes.len() as u64), bytes].concat()
    }

    fn definition(id: i64, wire_type: &[u8]) -> Vec<u8> {
        counted(&[&int(-id), wire_type].concat())
    }

    fn array(id: i64, item: i64, len: i64) -> Vec<u8> {
        definition(id, &[&[1, 2][..], &int(item), &[1], &int(len), &[0, 0]].concat())
    }

    fn slice(id: i64, item: i64) -> Vec<u8> {
        definition(id, &[&[2, 2][..], &int(item), &[0, 0]].concat())
    }

    fn map(id: i64, key: i64, value: i64) -> Vec<u8> {
        definition(id, &[&[4, 2][..], &int(key), &[1], &int(value), &[0, 0]].concat())
    }

    fn structure(id: i64, fields: &[Field<'_>]) -> Vec<u8> {
        let mut wire_type = [&[3, 2][..], &uint(fields.len() as u64)].concat();
        for (name, id) in fields {
            wire_type.extend([&[1][..], &counted(name.as_bytes()), &[1], &int(*id), &[0]].concat());
        }
        wire_type.extend([0, 0]);
        definition(id, &wire_type)
    }

    /// A gob with our three fields after one more, of the type `id`, with the value `extra`.
    fn with_extra(definitions: &[Vec<u8>], id: i64, extra: &[u8]) -> Vec<u8> {
        let fields = [&[("Extra", id)][..], &OURS].concat();
        let ours = [&[1, 1, b'k', 1, 24][..], &[7; 24], &[1, 16], &[9; 16], &[0]].concat();
        let value = counted(&[&int(65), &[1][..], extra, &ours].concat());
        [definitions.concat(), structure(65, &fields), array(66, 3, 24), value].concat()
    }

    /// A gob with our three fields and then `last`, at the very end of the message: nothing, or a
    /// distance of 1 and the value of a field of the type `id`.
    fn with_last(definitions: &[Vec<u8>], id: i64, last: &[u8]) -> Vec<u8> {
        let fields = [&OURS, &[("Extra", id)][..]].concat();
        let ours = [&[1, 1, b'k', 1, 24][..], &[7; 24], &[1, 16], &[9; 16]].concat();
        let value = counted(&[&int(65), &ours[..], last].concat());
        [definitions.concat(), structure(65, &fields), array(66, 3, 24), value].concat()
    }

    fn is_taken(gob: &[u8]) -> bool {
        match decode(gob) {
            Ok(payload) => {
                assert_eq!(gob[payload.wrapped_key], *b"k");
                assert_eq!(payload.nonce, [7; 24]);
                assert_eq!(gob[payload.message], [9; 16]);
                true
            }
            Err(damage) => {
                assert_eq!(damage, Damage::NotGob);
                false
            }
        }
    }

    #[test]
    fn passes_over_fields_of_every_type() {
        let numbers = [vec![5], vec![0xfe, 0x01, 0x00]];
        for id in 1..=4 {
            assert!(numbers.iter().all(|number| is_taken(&with_extra(&[], id, number))), "{id}");
        }
        assert!(is_taken(&with_extra(&[], 5, b"\x03abc")));
        assert!(is_taken(&with_extra(&[], 6, b"\x03abc")));
        assert!(is_taken(&with_extra(&[], 7, &[1, 2])));
        let interface = [&b"\x03abc"[..], &int(2), &[2, 0, 6]].concat();
        assert!(is_taken(&with_extra(&[], 8, &interface)));
        assert!(is_taken(&with_extra(&[array(70, 2, 2)], 70, &[2, 5, 6])));
        assert!(is_taken(&with_extra(&[slice(70, 6)], 70, b"\x02\x01a\x00")));
        assert!(is_taken(&with_extra(&[map(70, 6, 2)], 70, b"\x01\x01a\x05")));
        let nested = structure(71, &[("A", 2), ("B", 70)]);
        assert!(is_taken(&with_extra(&[slice(70, 71), nested], 70, &[2, 1, 9, 1, 0, 0, 0])));
        for kind in 5..=7 {
            assert!(is_taken(&with_extra(&[definition(70, &[kind, 0, 0])], 70, b"\x03abc")));
        }
    }

    #[test]
    fn refuses_fields_that_it_cannot_pass_over() {
        for id in [0, 9, 18, 63, 70, -5] {
            assert!(!is_taken(&with_extra(&[], id, &[0])), "undefined type {id}");
        }
        assert!(!is_taken(&with_extra(&[definition(70, &[0])], 70, &[0])), "no kind");
        assert!(!is_taken(&with_extra(&[slice(70, 71)], 70, &[0])), "items of no type");
        assert!(!is_taken(&with_extra(&[structure(70, &[("", 2)])], 70, &[0])), "no name");
        assert!(!is_taken(&with_extra(&[array(70, 2, 2)], 70, &[3, 1, 1, 1])), "another length");
        assert!(is_taken(&with_extra(&[array(70, 2, -1)], 70, &uint(u64::MAX))), "as Go");
        assert!(is_taken(&with_extra(&[slice(70, 2)], 70, &uint(u64::MAX))), "as Go");
        assert!(!is_taken(&with_extra(&[slice(70, 2)], 70, &uint(u64::MAX >> 1))), "too many");
        let fields = structure(70, &[("A", 2)]);
        assert!(!is_taken(&with_extra(&[fields], 70, &[2, 1])), "no such field");
        assert!(is_taken(&with_last(&[slice(70, 2)], 70, &[])), "left out");
        assert!(!is_taken(&with_last(&[definition(70, &[0])], 70, &[])), "no kind, left out");
    }

    #[test]
    fn refuses_broken_definitions_of_types_that_are_not_used() {
        let with_unused = |unused: &[Vec<u8>]| is_taken(&with_extra(unused, 2, &[0]));
        assert!(with_unused(&[slice(64, 71), definition(70, &[0])]), "referring to nothing");
        assert!(!with_unused(&[slice(70, 2), slice(70, 2)]), "twice");
        assert!(!with_unused(&[slice(63, 2)]), "an id of Go's own");
        assert!(!with_unused(&[slice(70, 2 + (1 << 32))]), "an item whose id does not fit");
        assert!(!with_unused(&[definition(70, &[8, 0, 0])]), "an unknown kind");
        assert!(!with_unused(&[definition(70, &[7, 0, 0, 0])]), "more than a definition");
        let fields = |count| definition(70, &[3, 2, count, 1, 1, b'A', 1, 4, 0]);
        assert!(with_unused(&[fields(1)]));
        assert!(!with_unused(&[fields(2)]), "a field less than was said");
    }

    #[test]
    fn a_definition_of_several_kinds_is_passed_over_as_the_first_in_gos_order() {
        // Array, map, slice, struct, and last those that encode themselves.
        let array = [&[1][..], &int(2), &[1], &int(2), &[0]].concat();
        let (slice, empty) = ([&[1][..], &int(6), &[0]].concat(), vec![0]);
        let map = [&[1][..], &int(2), &[1], &int(7), &[0]].concat();
        let own = vec![0];
        let kinds = [array, slice, empty, map, own];
        let of = |numbers: &[usize]| {
            let (mut wire_type, mut next) = (Vec::new(), 0);
            for &number in numbers {
                wire_type.push((number + 1 - next) as u8);
                // The common part is left out, so that the next part has the distance 2.
                let kind = &kinds[number];
                wire_type.extend(if kind.len() > 1 { &[2][..] } else { &[] });
                wire_type.extend(kind.strip_prefix(&[1]).unwrap_or(kind));
                next = number + 1;
            }
            wire_type.push(0);
            definition(70, &wire_type)
        };
        assert!(is_taken(&with_extra(&[of(&[0, 1, 2, 3, 4])], 70, &[2, 5, 5])));
        assert!(is_taken(&with_extra(&[of(&[1, 2, 3, 4])], 70, &[1, 5, 6, 7])));
        assert!(is_taken(&with_extra(&[of(&[1, 2, 4])], 70, &[1, 2, 8, 9])));
        assert!(is_taken(&with_extra(&[of(&[2, 4])], 70, &[0])));
        assert!(is_taken(&with_extra(&[of(&[4])], 70, &[1, 9])));
        // A nonce that encodes itself is no array any more.
        let nonce = [&[1, 2][..], &int(3), &[1], &int(24), &[0]].concat();
        for (more, taken) in [(&[0][..], true), (&[2, 0, 0], true), (&[4, 0, 0], false)] {
            let nonce = definition(66, &[&nonce[..], more].concat());
            let value = [&[1, 1, b'k', 1, 24][..], &[7; 24], &[1, 16], &[9; 16], &[0]].concat();
            let value = counted(&[&int(65), &value[..]].concat());
            assert_eq!(is_taken(&[structure(65, &OURS), nonce, value].concat()), taken, "{more:?}");
        }
    }

    #[test]
    fn counts_that_nothing_stands_for_take_no_time() {
        let empty = structure(71, &[]);
        let huge = uint(1 << 62);
        assert!(!is_taken(&with_extra(&[slice(70, 71), empty.clone()], 70, &huge)));
        assert!(!is_taken(&with_extra(&[array(70, 71, 1 << 62), empty.clone()], 70, &huge)));
        assert!(!is_taken(&with_extra(&[map(70, 71, 71), empty.clone()], 70, &huge)));
        // With the count at the end of the message, Go goes through all pairs and finds no error.
        let last = [&[1], &huge[..]].concat();
        assert!(is_taken(&with_last(&[map(70, 71, 71), empty.clone()], 70, &last)));
        assert!(!is_taken(&with_last(&[map(70, 71, 2), empty.clone()], 70, &last)));
        assert!(!is_taken(&with_last(&[map(70, 2, 71), empty.clone()], 70, &last)));
        assert!(!is_taken(&with_last(&[slice(70, 71), empty.clone()], 70, &last)));
        assert!(!is_taken(&with_last(&[array(70, 71, 1 << 62), empty], 70, &last)));
    }

    #[test]
    fn values_nest_as_deep_as_the_limit_says() {
        // A slice of itself: each 1 is one level more, and the 0 has none in it.
        for (depth, taken) in [(DEEPEST, true), (DEEPEST + 1, false), (10 * DEEPEST, false)] {
            let value = [vec![1; depth - 1], vec![0]].concat();
            assert_eq!(is_taken(&with_extra(&[slice(70, 70)], 70, &value)), taken, "{depth}");
        }
    }

    #[test]
    fn defines_as_much_as_the_limit_says() {
        // Two types and four fields are there already.
        for (types, taken) in [(MOST_DEFINITIONS - 6, true), (MOST_DEFINITIONS - 5, false)] {
            let types: Vec<_> = (0..types).map(|n| slice(70 + n as i64, 2)).collect();
            assert_eq!(is_taken(&with_extra(&types, 2, &[5])), taken, "{}", types.len());
        }
        let fields = vec![("F", 2); MOST_DEFINITIONS];
        assert!(!is_taken(&with_extra(&[structure(70, &fields)], 2, &[5])));
    }

    #[test]
    fn definitions_may_come_within_a_value() {
        // The first item brings its type along, the second is of that type, too. A type that comes
        // twice is refused wherever it stands.
        let inner = [&int(-80)[..], &[2, 2], &int(2), &[0, 0]].concat();
        let interface = |defined: &[u8]| [&b"\x01T"[..], defined, &int(80), &[3, 1, 1, 4]].concat();
        let items = [&[2][..], &interface(&[&inner[..], &[9]].concat()), &interface(&[])].concat();
        assert!(is_taken(&with_extra(&[slice(70, 8)], 70, &items)));
        let twice = interface(&[&inner[..], &[9]].concat());
        let items = [&[2][..], &twice, &twice].concat();
        assert!(!is_taken(&with_extra(&[slice(70, 8)], 70, &items)));
        // Where a message ends with the definition, the value goes on in the next one.
        let first = with_last(&[], 8, &[&[1, 1, b'T'], &inner[..]].concat());
        let second = counted(&[&int(80), &[3, 1, 1, 4, 0][..]].concat());
        assert!(!is_taken(&first));
        assert!(is_taken(&[first, second].concat()));
    }

    fn parts() -> impl Strategy<Value = (Vec<u8>, [u8; 24], Vec<u8>)> {
        (vec(any::<u8>(), 0..300), any::<[u8; 24]>(), vec(any::<u8>(), 16..300))
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded((wrapped_key, nonce, message) in parts()) {
            let gob = encode(&wrapped_key, &nonce, &message);
            let payload = decode(&gob).expect("what was just encoded");
            prop_assert_eq!(&gob[payload.wrapped_key.clone()], wrapped_key);
            prop_assert_eq!(payload.nonce, nonce);
            prop_assert_eq!(&gob[payload.message.clone()], message);
            prop_assert_eq!(encode(&gob[payload.wrapped_key], &nonce, &gob[payload.message]), gob);
        }

        #[test]
        fn a_cut_body_is_refused((wrapped_key, nonce, message) in parts(), cut in any::<proptest::sample::Index>()) {
            let gob = encode(&wrapped_key, &nonce, &message);
            prop_assert_eq!(decode(&gob[..cut.index(gob.len())]), Err(Damage::NotGob));
        }

        #[test]
        fn a_message_that_is_too_short_is_refused(message in vec(any::<u8>(), 0..16)) {
            prop_assert_eq!(decode(&encode(b"k", &[0; 24], &message)), Err(Damage::NotGob));
        }

        #[test]
        fn a_changed_body_gives_parts_of_itself_or_nothing(
            (wrapped_key, nonce, message) in parts(),
            changes in vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let mut gob = encode(&wrapped_key, &nonce, &message);
            for (at, byte) in changes {
                let at = at.index(gob.len());
                gob[at] = byte;
            }
            if let Ok(payload) = decode(&gob) {
                prop_assert!(payload.wrapped_key.end <= gob.len());
                prop_assert!(payload.message.end <= gob.len());
                prop_assert!(payload.message.len() >= SHORTEST_MESSAGE);
            }
        }
    }
}
