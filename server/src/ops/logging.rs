//! Logs to standard error: lines for people, or JSON for collectors.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// How logs look.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Logs")]
pub struct LogArgs {
    /// What is logged: error, warn, info, debug, trace, or per module (`info,scope_server=debug`).
    #[arg(long, global = true, env = "SCOPE_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,
    /// Lines for people, or JSON for programs.
    #[arg(
        long,
        global = true,
        env = "SCOPE_LOG_FORMAT",
        default_value = "text",
        value_enum,
        value_name = "FORMAT"
    )]
    pub log_format: LogFormat,
}

/// See [`LogArgs::log_format`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One line of text an event.
    Text,
    /// One JSON object an event.
    Json,
}

impl LogArgs {
    /// Starts logging. Later calls change nothing.
    ///
    /// # Errors
    /// When the filter cannot be read.
    pub fn start(&self) -> anyhow::Result<()> {
        let filter = EnvFilter::try_new(&self.log).map_err(|error| anyhow::anyhow!("--log {:?} cannot be read: {error}", self.log))?;
        let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        let outcome = match self.log_format {
            LogFormat::Text => builder.with_target(false).with_ansi(std::io::stderr().is_terminal()).try_init(),
            LogFormat::Json => builder.json().flatten_event(true).try_init(),
        };
        // An error only says that this process logs already (several servers in one test).
        drop(outcome);
        Ok(())
    }
}
