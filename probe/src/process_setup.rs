//! What a process does first that is a probe and nothing else: it lives beside what people run, so it takes few threads and little memory.
//!
//! Not for `scope launch`, whose server shares the process.

use std::io;

use tokio::runtime::{Builder, Runtime};

use crate::sys;

/// A runtime for [`crate::run`]: the loop on the thread that blocks on it, everything else on one more, however many CPUs there are.
///
/// # Errors
/// When the system gives no threads.
pub fn runtime() -> io::Result<Runtime> {
    sys::keep_little_memory();
    Builder::new_multi_thread().worker_threads(1).enable_all().build()
}

/// Lets this process open as many files as the system allows: each network namespace takes several, each control group one.
pub fn allow_many_files() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}
