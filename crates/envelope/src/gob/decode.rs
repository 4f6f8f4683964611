//! Decoding: from the messages of a gob to the three parts of a payload.

use super::reader::Reader;
use super::types::{Field, Fields, Id, Name, Shape, Types};
use super::{Payload, SHORTEST_MESSAGE};
use crate::token::Damage;

/// The most values inside each other that are passed over.
pub const DEEPEST: usize = 10_000;

/// Finds the parts of a payload in the decoded body of a token.
///
/// The time is linear in the length of the body, whatever is in it; memory is needed for definitions
/// and for nested values alone, and never a mebibyte of it.
pub fn decode(body: &[u8]) -> Result<Payload, Damage> {
    let mut decoder = Decoder { reader: Reader::new(body), types: Types::default() };
    let id = decoder.read_definitions()?;
    decoder.read_payload(id)
}

struct Decoder<'a> {
    reader: Reader<'a>,
    types: Types,
}

/// A value that is being passed over.
enum Open {
    /// A struct, and the lowest number its next field can have.
    Fields { fields: Fields, next: u32 },
    /// An array or a slice.
    Items { item: Id, left: u64 },
    /// A map, between two pairs.
    Pairs { key: Id, value: Id, left: u64 },
    /// A map, after a key.
    Value { key: Id, value: Id, left: u64 },
}

impl Decoder<'_> {
    /// Reads all definitions before the value, each in a message of its own: the value's type.
    fn read_definitions(&mut self) -> Result<Id, Damage> {
        loop {
            if let Some(value) = self.read_type()? {
                return Ok(value);
            }
            if !self.reader.at_end() {
                return Err(Damage::NotGob);
            }
        }
    }

    /// The same inside a value. Definitions and value may stand in one message here, and each has then
    /// its length before it, which nobody needs.
    fn read_inner_definitions(&mut self) -> Result<(), Damage> {
        while self.read_type()?.is_none() {
            if !self.reader.at_end() {
                self.reader.uint()?;
            }
        }
        Ok(())
    }

    /// The type of the value that begins here, or `None` if it was a definition that is now read.
    fn read_type(&mut self) -> Result<Option<Id>, Damage> {
        if self.reader.at_end() {
            self.reader.next_message()?;
        }
        // Go cuts it, too: 65 and 65 + 2^32 are the same type.
        let id = self.reader.int()? as Id;
        if id >= 0 {
            return Ok(Some(id));
        }
        self.types.define(id.wrapping_neg(), &mut self.reader)?;
        Ok(None)
    }

    fn read_payload(&mut self, id: Id) -> Result<Payload, Damage> {
        let fields = self.types.payload_fields(id)?;
        let (mut wrapped_key, mut nonce, mut message) = (0..0, None, 0..0);
        let mut next = 0;
        while let Some(number) = self.reader.field(&mut next, fields.count)? {
            // Of two fields with the same name the later one is kept, as in Go.
            match self.types.field(fields, number) {
                Field { name: Name::WrappedKey, .. } => wrapped_key = self.reader.counted()?,
                Field { name: Name::Nonce, .. } => nonce = Some(self.reader.nonce()?),
                Field { name: Name::Message, .. } => message = self.reader.counted()?,
                Field { id, .. } => self.pass_over(id)?,
            }
        }
        let nonce = nonce.ok_or(Damage::NotGob)?;
        if message.len() < SHORTEST_MESSAGE {
            return Err(Damage::NotGob);
        }
        Ok(Payload { wrapped_key, nonce, message })
    }

    /// Passes over a value of a type that is not ours. The values around the one that is read stand in
    /// a list, because a call for each would end the program where the stack does.
    fn pass_over(&mut self, id: Id) -> Result<(), Damage> {
        let mut around = Vec::new();
        let mut inner = Some(id);
        loop {
            if let Some(id) = inner {
                around.extend(self.begin(id)?);
            }
            if around.len() > DEEPEST {
                return Err(Damage::NotGob);
            }
            let Some(open) = around.last_mut() else { return Ok(()) };
            inner = self.go_on(open)?;
            if inner.is_none() {
                around.pop();
            }
        }
    }

    /// Reads a value, or if there are values in it, only what stands before them.
    fn begin(&mut self, id: Id) -> Result<Option<Open>, Damage> {
        match self.types.shape(id)? {
            Shape::Number => self.reader.uint().map(|_| None),
            Shape::Complex => self.reader.uint().and_then(|_| self.reader.uint()).map(|_| None),
            Shape::Bytes => self.reader.counted().map(|_| None),
            Shape::Interface => self.read_interface().map(|()| None),
            Shape::Array { item, len } => {
                // Go compares before it looks at the sign, so a negative length is none.
                if self.reader.uint()? != len.cast_unsigned() {
                    return Err(Damage::NotGob);
                }
                Ok(Some(Open::Items { item, left: u64::try_from(len).unwrap_or(0) }))
            }
            Shape::Slice { item } => Ok(Some(Open::Items { item, left: self.reader.count()? })),
            Shape::Map { key, value } => {
                Ok(Some(Open::Pairs { key, value, left: self.reader.count()? }))
            }
            Shape::Struct(fields) => Ok(Some(Open::Fields { fields, next: 0 })),
            Shape::Nothing => Err(Damage::NotGob),
        }
    }

    /// The type of the next value inside this one, or `None` at its end. With something left of the
    /// message, each such value takes at least a byte, so there are not more of them than bytes.
    fn go_on(&mut self, open: &mut Open) -> Result<Option<Id>, Damage> {
        match *open {
            Open::Fields { fields, ref mut next } => {
                let number = self.reader.field(next, fields.count)?;
                Ok(number.map(|number| self.types.field(fields, number).id))
            }
            Open::Items { left: 0, .. } | Open::Pairs { left: 0, .. } => Ok(None),
            Open::Items { .. } if self.reader.at_end() => Err(Damage::NotGob),
            Open::Items { item, ref mut left } => {
                *left -= 1;
                Ok(Some(item))
            }
            Open::Pairs { key, value, .. } if self.reader.at_end() => self.empty_pairs(key, value),
            Open::Pairs { key, value, left } => {
                *open = Open::Value { key, value, left: left - 1 };
                Ok(Some(key))
            }
            Open::Value { key, value, left } => {
                *open = Open::Pairs { key, value, left };
                Ok(Some(value))
            }
        }
    }

    /// At the end of a message Go reads a struct without fields as often as it is told to, which may be
    /// for hours. What comes of it is known at once.
    fn empty_pairs(&self, key: Id, value: Id) -> Result<Option<Id>, Damage> {
        match (self.types.shape(key)?, self.types.shape(value)?) {
            (Shape::Struct(_), Shape::Struct(_)) => Ok(None),
            _ => Err(Damage::NotGob),
        }
    }

    /// The name of a type, definitions, the value's type, and the value with its length before it. Any
    /// of these may be the first of a new message.
    fn read_interface(&mut self) -> Result<(), Damage> {
        self.reader.counted()?;
        self.read_inner_definitions()?;
        self.reader.counted().map(|_| ())
    }
}
