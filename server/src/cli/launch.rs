//! `scope launch`: server and probe in one process.

use scope_probe::config::Allow;
use scope_probe::{CollectArgs, ConnectArgs, ControlArgs};

use super::announce::announce;
use crate::config::ServerArgs;
use crate::control::{Kind, Policy};
use crate::page::Page;
use crate::run;

/// Run server and probe in one process: a map of this machine.
///
/// The page is at http://127.0.0.1:4040/ unless --listen says otherwise. Run it as root to see every process and container; without,
/// it shows what your user may see.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sudo scope launch                          a map of this machine
  sudo scope launch scope.example.com        and report to another server as well
  sudo scope launch --no-controls            look, but touch nothing")]
pub(super) struct LaunchArgs {
    /// Other servers that the probe reports to besides its own: HOST, HOST:PORT or URL.
    #[arg(value_name = "SERVER")]
    peers: Vec<String>,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    control: ControlArgs,
    #[command(flatten)]
    collect: CollectArgs,
}

pub(super) async fn run(mut args: LaunchArgs, page: Page) -> anyhow::Result<()> {
    args.server.page = page;
    args.control.guard = super::probe::guard();
    let shutdown = super::signals::shutdown()?;
    let bound = run::bind(&args.server, policy(&args.control), shutdown.clone()).await?;
    let alone = args.peers.is_empty();
    let mut targets = vec![bound.probe_url()];
    targets.extend(args.peers);
    announce(&bound);
    let connect = ConnectArgs {
        // Pinned for all servers or none: with others to report to, authorities decide.
        tls_fingerprint: bound.fingerprint().filter(|_| alone),
        ..ConnectArgs::default()
    };
    let probe = scope_probe::run(
        scope_probe::Args {
            targets,
            connect,
            collect: args.collect,
            control: args.control,
        },
        shutdown.clone(),
    );
    let probe = tokio::spawn(async move {
        // A probe that cannot work takes the server down with it: launching is one thing to whoever asked for it.
        let outcome = probe.await;
        shutdown.cancel();
        outcome
    });
    bound.serve().await;
    probe.await?
}

/// The server of a launch passes on what its probe carries out; so one set of flags says both.
fn policy(control: &ControlArgs) -> Policy {
    let probe = control.policy();
    let kinds = [
        (Allow::Lifecycle, Kind::Lifecycle),
        (Allow::Remove, Kind::Remove),
        (Allow::Exec, Kind::Exec),
        (Allow::Attach, Kind::Attach),
        (Allow::Logs, Kind::Logs),
        (Allow::Plugins, Kind::Plugins),
        (Allow::HostShell, Kind::HostShell),
    ];
    Policy::of(kinds.into_iter().filter(|(allow, _)| probe.allows(*allow)).map(|(_, kind)| kind))
}
