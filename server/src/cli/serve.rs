//! `scope server`.

use crate::config::ServerArgs;
use crate::control::PolicyArgs;
use crate::page::Page;
use crate::run;

/// Run the server that probes report to and browsers connect to.
///
/// Listens on this machine only, where no login is needed. Reports come in by `POST /api/report`, from Scope's own probes or from those of
/// Weave Scope 1.13, and go out to every open page as they are.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  scope server                               on 127.0.0.1:4040
  scope server --listen 127.0.0.1:8080       on another port
  scope server --listen 0.0.0.0:4040         for other machines: tokens are made, and a link printed
  scope probe 127.0.0.1:4040                 a probe that reports to it")]
pub(super) struct ServeArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    controls: PolicyArgs,
}

pub(super) async fn run(mut args: ServeArgs, page: Page) -> anyhow::Result<()> {
    args.server.page = page;
    let shutdown = super::signals::shutdown()?;
    let bound = run::bind(&args.server, args.controls.policy(), shutdown).await?;
    super::announce::announce(&bound);
    bound.serve().await;
    Ok(())
}
