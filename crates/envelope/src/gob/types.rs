//! The types that a gob defines before its value, and which of them a KMS token may have.

use std::collections::BTreeMap;

use super::NONCE;
use super::reader::Reader;
use crate::token::Damage;

/// The most types and fields together that a gob may define.
pub const MOST_DEFINITIONS: usize = 4096;

/// The number by which a gob names a type.
pub(super) type Id = i32;

const UINT: Id = 3;
const BYTES: Id = 5;
const FIRST_DEFINED: Id = 64;

/// What the values of a type are made of, which is all that it takes to pass over them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// A type that was defined as nothing. No value has it.
    Nothing,
    /// A number, also a truth value or a float.
    Number,
    /// Two numbers.
    Complex,
    /// A length and as many bytes: text, or what some other format left.
    Bytes,
    /// A value that brings its type along.
    Interface,
    /// A length that is always the same, and as many values.
    Array { item: Id, len: i64 },
    /// A length and as many values.
    Slice { item: Id },
    /// A length and as many pairs.
    Map { key: Id, value: Id },
    /// Numbered fields.
    Struct(Fields),
}

/// Places in the list of all fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    from: u32,
    pub(super) count: u32,
}

/// A field of a struct.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) name: Name,
    pub(super) id: Id,
}

/// What counts of a field's name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Name {
    /// No struct that is used may have a field without a name.
    Empty,
    WrappedKey,
    Nonce,
    Message,
    Other,
}

/// A defined type. A definition may be of several kinds at once, which no encoder makes and Go's
/// decoder takes: it passes over a value by the first kind and reads one by the kind it needs.
struct Definition {
    shape: Shape,
    fields: Option<Fields>,
    /// Whether it is also of a kind that encodes itself, whatever else it is.
    encodes_itself: bool,
    checked: bool,
}

/// All types known so far.
#[derive(Default)]
pub(super) struct Types {
    defined: BTreeMap<Id, Definition>,
    fields: Vec<Field>,
}

impl Types {
    /// Reads what the type `id` is.
    pub(super) fn define(&mut self, id: Id, reader: &mut Reader<'_>) -> Result<(), Damage> {
        if id < FIRST_DEFINED || self.defined.contains_key(&id) {
            return Err(Damage::NotGob);
        }
        let definition = self.read_definition(reader)?;
        self.defined.insert(id, definition);
        self.limit()
    }

    /// What the values of the type are made of.
    pub(super) fn shape(&self, id: Id) -> Result<Shape, Damage> {
        match id {
            1..=4 => Ok(Shape::Number), // bool, int, uint, float
            5..=6 => Ok(Shape::Bytes),  // []byte, string
            7 => Ok(Shape::Complex),
            8 => Ok(Shape::Interface),
            _ => self.defined.get(&id).map(|known| known.shape).ok_or(Damage::NotGob),
        }
    }

    /// The field with the number `number` of a struct. It is less than `fields.count`.
    pub(super) fn field(&self, fields: Fields, number: u32) -> Field {
        self.fields[(fields.from + number) as usize]
    }

    /// The fields of a struct that a payload can be read from. As Go does, this looks at all fields
    /// before any value: ours must have our types, and others must be possible to pass over.
    pub(super) fn payload_fields(&mut self, id: Id) -> Result<Fields, Damage> {
        let fields = self.defined.get(&id).and_then(|known| known.fields).ok_or(Damage::NotGob)?;
        for number in 0..fields.count {
            let Field { name, id } = self.field(fields, number);
            match name {
                Name::WrappedKey | Name::Message if id == BYTES => {}
                Name::Nonce if self.is_nonce(id) => {}
                Name::Other => self.check(id)?,
                _ => return Err(Damage::NotGob),
            }
        }
        Ok(fields)
    }

    fn is_nonce(&self, id: Id) -> bool {
        self.defined.get(&id).is_some_and(|known| {
            let is_array =
                matches!(known.shape, Shape::Array { item: UINT, len } if len == NONCE as i64);
            is_array && !known.encodes_itself
        })
    }

    /// Refuses a type that can't be passed over, or that refers to one, in as many steps as there are
    /// definitions.
    fn check(&mut self, id: Id) -> Result<(), Damage> {
        let mut unchecked = vec![id];
        while let Some(id) = unchecked.pop() {
            match self.shape(id)? {
                Shape::Nothing => return Err(Damage::NotGob),
                Shape::Number | Shape::Complex | Shape::Bytes | Shape::Interface => continue,
                _ if self.is_checked(id) => continue,
                Shape::Array { item, .. } | Shape::Slice { item } => unchecked.push(item),
                Shape::Map { key, value } => unchecked.extend([key, value]),
                Shape::Struct(fields) => {
                    for number in 0..fields.count {
                        let Field { name, id } = self.field(fields, number);
                        if matches!(name, Name::Empty) {
                            return Err(Damage::NotGob);
                        }
                        unchecked.push(id);
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the type was asked for before.
    fn is_checked(&mut self, id: Id) -> bool {
        let known = self.defined.get_mut(&id);
        known.is_none_or(|known| std::mem::replace(&mut known.checked, true))
    }

    fn limit(&self) -> Result<(), Damage> {
        let definitions = self.defined.len() + self.fields.len();
        if definitions > MOST_DEFINITIONS { Err(Damage::NotGob) } else { Ok(()) }
    }
}

/// Reading definitions: values of Go's `wireType` and of what it refers to.
impl Types {
    /// `wireType{ArrayT, SliceT, StructT, MapT, GobEncoderT, BinaryMarshalerT, TextMarshalerT}`
    fn read_definition(&mut self, reader: &mut Reader<'_>) -> Result<Definition, Damage> {
        let (mut array, mut slice, mut map) = (None, None, None);
        let (mut fields, mut encodes_itself) = (None, false);
        let mut next = 0;
        while let Some(kind) = reader.field(&mut next, 7)? {
            match kind {
                0 => array = Some(read_array(reader)?),
                1 => slice = Some(read_slice(reader)?),
                2 => fields = Some(self.read_struct(reader)?),
                3 => map = Some(read_map(reader)?),
                _ => {
                    read_self_encoding(reader)?;
                    encodes_itself = true;
                }
            }
        }
        let last = if encodes_itself { Shape::Bytes } else { Shape::Nothing };
        let shape = array.or(map).or(slice).or(fields.map(Shape::Struct)).unwrap_or(last);
        Ok(Definition { shape, fields, encodes_itself, checked: false })
    }

    /// `structType{CommonType; Field []fieldType}`
    fn read_struct(&mut self, reader: &mut Reader<'_>) -> Result<Fields, Damage> {
        let from = self.fields.len();
        let mut next = 0;
        while let Some(part) = reader.field(&mut next, 2)? {
            match part {
                0 => read_common(reader)?,
                _ => self.read_fields(reader)?,
            }
        }
        // The limit keeps both far below what fits.
        Ok(Fields { from: from as u32, count: (self.fields.len() - from) as u32 })
    }

    fn read_fields(&mut self, reader: &mut Reader<'_>) -> Result<(), Damage> {
        for _ in 0..reader.uint()? {
            // The values of a struct may end with the message, but there must be something to begin.
            if reader.at_end() {
                return Err(Damage::NotGob);
            }
            let field = read_field(reader)?;
            self.fields.push(field);
            self.limit()?;
        }
        Ok(())
    }
}

/// `fieldType{Name string; Id typeId}`
fn read_field(reader: &mut Reader<'_>) -> Result<Field, Damage> {
    let mut field = Field { name: Name::Empty, id: 0 };
    let mut next = 0;
    while let Some(part) = reader.field(&mut next, 2)? {
        match part {
            0 => field.name = name(reader.text()?),
            _ => field.id = read_id(reader)?,
        }
    }
    Ok(field)
}

fn name(text: &[u8]) -> Name {
    match text {
        b"" => Name::Empty,
        b"EncryptedDataKey" => Name::WrappedKey,
        b"Nonce" => Name::Nonce,
        b"Message" => Name::Message,
        _ => Name::Other,
    }
}

/// `arrayType{CommonType; Elem typeId; Len int}`
fn read_array(reader: &mut Reader<'_>) -> Result<Shape, Damage> {
    let (mut item, mut len) = (0, 0);
    let mut next = 0;
    while let Some(part) = reader.field(&mut next, 3)? {
        match part {
            0 => read_common(reader)?,
            1 => item = read_id(reader)?,
            _ => len = reader.int()?,
        }
    }
    Ok(Shape::Array { item, len })
}

/// `sliceType{CommonType; Elem typeId}`
fn read_slice(reader: &mut Reader<'_>) -> Result<Shape, Damage> {
    let mut item = 0;
    let mut next = 0;
    while let Some(part) = reader.field(&mut next, 2)? {
        match part {
            0 => read_common(reader)?,
            _ => item = read_id(reader)?,
        }
    }
    Ok(Shape::Slice { item })
}

/// `mapType{CommonType; Key, Elem typeId}`
fn read_map(reader: &mut Reader<'_>) -> Result<Shape, Damage> {
    let (mut key, mut value) = (0, 0);
    let mut next = 0;
    while let Some(part) = reader.field(&mut next, 3)? {
        match part {
            0 => read_common(reader)?,
            1 => key = read_id(reader)?,
            _ => value = read_id(reader)?,
        }
    }
    Ok(Shape::Map { key, value })
}

/// `gobEncoderType{CommonType}`
fn read_self_encoding(reader: &mut Reader<'_>) -> Result<(), Damage> {
    let mut next = 0;
    while reader.field(&mut next, 1)?.is_some() {
        read_common(reader)?;
    }
    Ok(())
}

/// `CommonType{Name string; Id typeId}`, neither of which means anything to a decoder.
fn read_common(reader: &mut Reader<'_>) -> Result<(), Damage> {
    let mut next = 0;
    while let Some(part) = reader.field(&mut next, 2)? {
        match part {
            0 => reader.counted().map(|_| ())?,
            _ => read_id(reader).map(|_| ())?,
        }
    }
    Ok(())
}

/// Where an id is a field of a definition, one that does not fit is an error.
fn read_id(reader: &mut Reader<'_>) -> Result<Id, Damage> {
    Id::try_from(reader.int()?).map_err(|_| Damage::NotGob)
}
