//! What the system tells a daemon that runs.
//!
//! On Windows nothing says that files are to be read again.

use crate::failure::Failure;

/// What is wanted of a daemon that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    #[cfg_attr(not(unix), expect(dead_code, reason = "nothing says so there"))]
    Reload,
    End,
}

pub(crate) use platform::Signals;

impl Signals {
    /// Waits for somebody who has no patience.
    pub(crate) async fn end(&mut self) {
        while self.next().await != Wanted::End {}
    }
}

fn unheard(error: &std::io::Error) -> Failure {
    Failure::io("wait for", "signals", error)
}

#[cfg(unix)]
mod platform {
    use tokio::signal::unix::{Signal, SignalKind, signal};

    use super::{Failure, Wanted, unheard};

    pub(crate) struct Signals {
        hangup: Signal,
        terminate: Signal,
        interrupt: Signal,
    }

    impl Signals {
        pub(crate) fn new() -> Result<Self, Failure> {
            let on = |kind| signal(kind).map_err(|error| unheard(&error));
            Ok(Self {
                hangup: on(SignalKind::hangup())?,
                terminate: on(SignalKind::terminate())?,
                interrupt: on(SignalKind::interrupt())?,
            })
        }

        pub(crate) async fn next(&mut self) -> Wanted {
            tokio::select! {
                _ = self.hangup.recv() => Wanted::Reload,
                _ = self.terminate.recv() => Wanted::End,
                _ = self.interrupt.recv() => Wanted::End,
            }
        }
    }
}

#[cfg(windows)]
mod platform {
    use tokio::signal::windows::{
        CtrlBreak, CtrlC, CtrlClose, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown,
    };

    use super::{Failure, Wanted, unheard};

    /// A console's keys, its window being closed, and the machine being shut down; the system gives a
    /// few seconds after either of the last two.
    pub(crate) struct Signals {
        c: CtrlC,
        pause: CtrlBreak,
        close: CtrlClose,
        shutdown: CtrlShutdown,
    }

    impl Signals {
        pub(crate) fn new() -> Result<Self, Failure> {
            Ok(Self {
                c: ctrl_c().map_err(|error| unheard(&error))?,
                pause: ctrl_break().map_err(|error| unheard(&error))?,
                close: ctrl_close().map_err(|error| unheard(&error))?,
                shutdown: ctrl_shutdown().map_err(|error| unheard(&error))?,
            })
        }

        pub(crate) async fn next(&mut self) -> Wanted {
            tokio::select! {
                _ = self.c.recv() => Wanted::End,
                _ = self.pause.recv() => Wanted::End,
                _ = self.close.recv() => Wanted::End,
                _ = self.shutdown.recv() => Wanted::End,
            }
        }
    }
}
