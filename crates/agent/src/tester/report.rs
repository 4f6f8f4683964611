//! What `agent secret` prints: the rights of the executable, and the handles with where they are used. The
//! agent prints handles and origins in any order; here they are sorted.

use std::fmt::Write as _;
use std::path::Path;

use super::AgentError;
use super::cache::Cache;

/// What it prints when there is no executable.
pub const DISABLED: &str = "No secret_backend_command set: secrets feature is not enabled\n";

/// The rights of an executable, as they are reported.
#[derive(Debug)]
pub struct Rights {
    /// The executable, as configured.
    pub command: String,
    /// Whether an agent runs it.
    pub verdict: Result<(), AgentError>,
    /// Mode, owner and group, or what there is instead.
    pub details: Details,
}

/// What is reported of a file beside the verdict, each as it is printed.
#[cfg(unix)]
#[derive(Debug, PartialEq, Eq)]
pub struct Details {
    /// `st_mode` in octal, or why it is not known.
    pub mode: Result<String, String>,
    /// The owner's name, or why it is not known.
    pub owner: String,
    /// The group's.
    pub group: String,
}

/// What is reported of a file beside the verdict.
#[cfg(windows)]
#[derive(Debug, PartialEq, Eq)]
pub struct Details {
    /// The file.
    pub path: String,
    /// Its access list, each entry as `SID Allow`, or why it is not known.
    pub list: Result<Vec<String>, String>,
}

#[cfg(windows)]
impl Details {
    /// Looks at the file at `path`.
    pub fn of(path: &Path) -> Self {
        use super::rights::windows::{Ace, Dacl};

        let list = match Dacl::of(path) {
            Dacl::Missing => Err("it does not exist".to_string()),
            Dacl::Unreadable(reason) => Err(reason),
            Dacl::Entries(entries) => {
                Ok(entries.iter().map(|Ace { kind, sid }| format!("{sid} {kind:?}")).collect())
            }
        };
        Self { path: path.display().to_string(), list }
    }
}

#[cfg(unix)]
impl Details {
    /// Looks at the file at `path`.
    pub fn of(path: &Path, accounts: &super::accounts::Accounts) -> Self {
        use std::os::unix::fs::MetadataExt;

        let file = std::fs::metadata(path);
        // Of what can't be looked at, owner and group are 0 to an agent.
        let (uid, gid) = file.as_ref().map_or((0, 0), |file| (file.uid(), file.gid()));
        let mode = file.map(|file| format!("{:o}", file.mode())).map_err(|error| {
            format!("Could not stat {}: {}", path.display(), super::reason(&error))
        });
        let owner = accounts.user_by_id(uid).map_or_else(
            || format!("could not fetch name for UID {uid}: user: unknown userid {uid}"),
            |user| user.name,
        );
        let group = accounts.group_name(gid).unwrap_or_else(|| {
            format!("could not fetch name for GID {gid}: group: unknown groupid {gid}")
        });
        Self { mode, owner, group }
    }
}

/// Writes the report.
pub fn text(rights: &Rights, cache: &Cache) -> String {
    let Rights { command, verdict, details } = rights;
    let mut text = String::from("=== Checking executable rights ===\n");
    let _ = writeln!(text, "Executable path: {command}");
    let _ = match verdict {
        Ok(()) => writeln!(text, "Check Rights: OK, the executable has the correct rights"),
        Err(error) => writeln!(text, "Check Rights: Error: {error}"),
    };
    text.push_str("\nRights Detail:\n");
    push_details(&mut text, details);
    text.push_str("\n=== Secrets stats ===\n");
    let handles = cache.origins();
    let _ = writeln!(text, "Number of secrets decrypted: {}", handles.len());
    text.push_str("Secrets handle decrypted:\n");
    for (handle, origins) in handles {
        let origins: Vec<&str> = origins.iter().map(String::as_str).collect();
        let _ = writeln!(text, "- {handle}: from {}", origins.join(", "));
    }
    text
}

#[cfg(unix)]
fn push_details(text: &mut String, details: &Details) {
    let Details { mode, owner, group } = details;
    let _ = match mode {
        Ok(mode) => writeln!(text, "file mode: {mode}"),
        Err(error) => writeln!(text, "{error}"),
    };
    let _ = write!(text, "Owner username: {owner}\nGroup name: {group}\n");
}

/// An agent prints what PowerShell's `get-acl` prints, of which this is the part that it judges.
#[cfg(windows)]
fn push_details(text: &mut String, Details { path, list }: &Details) {
    let _ = write!(text, "Acl list:\nstdout:\n\nPath   : {path}\n");
    match list {
        Ok(entries) => {
            let _ = writeln!(text, "Access : {}", entries.join("\n         "));
        }
        Err(reason) => {
            let _ = writeln!(text, "stderr:\n{reason}");
        }
    }
}
