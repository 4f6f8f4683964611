//! The one place where a runtime is started: for work that needs the network on this thread, for a server on all
//! cores.

use crate::failure::Failure;

/// Does `work` and answers what it answers.
///
/// # Errors
///
/// When the system has no descriptors left for it.
pub fn wait_for<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::io("start", "work on the network", &error))?;
    let done = runtime.block_on(work);
    // A name that is still being looked up would be waited for.
    runtime.shutdown_background();
    Ok(done)
}

/// Serves until `work` is done, on a thread for each core.
///
/// # Errors
///
/// When the system has no descriptors or threads left for it.
#[cfg(any(feature = "daemon", feature = "server"))]
pub fn serve<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::io("start", "the server's threads", &error))?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(done)
}
