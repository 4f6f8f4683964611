//! What is asked: the eight requests.
//!
//! They are read by Go's rules. The first JSON value of a body counts and nothing behind it, names match in any case,
//! of two equal ones the last counts, `null` changes nothing (but empties a value), and what is not known is passed
//! over. A missing name is empty, and a missing version is 0.

use secretary_secret::Secret;

use crate::json::{Bytes, Malformed, Member, Value, object};
use crate::path::Path;

/// A request, read for its path.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// To `/api/list`.
    List(List),
    /// To `/api/get`.
    Get(Get),
    /// To `/api/info`.
    Info(Info),
    /// To `/api/put`.
    Put(Put),
    /// To `/api/create-version`.
    CreateVersion(CreateVersion),
    /// To `/api/activate`.
    Activate(Activate),
    /// To `/api/delete`.
    Delete(Delete),
    /// To `/api/delete-version`.
    DeleteVersion(DeleteVersion),
}

/// `{}`
#[derive(Debug, Default, PartialEq, Eq)]
pub struct List;

/// `{"Name":"prod/db","Version":0,"UpdateIfChanged":false}`
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Get {
    /// The secret.
    pub name: String,
    /// What [`Self::wanted`] says of it.
    pub version: u32,
    /// What [`Self::wanted`] says of it.
    pub update_if_changed: bool,
}

/// `{"Name":"prod/db"}`
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// The secret.
    pub name: String,
}

/// `{"Name":"prod/db","Value":"aHVudGVyMg=="}`
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Put {
    /// The secret.
    pub name: String,
    /// The value.
    pub value: Secret,
}

/// `{"Name":"prod/db","Version":100,"Value":"aHVudGVyMg=="}`
#[derive(Debug, Default, PartialEq, Eq)]
pub struct CreateVersion {
    /// The secret.
    pub name: String,
    /// The number that the version is to have.
    pub version: u32,
    /// The value.
    pub value: Secret,
}

/// `{"Name":"prod/db","Version":2}`
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Activate {
    /// The secret.
    pub name: String,
    /// The version that is to be active.
    pub version: u32,
}

/// `{"Name":"prod/db"}`
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Delete {
    /// The secret.
    pub name: String,
}

/// `{"Name":"prod/db","Version":1}`
#[derive(Debug, Default, PartialEq, Eq)]
pub struct DeleteVersion {
    /// The secret.
    pub name: String,
    /// The version that is to be gone.
    pub version: u32,
}

/// The version that a [`Get`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The active one.
    Active,
    /// The one of that number.
    Version(u32),
    /// The active one, unless it is the one of that number. There need not be one, and need never have been.
    ActiveUnless(u32),
}

impl Get {
    /// The version that is wanted.
    pub fn wanted(&self) -> Wanted {
        match (self.version, self.update_if_changed) {
            (crate::NO_VERSION, _) => Wanted::Active,
            (version, true) => Wanted::ActiveUnless(version),
            (version, false) => Wanted::Version(version),
        }
    }
}

impl Request {
    /// Reads the body of a request to `path`.
    ///
    /// # Errors
    ///
    /// When it is none, for which a server answers [`crate::Refusal::Malformed`].
    pub fn decode(path: Path, body: &[u8]) -> Result<Self, Malformed> {
        let fields = Fields::read(path, body)?;
        let Fields { name, version, value, update_if_changed } = fields;
        let value = value.into_secret();
        Ok(match path {
            Path::List => Self::List(List),
            Path::Get => Self::Get(Get { name, version, update_if_changed }),
            Path::Info => Self::Info(Info { name }),
            Path::Put => Self::Put(Put { name, value }),
            Path::CreateVersion => Self::CreateVersion(CreateVersion { name, version, value }),
            Path::Activate => Self::Activate(Activate { name, version }),
            Path::Delete => Self::Delete(Delete { name }),
            Path::DeleteVersion => Self::DeleteVersion(DeleteVersion { name, version }),
        })
    }

    /// The path that it is a request to.
    pub fn path(&self) -> Path {
        match self {
            Self::List(_) => Path::List,
            Self::Get(_) => Path::Get,
            Self::Info(_) => Path::Info,
            Self::Put(_) => Path::Put,
            Self::CreateVersion(_) => Path::CreateVersion,
            Self::Activate(_) => Path::Activate,
            Self::Delete(_) => Path::Delete,
            Self::DeleteVersion(_) => Path::DeleteVersion,
        }
    }

    /// The body of it, as setec's client writes it: with every field, and in their order.
    pub fn encode(&self) -> Secret {
        let name = |name| ("Name", Member::Text(name));
        let version = |version| ("Version", Member::Number(version));
        let value = |value| ("Value", Member::Bytes(value));
        match self {
            Self::List(List) => object(&[]),
            Self::Get(get) => {
                let flag = ("UpdateIfChanged", Member::Flag(get.update_if_changed));
                object(&[name(&get.name), version(get.version), flag])
            }
            Self::Info(info) => object(&[name(&info.name)]),
            Self::Put(put) => object(&[name(&put.name), value(&put.value)]),
            Self::CreateVersion(new) => {
                object(&[name(&new.name), version(new.version), value(&new.value)])
            }
            Self::Activate(activate) => object(&[name(&activate.name), version(activate.version)]),
            Self::Delete(delete) => object(&[name(&delete.name)]),
            Self::DeleteVersion(delete) => object(&[name(&delete.name), version(delete.version)]),
        }
    }
}

/// All fields that there are in requests.
#[derive(Default)]
struct Fields {
    name: String,
    version: u32,
    value: Bytes,
    update_if_changed: bool,
}

impl Fields {
    /// Reads those that a request to `path` has. To it the others are unknown, and may hold anything.
    fn read(path: Path, body: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Self::default();
        let has_name = path != Path::List;
        let has_version =
            matches!(path, Path::Get | Path::CreateVersion | Path::Activate | Path::DeleteVersion);
        let has_value = matches!(path, Path::Put | Path::CreateVersion);
        let has_flag = path == Path::Get;
        Value::first(body)?.members(|name, value| {
            if has_name && name.is("Name") {
                value.set_text(&mut fields.name)
            } else if has_version && name.is("Version") {
                value.set_number(&mut fields.version)
            } else if has_value && name.is("Value") {
                fields.value.set(value)
            } else if has_flag && name.is("UpdateIfChanged") {
                value.set_flag(&mut fields.update_if_changed)
            } else {
                Ok(())
            }
        })?;
        Ok(fields)
    }
}
