//! Encoding: the very bytes that the Go program's encoder makes.

use super::NONCE;

/// The definitions, which are the same in every token: of the struct and of the nonce's type. They are
/// the first that the Go program makes, so their ids are 65 and 66. Structs name their fields by the
/// distance from the field before, and end with a zero.
const DEFINITIONS: [&[u8]; 15] = [
    b"\x44\xff\x81",                          // 68 bytes: the type 65 is
    b"\x03",                                  // a StructT,
    b"\x01\x01\x0akmsPayload",                // of this name,
    b"\x01\xff\x82\x00",                      // with the id 65
    b"\x01\x03",                              // and three fields:
    b"\x01\x10EncryptedDataKey",              //
    b"\x01\x0a\x00",                          // of type 5, []byte,
    b"\x01\x05Nonce",                         //
    b"\x01\xff\x84\x00",                      // of type 66,
    b"\x01\x07Message",                       //
    b"\x01\x0a\x00\x00\x00",                  // of type 5.
    b"\x19\xff\x83",                          // 25 bytes: the type 66 is
    b"\x01",                                  // an ArrayT,
    b"\x01\x01\x09[24]uint8\x01\xff\x84\x00", // of this name and id,
    b"\x01\x06\x01\x30\x00\x00",              // of type 3, uint, and 24 of them.
];

/// The body of a token: what [`super::decode()`] gives the parts of.
pub fn encode(wrapped_key: &[u8], nonce: &[u8; NONCE], message: &[u8]) -> Vec<u8> {
    let value = encode_value(wrapped_key, nonce, message);
    let mut body = DEFINITIONS.concat();
    body.reserve_exact(value.len() + 9);
    push_bytes(&mut body, &value);
    body
}

/// The message with the value: its type, and each field that is not empty. Arrays never are.
fn encode_value(wrapped_key: &[u8], nonce: &[u8; NONCE], message: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(wrapped_key.len() + message.len() + 80);
    value.extend(b"\xff\x82");
    if wrapped_key.is_empty() {
        push_uint(&mut value, 2);
    } else {
        push_uint(&mut value, 1);
        push_bytes(&mut value, wrapped_key);
        push_uint(&mut value, 1);
    }
    push_uint(&mut value, NONCE as u64);
    nonce.iter().for_each(|&byte| push_uint(&mut value, byte.into()));
    if !message.is_empty() {
        push_uint(&mut value, 1);
        push_bytes(&mut value, message);
    }
    push_uint(&mut value, 0);
    value
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    push_uint(out, bytes.len() as u64);
    out.extend(bytes);
}

/// Below 128 one byte, else a byte `256 - k` and the `k` bytes that the number needs, big-endian.
fn push_uint(out: &mut Vec<u8>, number: u64) {
    if number < 0x80 {
        return out.push(number as u8);
    }
    let bytes = number.to_be_bytes();
    let zeros = number.leading_zeros() as usize / 8;
    out.push((zeros as u8).wrapping_sub(8));
    out.extend(&bytes[zeros..]);
}
