//! Which file a command's name means, as Go's `os/exec` decides it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// A command's file, and why Go would not start it although it may look right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What the rights are judged of.
    pub path: PathBuf,
    /// What starting it fails with, after its rights were found right.
    pub refused: Option<String>,
}

/// Looks for `command` in the folders of `path`, the variable, unless it has a slash.
pub fn find(command: &OsStr, path: &OsStr) -> Found {
    let bare = Path::new(command).components().count() == 1
        && !command.as_encoded_bytes().iter().any(|byte| is_separator(*byte));
    // Nothing is added to a path, not even on Windows: an agent judges the rights of just that.
    if !bare {
        return Found { path: PathBuf::from(command), refused: None };
    }
    let quoted = command.to_string_lossy();
    // Without the variable Go looks nowhere, and Rust would look here.
    let folders = std::env::split_paths(path).filter(|_| !path.is_empty());
    let candidates = folders.map(|folder| match folder == Path::new(".") {
        true => PathBuf::from(command),
        false => folder.join(command),
    });
    let here = cfg!(windows).then(|| PathBuf::from(command));
    match here.into_iter().chain(candidates).map(with_extension).find(|file| is_executable(file)) {
        Some(path) if path.is_absolute() => Found { path, refused: None },
        // An empty folder or `.` in the variable is the current one, which nobody should rely on.
        Some(path) => {
            let reason = format!(
                "exec: \"{quoted}\": cannot run executable found relative to current directory"
            );
            Found { path, refused: Some(reason) }
        }
        None => {
            let variable = if cfg!(windows) { "%PATH%" } else { "$PATH" };
            let reason = format!("exec: \"{quoted}\": executable file not found in {variable}");
            Found { path: PathBuf::from(command), refused: Some(reason) }
        }
    }
}

fn is_separator(byte: u8) -> bool {
    byte == b'/' || (cfg!(windows) && matches!(byte, b'\\' | b':'))
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;

    let any = 0o111;
    file.metadata().is_ok_and(|file| !file.is_dir() && file.permissions().mode() & any != 0)
}

#[cfg(not(unix))]
fn is_executable(file: &Path) -> bool {
    file.is_file()
}

/// On Windows what is meant may have an extension that is not said. One that is there comes first.
fn with_extension(file: PathBuf) -> PathBuf {
    if !cfg!(windows) || (file.extension().is_some() && file.is_file()) {
        return file;
    }
    let with = |extension: &&str| {
        let mut name = file.clone().into_os_string();
        name.push(extension);
        PathBuf::from(name)
    };
    EXTENSIONS.iter().map(with).find(|file| file.is_file()).unwrap_or(file)
}

/// What `PATHEXT` begins with everywhere.
const EXTENSIONS: [&str; 4] = [".com", ".exe", ".bat", ".cmd"];

/// The file that was probably meant where Windows' shells would find one and an agent does not.
pub fn meant(path: &Path) -> Option<PathBuf> {
    let found = with_extension(path.to_path_buf());
    (found != path && !path.exists()).then_some(found)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_name_with_a_slash_is_a_path() {
        let found = find(OsStr::new("./exe.py"), OsStr::new("/bin"));
        assert_eq!(found, Found { path: PathBuf::from("./exe.py"), refused: None });
    }

    #[test]
    fn a_bare_name_is_looked_for_in_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let [plain, program] = ["a", "b"].map(|name| folder.path().join(name));
        fs::write(&plain, "").expect("written");
        fs::write(&program, "").expect("written");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("a mode");
        let found = find(OsStr::new("b"), folder.path().as_os_str());
        assert_eq!(found, Found { path: program, refused: None });
        let found = find(OsStr::new("a"), folder.path().as_os_str());
        assert_eq!(found.path, Path::new("a"));
        let refused = found.refused.expect("not executable");
        assert_eq!(refused, "exec: \"a\": executable file not found in $PATH");
    }

    #[test]
    fn a_folder_is_no_program_and_the_current_folder_no_place() {
        let found = find(OsStr::new("src"), OsStr::new("."));
        assert!(found.refused.expect("a folder").ends_with("not found in $PATH"));
    }
}

#[cfg(all(test, windows))]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_bare_name_may_leave_out_its_extension_and_a_path_may_not() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["a.exe", "b.1.cmd", "c.py"] {
            fs::write(folder.path().join(name), "").expect("written");
        }
        for (name, expected) in
            [("a", "a.exe"), ("a.exe", "a.exe"), ("b.1", "b.1.cmd"), ("c.py", "c.py")]
        {
            let found = find(OsStr::new(name), folder.path().as_os_str());
            assert_eq!(found, Found { path: folder.path().join(expected), refused: None });
        }
        for path in [folder.path().join("a"), PathBuf::from(r".\a"), PathBuf::from("C:a")] {
            let found = find(path.as_os_str(), folder.path().as_os_str());
            assert_eq!(found, Found { path, refused: None });
        }
        assert_eq!(meant(&folder.path().join("a")), Some(folder.path().join("a.exe")));
        assert_eq!(meant(&folder.path().join("c.py")), None);
        let refused = find(OsStr::new("c"), folder.path().as_os_str()).refused;
        assert_eq!(refused.as_deref(), Some("exec: \"c\": executable file not found in %PATH%"));
    }
}
