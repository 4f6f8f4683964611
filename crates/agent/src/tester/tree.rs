//! The files of an agent's configuration, found and read as it does, and what it resolves of each.
//!
//! An agent resolves secrets in sections: the main configuration as one, and of a check its `init_config`, each
//! instance, its metrics and its logs, each written anew as a text of its own before it looks for secrets.

use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use super::AgentError;
use super::check::{self, Check};
use super::hints::{self, Hint};
use crate::yaml::{Document, LONGEST_TEXT, Value};
use secretary_secret::Secret;

/// The main files by name, the first that is there counts.
pub const MAIN_FILES: [&str; 2] = ["stackstate.yaml", "datadog.yaml"];
/// Main files of other programs of the agent's. Each resolves its secrets with its file's name as their origin.
const OTHER_MAIN_FILES: [&str; 4] =
    ["stackstate-cluster.yaml", "datadog-cluster.yaml", "system-probe.yaml", "security-agent.yaml"];

/// A main configuration.
#[derive(Debug)]
pub struct Main {
    /// Its file's name, which is what an agent calls its secrets' origin.
    pub origin: String,
    /// Where it is.
    pub path: PathBuf,
    /// The bytes, which stay as they are when no secret is in them.
    pub text: Secret,
    /// What they mean, or what an agent says that they don't.
    pub root: Result<Value, AgentError>,
    /// Why an agent does not start with it, whatever its secrets are.
    pub refused: Option<AgentError>,
}

/// All that was found.
#[derive(Debug, Default)]
pub struct Tree {
    /// Main configurations: one, unless more are named.
    pub mains: Vec<Main>,
    /// Checks in the order an agent gets to them.
    pub checks: Vec<Check>,
    /// Files of checks that an agent does not take, by the check's name, and why.
    pub refused: Vec<Refused>,
    /// What is worth knowing about the files.
    pub hints: Vec<Hint>,
    defaults: Vec<Check>,
    /// Checks that have a file of their own, so that a default one does not count.
    configured: Vec<String>,
}

/// A file of a check that an agent does not take.
#[derive(Debug)]
pub struct Refused {
    /// The check it would have been of.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// What an agent says about it.
    pub error: AgentError,
    /// Whether it is nothing but a file without contents.
    pub is_empty: bool,
}

/// A path that was named and can't be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {}", path.display(), super::reason(reason))]
pub struct Unreadable {
    /// The path.
    pub path: PathBuf,
    /// Why.
    pub reason: io::Error,
}

impl Tree {
    /// Reads what is at `paths`: folders of an agent, with a main file and `conf.d`; folders like `conf.d`; or
    /// single files.
    ///
    /// # Errors
    ///
    /// A path that can't be read. Files that were not named but found are only reported.
    pub fn read(paths: &[PathBuf]) -> Result<Self, Unreadable> {
        let mut tree = Self::default();
        for path in paths {
            let unreadable = |reason| Unreadable { path: path.clone(), reason };
            let is_folder = fs::metadata(path).map_err(unreadable)?.is_dir();
            match is_folder {
                true => tree.folder(path).map_err(unreadable)?,
                false => tree.named_file(path).map_err(unreadable)?,
            }
        }
        // Defaults come after everything else, and only for checks without a file of their own.
        for check in std::mem::take(&mut tree.defaults) {
            if !tree.configured.contains(&check.name) {
                tree.checks.push(check);
            }
        }
        Ok(tree)
    }

    fn folder(&mut self, path: &Path) -> io::Result<()> {
        let main = MAIN_FILES.iter().map(|name| path.join(name)).find(|file| file.is_file());
        let checks = path.join("conf.d");
        let is_agents = main.is_some() || checks.is_dir();
        if let Some(main) = main {
            self.main(&main)?;
        }
        match (is_agents, checks.is_dir()) {
            (true, true) => self.checks_in(&checks),
            (true, false) => Ok(()),
            (false, _)
                if path.extension().is_some_and(|extension| extension == "d")
                    && path.file_name().is_some_and(|name| name != "conf.d") =>
            {
                self.check_folder(path)
            }
            (false, _) => self.checks_in(path),
        }
    }

    fn named_file(&mut self, path: &Path) -> io::Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if MAIN_FILES.contains(&name.as_str()) || OTHER_MAIN_FILES.contains(&name.as_str()) {
            return self.main(path);
        }
        let text = read(path)?;
        let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        let check = match folder.strip_suffix(".d") {
            Some(check) if folder != "conf.d" => check.to_string(),
            _ => name
                .trim_end_matches(".default")
                .rsplit_once('.')
                .map_or(name.clone(), |(stem, _)| stem.to_string()),
        };
        if let Some(check) = self.check(&check, path, &text) {
            self.checks.push(check);
        }
        Ok(())
    }

    fn main(&mut self, path: &Path) -> io::Result<()> {
        let text = read(path)?;
        let origin = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let root = match Document::parse(text.expose()) {
            Ok(document) => Ok(document.root),
            Err(error) => {
                self.hints.extend(hints::of_broken(path, text.expose()));
                Err(AgentError::new(format!("could not Unmarshal config: {error}")))
            }
        };
        if let Ok(root) = &root {
            self.hints.extend(hints::of_main(path, root));
        }
        let refused = root.as_ref().ok().and_then(check::refused_as_main);
        self.mains.push(Main { origin, path: path.to_path_buf(), text, root, refused });
        Ok(())
    }

    fn checks_in(&mut self, folder: &Path) -> io::Result<()> {
        for entry in sorted(folder)? {
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_dir() {
                // What is not called NAME.d is passed over.
                if name.ends_with(".d") {
                    let path = entry.path();
                    if let Err(error) = self.check_folder(&path) {
                        self.hints.push(Hint::at(
                            &path,
                            format!(
                                "it can't be read, so an agent passes over it: {}",
                                super::reason(&error)
                            ),
                            "give the agent's user the right to read it",
                        ));
                    }
                }
                continue;
            }
            // Metrics without a check they belong to are not collected.
            if !matches!(name.as_str(), "metrics.yaml" | "metrics.yml") {
                self.file(&entry, None);
            }
        }
        Ok(())
    }

    fn check_folder(&mut self, folder: &Path) -> io::Result<()> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let name = name.strip_suffix(".d").unwrap_or(&name).to_string();
        // Metrics and logs come before the check's own files.
        let first = self.checks.len();
        for entry in sorted(folder)? {
            if !entry.file_type()?.is_dir() {
                self.file(&entry, Some(&name));
            }
        }
        self.checks[first..].sort_by_key(|check| !check.is_other());
        Ok(())
    }

    /// A file that was found in a folder: of the check `of`, or of the one it is called by.
    fn file(&mut self, entry: &DirEntry, of: Option<&str>) {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let (stem, is_default) = match name.strip_suffix(".default") {
            Some(stem) => (stem, true),
            None => (name.as_str(), false),
        };
        let Some(stem) = stem.strip_suffix(".yaml").or_else(|| stem.strip_suffix(".yml")) else {
            // Kubernetes links `..data` into each folder that it fills, which nobody takes for a check.
            if of.is_none() && name.ends_with(".d") && path.is_dir() {
                self.hints.push(Hint::at(
                    &path,
                    "this is a link to a folder, which an agent does not follow",
                    "make it a folder, with links to files if need be",
                ));
            }
            return;
        };
        let check = of.unwrap_or(stem);
        // To open a pipe that nobody writes to would take for ever.
        let is_other = fs::metadata(&path).is_ok_and(|file| !file.is_file() && !file.is_dir());
        let read = match is_other {
            true => Err(AgentError::new("no regular file, which an agent may wait for for ever")),
            false => read(&path).map_err(|error| AgentError::new(super::reason(&error))),
        };
        let found = match read {
            Ok(text) => self.check(check, &path, &text),
            Err(error) => {
                self.refuse(check, &path, error, false);
                None
            }
        };
        let Some(found) = found else { return };
        if is_default {
            self.defaults.push(found);
            return;
        }
        if !found.is_other() {
            self.configured.push(check.to_string());
        }
        self.checks.push(found);
    }

    fn check(&mut self, name: &str, path: &Path, text: &Secret) -> Option<Check> {
        let root = match Document::parse(text.expose()) {
            Ok(document) => document.root,
            Err(error) => {
                self.hints.extend(hints::of_broken(path, text.expose()));
                let error = AgentError::new(error.to_string());
                self.refuse(name, path, error, false);
                return None;
            }
        };
        self.hints.extend(hints::of_check(path, &root));
        let is_empty = is_empty(&root);
        match check::of(name, path, root) {
            Ok(check) => Some(check),
            Err(error) => {
                self.refuse(name, path, error, is_empty);
                None
            }
        }
    }

    fn refuse(&mut self, name: &str, path: &Path, error: AgentError, is_empty: bool) {
        let (name, path) = (name.to_string(), path.to_path_buf());
        self.refused.push(Refused { name, path, error, is_empty });
    }
}

/// Whether there is nothing in a file that an agent could use, nor anything meant to be.
fn is_empty(root: &Value) -> bool {
    match root {
        Value::Null => true,
        Value::Mapping(mapping) => mapping.iter().all(|(key, value)| {
            let is_list = value.as_sequence().is_some_and(<[Value]>::is_empty);
            key.as_str() == Some("init_config") || matches!(value, Value::Null) || is_list
        }),
        _ => false,
    }
}

fn sorted(folder: &Path) -> io::Result<Vec<DirEntry>> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(DirEntry::file_name);
    Ok(entries)
}

fn read(path: &Path) -> io::Result<Secret> {
    Secret::read_from(&mut fs::File::open(path)?, LONGEST_TEXT)
}
