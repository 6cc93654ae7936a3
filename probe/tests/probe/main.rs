//! The whole probe against a server that speaks the wire's protocols and a real container engine.
//!
//! The engine is Docker's, as `cargo xtask test` starts it; containers made here have names that begin with `scope-probe-test`.
// Queues of the test's server end with the test, so they need no bound.
#![allow(clippy::disallowed_methods, clippy::field_reassign_with_default)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::string_slice)]

mod controls;
mod cri;
mod engine;
mod nat;
mod plugins;
mod publishing;
mod server;
mod transcript;

use std::sync::Arc;
use std::time::Duration;

use scope_probe::Args;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use server::FakeServer;

/// Everything here happens within this, or never.
const SOON: Duration = Duration::from_secs(30);

/// A probe that runs in this process and ends with the test.
struct Probe {
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Probe {
    /// Starts one that reports to `server`; `change` sets its flags, which begin with everything but processes switched off.
    fn start(server: &Arc<FakeServer>, change: impl FnOnce(&mut Args)) -> Self {
        // Shown with a test that fails; that another test set it up already is no failure.
        let _set_up_already = tracing_subscriber::fmt().with_test_writer().try_init().is_err();
        let mut args = Args::default();
        args.targets = vec![server.address.to_string()];
        args.collect.hostname = Some("testhost".to_owned());
        args.collect.tier = "proc".to_owned();
        args.collect.ebpf = false;
        args.collect.conntrack = false;
        args.collect.dns = false;
        args.collect.docker = false;
        args.collect.max_cpu = 1e9;
        args.collect.plugins_root = "".into();
        change(&mut args);
        let stop = CancellationToken::new();
        let task = tokio::spawn(scope_probe::run(args, stop.clone()));
        Self { stop, task }
    }

    /// Ends it and waits for its clean-up.
    async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(SOON, self.task)
            .await
            .expect("the probe ends")
            .unwrap()
            .unwrap();
    }
}
