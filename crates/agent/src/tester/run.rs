//! The executable with an agent's pipes, limits and timeout.
//!
//! It is started without a shell, with the whole environment and the working folder there is, and gets
//! its request on standard input, which then ends. On timeout it alone is killed: what it has started itself
//! goes on, and keeps an agent waiting for as long as it holds the pipes. That is done here too, but not for
//! ever.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use secretary_secret::Secret;

use super::AgentError;

/// What Go copies from a pipe at once, and rejects at once when it is too much.
const CHUNK: usize = 32 * 1024;
/// How long descendants may hold a pipe before somebody is told why nothing happens.
const QUIET: Duration = Duration::from_secs(1);
/// What is said of an executable that has ended well, while an agent would still wait.
const STILL_HELD: &str = "what it started still holds its standard streams, and an agent waits for as long as that lasts";

/// What an agent is set to.
#[derive(Clone, Debug)]
pub struct Limits {
    /// From the start to the end. With none at all an agent does not start anything.
    pub timeout: Duration,
    /// Bytes, for standard output and for standard error, each.
    pub max_size: usize,
    /// How long is waited for pipes that others hold; an agent waits for ever.
    pub patience: Duration,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Finished {
    /// Standard output, up to the chunk that was too much.
    pub stdout: Secret,
    /// Standard error, likewise.
    pub stderr: Secret,
    /// How it ended, if it was started and ended.
    pub status: Option<ExitStatus>,
    /// Whether it was killed because its time was up.
    pub was_killed: bool,
    /// How long it took, with the waiting for the pipes.
    pub took: Duration,
    /// How long others held its pipes after it had ended.
    pub held: Duration,
    /// Whether they still did when there was no more patience.
    pub is_still_held: bool,
    /// What an agent would say, if it would not read the output.
    pub failed: Option<AgentError>,
}

/// Runs `command`, which an agent calls `name`, with `payload`. `notice` is called with a sentence when it becomes unclear why
/// nothing happens.
pub fn run(
    name: &str,
    mut command: Command,
    payload: &str,
    limits: &Limits,
    notice: &dyn Fn(&str),
) -> Finished {
    let start = Instant::now();
    let failed = |reason: &str| Some(AgentError(format!("error while running '{name}': {reason}")));
    if limits.timeout.is_zero() {
        return Finished { failed: failed("command timeout"), ..Finished::default() };
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            let file = Path::new(command.get_program()).display();
            let reason = format!("fork/exec {file}: {}", super::reason(&error));
            return Finished { failed: failed(&reason), ..Finished::default() };
        }
    };
    // None where it is too far away for the clock.
    let deadline = start.checked_add(limits.timeout);
    let mut pipes = Pipes::of(&mut child, payload, limits.max_size);
    let (status, was_killed) = pipes.wait_for(&mut child, deadline);
    let ended = Instant::now();
    pipes.wait_for_others(limits.patience, notice);
    let reason = match status {
        Some(status) if !status.success() => Some(in_words(status)),
        _ if pipes.is_too_long => Some(too_long(limits.max_size)),
        _ => None,
    };
    // An agent asks for the time when all is over, and only if something is wrong.
    let is_late = was_killed || deadline.is_some_and(|deadline| Instant::now() >= deadline);
    let reason = reason.map(|reason| if is_late { "command timeout".to_string() } else { reason });
    // Here an agent says nothing, for ever.
    let reason = reason.or_else(|| (pipes.open > 0).then(|| STILL_HELD.to_string()));
    Finished {
        stdout: pipes.stdout,
        stderr: pipes.stderr,
        status,
        was_killed,
        took: start.elapsed(),
        held: ended.elapsed(),
        is_still_held: pipes.open > 0,
        failed: reason.and_then(|reason| failed(&reason)),
    }
}

fn too_long(limit: usize) -> String {
    format!("command output was too long: exceeded {limit} bytes")
}

/// The three pipes, each with a thread that writes or reads it.
struct Pipes {
    events: Receiver<Event>,
    // Keeps the channel open, so that an empty one is waited for.
    _sender: Sender<Event>,
    open: usize,
    stdout: Secret,
    stderr: Secret,
    is_too_long: bool,
}

/// A pipe came to its end.
enum Event {
    Stdin,
    Stdout(Secret, bool),
    Stderr(Secret, bool),
}

impl Pipes {
    fn of(child: &mut Child, payload: &str, limit: usize) -> Self {
        let (sender, events) = channel();
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let payload = payload.to_string();
        let to = sender.clone();
        thread::spawn(move || {
            if let Some(mut stdin) = stdin {
                // An executable that does not read its request is in its right.
                let _ = stdin.write_all(payload.as_bytes());
            }
            let _ = to.send(Event::Stdin);
        });
        let to = sender.clone();
        thread::spawn(move || {
            let (text, is_too_long) = read(stdout, limit);
            let _ = to.send(Event::Stdout(text, is_too_long));
        });
        let to = sender.clone();
        thread::spawn(move || {
            let (text, is_too_long) = read(stderr, limit);
            let _ = to.send(Event::Stderr(text, is_too_long));
        });
        let (stdout, stderr) = (Secret::default(), Secret::default());
        Self { events, _sender: sender, open: 3, stdout, stderr, is_too_long: false }
    }

    /// Waits until the process ends, and ends it when its time is up. The end of its output says that its own
    /// is near, so that a look at it is seldom in vain.
    fn wait_for(
        &mut self,
        child: &mut Child,
        deadline: Option<Instant>,
    ) -> (Option<ExitStatus>, bool) {
        const SHORTEST: Duration = Duration::from_micros(50);
        const LONGEST: Duration = Duration::from_millis(10);
        let mut nap = SHORTEST;
        loop {
            if let Ok(Some(status)) = child.try_wait() {
                return (Some(status), false);
            }
            let now = Instant::now();
            let left = deadline.map_or(LONGEST, |deadline| deadline.saturating_duration_since(now));
            if left.is_zero() {
                let _ = child.kill();
                return (child.wait().ok(), true);
            }
            nap = match self.next(nap.min(left)) {
                true => SHORTEST,
                false => LONGEST.min(nap * 2),
            };
        }
    }

    /// Waits until nobody holds a pipe any more.
    fn wait_for_others(&mut self, patience: Duration, notice: &dyn Fn(&str)) {
        // What it wrote itself takes a moment to be read, too.
        let patience = patience.max(Duration::from_millis(100));
        let start = Instant::now();
        let mut was_said = false;
        while self.open > 0 && start.elapsed() < patience {
            let until = if was_said { patience } else { QUIET.min(patience) };
            if !self.next(until.saturating_sub(start.elapsed())) && !was_said {
                was_said = true;
                notice(
                    "the executable has ended, but something that it started still holds its standard streams; an agent waits for as long as that lasts",
                );
            }
        }
    }

    /// Waits for the end of a pipe, and answers whether one came.
    fn next(&mut self, time: Duration) -> bool {
        let event = match self.events.recv_timeout(time) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return false,
        };
        self.open -= 1;
        match event {
            Event::Stdin => {}
            Event::Stdout(text, is_too_long) => {
                self.stdout = text;
                self.is_too_long |= is_too_long;
            }
            Event::Stderr(text, is_too_long) => {
                self.stderr = text;
                self.is_too_long |= is_too_long;
            }
        }
        true
    }
}

/// Reads to the end, or to the chunk that would be more than `limit`; the pipe is closed then.
fn read(pipe: Option<impl Read>, limit: usize) -> (Secret, bool) {
    let mut text = Secret::default();
    let Some(mut pipe) = pipe else { return (text, false) };
    let mut chunk = Secret::default();
    chunk.resize(CHUNK);
    loop {
        match pipe.read(chunk.expose_mut()) {
            Ok(0) => return (text, false),
            Ok(count) if text.len() + count > limit => return (text, true),
            Ok(count) => text.extend(&chunk.expose()[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return (text, false),
        }
    }
}

/// How a process ended, as Go prints it.
#[cfg(unix)]
fn in_words(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;

    let Some(signal) = status.signal() else {
        return format!("exit status {}", status.code().unwrap_or_default());
    };
    const NAMES: [&str; 15] = [
        "hangup",
        "interrupt",
        "quit",
        "illegal instruction",
        "trace/breakpoint trap",
        "aborted",
        "bus error",
        "floating point exception",
        "killed",
        "user defined signal 1",
        "segmentation fault",
        "user defined signal 2",
        "broken pipe",
        "alarm clock",
        "terminated",
    ];
    let known = usize::try_from(signal - 1).ok().and_then(|place| NAMES.get(place));
    let name = known.map_or_else(|| format!("signal {signal}"), |name| name.to_string());
    format!("signal: {name}{}", if status.core_dumped() { " (core dumped)" } else { "" })
}

#[cfg(not(unix))]
fn in_words(status: ExitStatus) -> String {
    // Go prints what may be an NTSTATUS in hexadecimal.
    match status.code().unwrap_or_default().cast_unsigned() {
        large @ 0x10000.. => format!("exit status 0x{large:x}"),
        code => format!("exit status {code}"),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str, timeout: f32, max_size: usize, patience: f32) -> Finished {
        let limits = Limits {
            timeout: Duration::from_secs_f32(timeout),
            max_size,
            patience: Duration::from_secs_f32(patience),
        };
        run("sh", command(script), "request", &limits, &|_| {})
    }

    fn command(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    fn failed(finished: &Finished) -> Option<String> {
        finished.failed.as_ref().map(AgentError::to_string)
    }

    #[test]
    fn the_request_ends_and_all_output_is_read() {
        let finished = shell("cat; printf error >&2", 10.0, 7, 1.0);
        assert_eq!(failed(&finished), None);
        assert_eq!(finished.stdout.expose(), b"request");
        assert_eq!(finished.stderr.expose(), b"error");
    }

    #[test]
    fn a_byte_too_many_on_either_stream_fails() {
        let text = "error while running 'sh': command output was too long: exceeded 3 bytes";
        assert_eq!(failed(&shell("printf 1234", 10.0, 3, 1.0)).as_deref(), Some(text));
        assert_eq!(failed(&shell("printf 1234 >&2", 10.0, 3, 1.0)).as_deref(), Some(text));
        assert_eq!(failed(&shell("printf 123", 10.0, 3, 1.0)), None);
        // It can't write on, and dies of it, which says less but comes first.
        let endless = shell("exec yes", 10.0, 3, 1.0);
        let text = "error while running 'sh': signal: broken pipe";
        assert_eq!(failed(&endless).as_deref(), Some(text));
    }

    #[test]
    fn endings_are_worded_as_go_does() {
        let text = |script| failed(&shell(script, 10.0, 3, 1.0)).expect("a failure");
        assert_eq!(text("exit 3"), "error while running 'sh': exit status 3");
        assert_eq!(text("kill -9 $$"), "error while running 'sh': signal: killed");
        assert_eq!(text("kill -16 $$"), "error while running 'sh': signal: signal 16");
    }

    #[test]
    fn a_timeout_kills_and_comes_before_everything_else() {
        let text = "error while running 'sh': command timeout";
        let finished = shell("exec sleep 20", 0.2, 3, 1.0);
        assert_eq!(failed(&finished).as_deref(), Some(text));
        assert!(finished.was_killed && finished.took < Duration::from_secs(5));
        assert_eq!(failed(&shell("true", 0.0, 3, 1.0)).as_deref(), Some(text));
    }

    #[test]
    fn a_descendant_that_holds_a_pipe_is_waited_for_but_not_for_ever() {
        let finished = shell("sleep 1 & printf 1", 10.0, 3, 20.0);
        assert_eq!(failed(&finished), None);
        assert_eq!(finished.stdout.expose(), b"1");
        assert!(finished.held > Duration::from_millis(700) && !finished.is_still_held);
        let finished = shell("sleep 3 & true", 10.0, 3, 0.2);
        assert!(finished.is_still_held && finished.took < Duration::from_secs(2));
        assert!(failed(&finished).expect("a failure").contains("what it started still holds"));
    }

    #[test]
    fn a_timeout_beyond_all_clocks_is_none() {
        let limits =
            Limits { timeout: Duration::MAX, max_size: 9, patience: Duration::from_secs(9) };
        let finished = run("sh", command("sleep 0.1; printf 1"), "", &limits, &|_| {});
        assert_eq!(finished.stdout.expose(), b"1");
    }

    #[test]
    fn what_ends_badly_and_late_is_a_timeout() {
        let finished = shell("sleep 1 & exit 3", 0.5, 3, 20.0);
        let text = "error while running 'sh': command timeout";
        assert_eq!(failed(&finished).as_deref(), Some(text));
        assert!(!finished.was_killed);
    }
}
