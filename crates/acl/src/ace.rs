//! The entries of an access control list.

use crate::sid::Sid;

/// What an entry does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It allows something.
    Allow,
    /// It denies something.
    Deny,
    /// It does something else: with conditions, for parts of an object, for the system's own log.
    Other,
}

/// An entry: somebody, and what is done for them. Which rights it is about is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ace {
    /// What it does.
    pub kind: Kind,
    /// Whom it is about; [`Sid::nobody`] for [`Kind::Other`], where each kind has them in another place.
    pub sid: Sid,
}

/// The bytes are no access control list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the access control list is malformed")]
pub struct MalformedAcl;

impl Ace {
    /// Reads all entries of a list as the system lays it out, in order.
    ///
    /// ```text
    /// 02 00        revision, padding
    /// 34 00        bytes of the list
    /// 02 00 00 00  how many entries, padding
    ///   00 10      each entry: its kind, flags
    ///   18 00      bytes of it
    ///   ff 01 1f 00  which rights
    ///   01 02 ..   who, as `Sid::from_bytes` reads it
    /// ```
    ///
    /// # Errors
    ///
    /// When an entry does not end within the list, or who it is about not within it.
    pub fn all_of(list: &[u8]) -> Result<Vec<Self>, MalformedAcl> {
        let (head, mut rest) = list.split_first_chunk::<8>().ok_or(MalformedAcl)?;
        let count = u16::from_le_bytes([head[4], head[5]]);
        let mut all = Vec::with_capacity(count.into());
        for _ in 0..count {
            let (head, _) = rest.split_first_chunk::<4>().ok_or(MalformedAcl)?;
            let size = u16::from_le_bytes([head[2], head[3]]);
            let size = usize::from(size).max(head.len());
            let (entry, others) = rest.split_at_checked(size).ok_or(MalformedAcl)?;
            all.push(Self::from_bytes(entry)?);
            rest = others;
        }
        Ok(all)
    }

    fn from_bytes(entry: &[u8]) -> Result<Self, MalformedAcl> {
        let kind = match entry[0] {
            0 => Kind::Allow,
            1 => Kind::Deny,
            _ => return Ok(Self { kind: Kind::Other, sid: Sid::nobody() }),
        };
        let who = entry.get(8..).ok_or(MalformedAcl)?;
        let sid = Sid::from_bytes(who).map_err(|_| MalformedAcl)?;
        Ok(Self { kind, sid })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Denies Everyone, allows Administrators by inheritance, and has an entry with a condition.
    const LIST: [u8; 64] = [
        2, 0, 64, 0, 3, 0, 0, 0, // list
        1, 0, 20, 0, 255, 1, 31, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, // deny
        9, 0, 12, 0, 255, 1, 31, 0, 1, 1, 0, 0, // condition
        0, 16, 24, 0, 255, 1, 31, 0, 1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0,
        0, // allow
    ];

    #[test]
    fn entries_are_read_in_order() {
        let everyone = "S-1-1-0".parse().expect("a SID");
        let expected = [
            Ace { kind: Kind::Deny, sid: everyone },
            Ace { kind: Kind::Other, sid: Sid::nobody() },
            Ace { kind: Kind::Allow, sid: Sid::administrators() },
        ];
        assert_eq!(Ace::all_of(&LIST).expect("a list"), expected);
        assert_eq!(
            Ace::all_of(&LIST[..8].iter().map(|b| b & 0xfc).collect::<Vec<_>>()),
            Ok(vec![])
        );
    }

    #[test]
    fn a_list_that_ends_too_early_is_refused() {
        for end in 0..LIST.len() {
            assert_eq!(Ace::all_of(&LIST[..end]), Err(MalformedAcl), "{end} bytes");
        }
    }

    #[test]
    fn an_entry_without_room_for_who_it_is_about_is_refused() {
        for size in 0..20 {
            let mut list = LIST;
            list[10] = size;
            assert_eq!(Ace::all_of(&list), Err(MalformedAcl), "{size} bytes");
        }
    }
}
