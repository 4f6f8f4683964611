//! What is written of a change, a note and a header.

use rusqlite::{Connection, OptionalExtension};

use super::super::index::{Done, Index, SecretId};
use super::super::places::Place;
use super::super::{Note, Outcome};
use crate::record::{Change, Revision, Standing};
use crate::seal::Header;

pub(super) fn write_change(
    connection: &Connection,
    index: &Index,
    before: Revision,
    Done { name, id: SecretId(id), change, place }: Done<'_>,
) -> rusqlite::Result<()> {
    let run = |statement: &str, parameters: &[&dyn rusqlite::ToSql]| {
        connection.prepare_cached(statement)?.execute(parameters).map(drop)
    };
    let activate = "UPDATE secrets SET active = ?2 WHERE id = ?1";
    match change {
        Change::Add(addition, sealed) => {
            let version = addition.version().number();
            if before == Revision::ABSENT {
                let insert =
                    "INSERT INTO secrets (id, name, active, latest) VALUES (?1, ?2, ?3, ?3)";
                run(insert, &[&id, &name, &version])?;
            } else if addition.standing() == Standing::Active {
                run(activate, &[&id, &version])?;
            }
            let place = place.map(|place| place.0);
            let insert =
                "INSERT INTO versions (place, secret, version, sealed) VALUES (?1, ?2, ?3, ?4)";
            run(insert, &[&place, &id, &version, &sealed.as_bytes()])
        }
        Change::Activate(version) => run(activate, &[&id, &version.number()]),
        Change::DeleteVersion(version) => {
            let empty = "UPDATE versions SET sealed = NULL WHERE place = ?1";
            run(empty, &[&index.place(name, *version).map(|place| place.0)])
        }
        Change::Delete => {
            for Place(place) in index.places(name) {
                run("DELETE FROM versions WHERE place = ?1", &[&place])?;
            }
            run("DELETE FROM secrets WHERE id = ?1", &[&id])
        }
    }
}

pub(super) fn write_note(connection: &Connection, note: &Note) -> rusqlite::Result<()> {
    if !note.is_needed() {
        return Ok(());
    }
    // Two of one number are of the same line, unless somebody has put another log in the place of the first.
    let insert = "INSERT OR REPLACE INTO notes (line, hash, event, entry) VALUES (?1, ?2, ?3, ?4)";
    let values = (number(note.line.seq), note.line.hash.to_string(), &note.event, &note.entry);
    connection.prepare_cached(insert)?.execute(values).map(drop)
}

pub(super) fn forget_notes(connection: &Connection, through: u64) -> rusqlite::Result<()> {
    let delete = "DELETE FROM notes WHERE line <= ?1";
    connection.prepare_cached(delete)?.execute([number(through)]).map(drop)
}

/// As SQLite has it. A log with as many lines would take longer than there is time.
fn number(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

pub(super) fn replace_header(
    connection: &Connection,
    expected: Option<&Header>,
    header: &Header,
) -> rusqlite::Result<Outcome> {
    let body = "SELECT body FROM header";
    let before = connection.query_row(body, [], |row| row.get::<_, String>(0)).optional()?;
    if before != expected.map(Header::to_json) {
        return Ok(Outcome::Conflict);
    }
    let replace = "INSERT OR REPLACE INTO header (only, body) VALUES (1, ?1)";
    connection.execute(replace, [header.to_json()])?;
    Ok(Outcome::Committed)
}
