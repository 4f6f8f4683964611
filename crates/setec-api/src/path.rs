//! The eight calls, and the right that each needs.

use std::fmt;

/// One of the eight calls, named by the path that it is made to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Path {
    /// Which secrets there are.
    List,
    /// A value.
    Get,
    /// The versions of a secret.
    Info,
    /// A new value, which is not active yet unless it is the first.
    Put,
    /// A new value under a number of the caller's choice, active at once.
    CreateVersion,
    /// Another active version.
    Activate,
    /// The end of a secret.
    Delete,
    /// The end of a version that is not active.
    DeleteVersion,
}

impl Path {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::List,
        Self::Get,
        Self::Info,
        Self::Put,
        Self::CreateVersion,
        Self::Activate,
        Self::Delete,
        Self::DeleteVersion,
    ];

    /// The path, as it stands in a request. It has no other spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "/api/list",
            Self::Get => "/api/get",
            Self::Info => "/api/info",
            Self::Put => "/api/put",
            Self::CreateVersion => "/api/create-version",
            Self::Activate => "/api/activate",
            Self::Delete => "/api/delete",
            Self::DeleteVersion => "/api/delete-version",
        }
    }

    /// The call to `path`, which is without a query.
    pub fn parse(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == path)
    }

    /// The right that the call needs on the name in it. A list needs none and shows what [`Action::Info`] allows.
    pub fn action(self) -> Option<Action> {
        Some(match self {
            Self::List => return None,
            Self::Get => Action::Get,
            Self::Info => Action::Info,
            Self::Put => Action::Put,
            Self::CreateVersion => Action::CreateVersion,
            Self::Activate => Action::Activate,
            Self::Delete | Self::DeleteVersion => Action::Delete,
        })
    }

    /// Whether the call leaves other secrets than it found, so that a reserved name can't be in it.
    pub fn is_change(self) -> bool {
        !matches!(self, Self::List | Self::Get | Self::Info)
    }

    /// Whether an empty name is refused before anybody's rights are looked at. To the other calls it is the name of
    /// a secret that does not exist.
    pub fn needs_name(self) -> bool {
        matches!(self, Self::Put | Self::CreateVersion | Self::Activate)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a rule can allow. None of them implies another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Read values.
    Get,
    /// See that there is a secret, and its versions.
    Info,
    /// Store a value.
    Put,
    /// Store a value under a number, and activate it.
    CreateVersion,
    /// Activate another version.
    Activate,
    /// Delete a secret or a version.
    Delete,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Get, Self::Info, Self::Put, Self::CreateVersion, Self::Activate, Self::Delete];

    /// Its name in rules and in the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Info => "info",
            Self::Put => "put",
            Self::CreateVersion => "create-version",
            Self::Activate => "activate",
            Self::Delete => "delete",
        }
    }

    /// The action of that name. A rule may have other words in it, which allow nothing.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_spelling() {
        for path in Path::ALL {
            assert_eq!(Path::parse(path.as_str()), Some(path));
        }
        for path in ["", "/", "/api/", "/api/get/", "/API/get", "/api/Get", "//api/get", "api/get"]
        {
            assert_eq!(Path::parse(path), None, "{path}");
        }
    }

    #[test]
    fn each_call_but_the_list_needs_one_right() {
        let rights = Path::ALL.map(|path| path.action().map_or("", Action::as_str));
        let expected = ["", "get", "info", "put", "create-version", "activate", "delete", "delete"];
        assert_eq!(rights, expected);
        for action in Action::ALL {
            assert_eq!(Action::parse(action.as_str()), Some(action));
        }
        for name in ["", "Get", "delete-version", "list", "*"] {
            assert_eq!(Action::parse(name), None, "{name}");
        }
    }
}
