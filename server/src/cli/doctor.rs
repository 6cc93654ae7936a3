//! `scope doctor`.

use super::probe::ProbeArgs;

/// Say, for each source of information on this machine, what works, what does not, and what to do about it.
///
/// Takes the flags of `scope probe`: with the same flags it looks at what that probe would use. Changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sudo scope doctor                          what a probe sees here
  sudo scope doctor scope.example.com        and whether that server answers")]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    probe: ProbeArgs,
}

pub(super) async fn run(args: DoctorArgs) -> anyhow::Result<()> {
    scope_probe::doctor(args.probe.probe).await
}
