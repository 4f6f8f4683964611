//! Faults of the executable and of the machine it is on, as far as they can be told from outside.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use super::MASK;
use super::hints::Hint;
use super::lookup;
use super::rights::GroupRule;
use super::session::{Backend, Call};

/// What agents before 2021 and old templates of theirs allow.
const OLD_TIMEOUT: Duration = Duration::from_secs(5);

/// What the rights check found is one of the faults that have a usual cause.
pub fn of_rights(error: &str, file: &Path, user: &str, group: GroupRule) -> Option<Hint> {
    if cfg!(windows) {
        return of_list(error, file, user);
    }
    let path = file.display();
    let mode = if group == GroupRule::Strict { "0500" } else { "0550" };
    let (text, advice) = if error.contains("isn't owned by this user") {
        (
            "it belongs to somebody else; an upgrade of its package and a copy made as root give it to root again",
            format!("chown {user} {path} && chmod {mode} {path}, also after each upgrade"),
        )
    } else if error.contains("have rights on it") {
        ("an agent does not run what others could have changed", format!("chmod {mode} {path}"))
    } else if error.contains("is not executable") {
        ("its owner or group may not execute it", format!("chmod {mode} {path}"))
    } else if error.contains("can't stat it") {
        (
            "there is no such file, or one of its folders is closed to this user",
            "give the whole path of one file; its arguments are a setting of their own, secret_backend_arguments"
                .to_string(),
        )
    } else if error.contains("can't query current user") {
        (
            "an agent has to find the user it runs as in /etc/passwd, and can't run anything otherwise",
            "add the user, or run the container as one that there is".to_string(),
        )
    } else {
        return None;
    };
    Some(Hint::at(file, text, advice))
}

/// Where to read what an agent would write to its log beside an error.
pub fn of_silence(calls: &[Call], backend: &Backend) -> Option<Hint> {
    let call = calls.iter().find(|call| call.error.is_some() && call.sizes[1] > 0)?;
    Some(Hint::at(
        &backend.file().path,
        format!("for {} it wrote to standard error, which an agent logs", call.origin),
        "--payload '{\"version\":\"1.0\",\"secrets\":[\"HANDLE\"]}' in the place of --config prints it",
    ))
}

/// The same of an access list on Windows, where `user` is a security identifier.
fn of_list(error: &str, file: &Path, user: &str) -> Option<Hint> {
    let path = file.display();
    let (text, advice) = if error.contains("other users/groups than") {
        (
            "an agent does not run what others could have changed; a folder hands its list down to what is put there",
            format!(
                "icacls \"{path}\" /inheritance:r /grant:r *S-1-5-18:F *S-1-5-32-544:F *{user}:RX, then icacls \"{path}\" /remove whom it still lists"
            ),
        )
    } else if error.contains("Can't deny access") {
        (
            "an agent does not run what is denied to it, the system or the administrators, whatever else is allowed",
            format!(
                "icacls \"{path}\" /remove:d *S-1-5-18 /remove:d *S-1-5-32-544 /remove:d *{user}"
            ),
        )
    } else if error.contains("user is not allowed to execute") {
        (
            "the agent's user has to be in the list itself; to be in a group that is does not count",
            format!("icacls \"{path}\" /grant *{user}:RX"),
        )
    } else if error.contains("allowGroupExec") {
        (
            "there is no such rule on Windows",
            "leave out secret_backend_command_allow_group_exec_perm".to_string(),
        )
    } else if let Some(meant) = lookup::meant(file) {
        (
            "a path needs its extension, as nothing is added to it",
            format!("use {}", meant.display()),
        )
    } else {
        return None;
    };
    Some(Hint::at(file, text, advice))
}

/// What the ways in which it ran tell. Each fault is told once.
pub fn of_calls(calls: &[Call], backend: &Backend) -> Vec<Hint> {
    let file = backend.file().path;
    let limits = &backend.limits;
    let mut hints = Vec::new();
    let text_of = |call: &Call| call.error.as_ref().map(ToString::to_string).unwrap_or_default();

    if calls.iter().any(|call| text_of(call).contains(MASK)) {
        hints.push(Hint::at(
            &file,
            "it answers an error with a secret in it, which is masked here and not in an agent's log",
            "write errors that say what failed and no value",
        ));
    }
    if limits.timeout.is_zero() && !calls.is_empty() {
        hints.push(Hint::at(
            &file,
            "it is given no time at all: the timeout is 0, as is to an agent what is no whole number, such as 30s",
            "set secret_backend_timeout to a number of seconds, such as 30",
        ));
    }
    let waits =
        calls.iter().any(|call| call.is_still_held || call.held > Duration::from_millis(500));
    let was_killed = calls.iter().any(|call| call.was_killed);
    if waits || (was_killed && is_script_without_exec(&file)) {
        hints.push(Hint::at(
            &file,
            "on a timeout an agent kills this process and not what it has started, and waits for as long as that holds the output",
            "have a script end with `exec PROGRAM`, and close the streams of what is to go on in the background",
        ));
    }
    if cfg!(unix) && calls.iter().any(|call| text_of(call).ends_with("permission denied")) {
        hints.extend(of_mount(&file));
    }
    if calls.iter().any(|call| text_of(call).contains("no such file or directory"))
        && is_script(&file)
    {
        hints.push(Hint::at(
            &file,
            "the file is there and its interpreter is not: look at its first line",
            "install what is behind #!, and write lines that end with LF alone",
        ));
    }
    if calls.iter().any(|call| text_of(call).ends_with("is not a valid Win32 application.")) {
        hints.push(Hint::at(
            &file,
            "only a program for this machine can be run; PowerShell and Python scripts are none",
            "configure the interpreter's .exe with the script as an argument, or make a program of it",
        ));
    }
    if calls.iter().any(|call| text_of(call).ends_with("exec format error")) {
        hints.push(Hint::at(
            &file,
            "this is no program for this machine, and no script whose first line says what runs it",
            "begin a script with #!/bin/sh or the like",
        ));
    }
    if calls.iter().any(|call| text_of(call).contains("command output was too long")) {
        hints.push(Hint::at(
            &file,
            "a single byte beyond the limit fails everything, on either stream",
            "write less, or raise secret_backend_output_max_size; each handle counts, too, as it is repeated in the answer",
        ));
    } else if let Some(call) = calls.iter().find(|call| is_near(call.sizes, limits.max_size)) {
        hints.push(Hint::at(
            &file,
            format!("its output for {} is above nine tenths of the limit", call.origin),
            "raise secret_backend_output_max_size before it is too late",
        ));
    }
    hints.extend(of_time(calls, &file, limits.timeout));
    hints
}

fn is_near(sizes: [usize; 2], limit: usize) -> bool {
    sizes.into_iter().any(|size| size > limit / 10 * 9)
}

fn of_time(calls: &[Call], file: &Path, timeout: Duration) -> Option<Hint> {
    let slowest = calls.iter().filter(|call| !call.was_killed).max_by_key(|call| call.took)?;
    let took = slowest.took;
    let reason = if took > OLD_TIMEOUT {
        "more than the 5 that older agents and templates allow"
    } else if took > timeout / 2 {
        "more than half of the time there is"
    } else {
        return None;
    };
    let seconds = took.as_secs_f32();
    Some(Hint::at(
        file,
        format!("it took {seconds:.1} seconds for {}, {reason}", slowest.origin),
        "find out which source is slow; each section of a check is a process of its own, one after the other",
    ))
}

/// The first bytes of a script, if it is one that can be read.
fn script(file: &Path) -> Option<String> {
    const ENOUGH: u64 = 64 * 1024;
    let mut text = Vec::new();
    File::open(file).ok()?.take(ENOUGH).read_to_end(&mut text).ok()?;
    text.starts_with(b"#!").then(|| String::from_utf8_lossy(&text).into_owned())
}

fn is_script(file: &Path) -> bool {
    script(file).is_some()
}

fn is_script_without_exec(file: &Path) -> bool {
    script(file)
        .is_some_and(|text| !text.lines().any(|line| line.trim_start().starts_with("exec ")))
}

/// Whether the file system that the file is on forbids execution, which looks like a lack of rights.
fn of_mount(file: &Path) -> Option<Hint> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let folder = mount_without_exec(&mounts, &file.canonicalize().ok()?)?;
    Some(Hint::at(
        file,
        format!("the file system at {folder} is mounted with noexec, so nothing on it can be run"),
        "put the executable elsewhere, or mount the file system without noexec",
    ))
}

/// Where the file system is mounted that holds `file`, if it is without execution. Of several mounts that
/// fit the longest path counts, and the last of these.
fn mount_without_exec(mounts: &str, file: &Path) -> Option<String> {
    let mut found: Option<(String, bool)> = None;
    for line in mounts.lines() {
        let mut fields = line.split(' ').skip(4);
        let (Some(point), Some(options)) = (fields.next(), fields.next()) else { continue };
        let point = point.replace("\\040", " ");
        if file.starts_with(&point)
            && found.as_ref().is_none_or(|(longest, _)| point.len() >= longest.len())
        {
            found = Some((point, options.split(',').any(|option| option == "noexec")));
        }
    }
    found.filter(|(_, is_noexec)| *is_noexec).map(|(point, _)| point)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mount_decides() {
        let mounts = "1 0 8:1 / / rw - ext4 a rw\n2 1 8:2 / /tmp rw,noexec,nosuid - tmpfs b rw\n\
            3 2 8:3 / /tmp/my\\040bin rw - tmpfs c rw\n";
        let point = |file: &str| mount_without_exec(mounts, Path::new(file));
        assert_eq!(point("/tmp/x").as_deref(), Some("/tmp"));
        assert_eq!(point("/tmpx"), None);
        assert_eq!(point("/tmp/my bin/x"), None);
    }

    #[test]
    #[cfg(not(windows))]
    fn an_owner_gets_the_command_that_helps() {
        let error = "invalid executable: '/x' isn't owned by this user: username 'a', UID 1.";
        let hint = of_rights(error, Path::new("/x"), "agent", GroupRule::Strict).expect("a hint");
        assert!(hint.advice.starts_with("chown agent /x && chmod 0500 /x"), "{}", hint.advice);
        let hint = of_rights("can't stat it", Path::new("/x -y"), "a", GroupRule::Strict);
        assert!(hint.expect("a hint").advice.contains("secret_backend_arguments"));
        assert_eq!(of_rights("could not", Path::new("/x"), "a", GroupRule::Strict), None);
    }

    #[test]
    fn each_fault_of_a_list_has_its_command() {
        let agent = "S-1-5-21-1-2-3-1001";
        for (error, command) in [
            ("other users/groups than LOCAL_SYSTEM", "/inheritance:r /grant:r"),
            ("Can't deny access LOCAL_SYSTEM", "/remove:d *S-1-5-21-1-2-3-1001"),
            ("user is not allowed to execute", "/grant *S-1-5-21-1-2-3-1001:RX"),
            ("the option 'allowGroupExec=true'", "leave out secret_backend_command_allow"),
        ] {
            let hint = of_list(error, Path::new(r"C:\my x.exe"), agent).expect("a hint");
            assert!(hint.advice.contains(command), "{}", hint.advice);
        }
        assert_eq!(of_list("could not query ACLs", Path::new("x"), agent), None);
    }

    #[test]
    fn time_and_size_are_told_before_they_run_out() {
        assert!(is_near([95, 0], 100) && is_near([0, 91], 100) && !is_near([89, 0], 100));
        let call = |took| Call {
            origin: "x".to_string(),
            section: crate::tester::check::Kind::Main,
            handles: 1,
            took: Duration::from_secs(took),
            held: Duration::ZERO,
            is_still_held: false,
            was_killed: false,
            sizes: [0, 0],
            error: None,
        };
        let hint = |took, timeout| {
            of_time(&[call(took)], Path::new("/x"), Duration::from_secs(timeout))
                .map(|hint| hint.text)
        };
        assert!(hint(6, 30).expect("a hint").contains("older agents"));
        assert!(hint(4, 6).expect("a hint").contains("half"));
        assert_eq!(hint(4, 30), None);
    }
}
