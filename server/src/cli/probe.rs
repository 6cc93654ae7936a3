//! `scope probe`.

/// Run a probe that reports this machine to one or more servers.
///
/// Run it as root to see every process and container. Servers are HOST, HOST:PORT or URL; each gets every report, and may ask for controls
/// unless --no-controls is given.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sudo scope probe scope.example.com                  report to scope.example.com, port 4040
  sudo scope probe https://scope.example.com          over TLS
  sudo scope probe --no-controls 10.0.0.5:4040        report, but carry out nothing")]
pub(super) struct ProbeArgs {
    #[command(flatten)]
    pub(super) probe: scope_probe::Args,
}

pub(super) async fn run(mut args: ProbeArgs) -> anyhow::Result<()> {
    args.probe.control.guard = guard();
    scope_probe::run(args.probe, super::signals::shutdown()?).await
}

/// How this program starts a guard for its probe. The link leads to what is running, even if its file has been replaced meanwhile.
pub(super) fn guard() -> Vec<std::ffi::OsString> {
    ["/proc/self/exe", "guard"].map(Into::into).to_vec()
}
