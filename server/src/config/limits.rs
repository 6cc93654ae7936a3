//! Every limit of the server in one table: what it bounds, why it has the value it has, and the flag that changes it.
//!
//! The caps of single messages are part of the wire and stand in `scope_shared::limits`. Over a limit the one request is refused with
//! 413 or 429 and a reason, counted in `scope_refused_total`, and nobody else notices.

use scope_shared::limits as wire;

/// Limits that flags can change.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Server: limits")]
pub struct Limits {
    /// Probes held at once. [1,000 is twice the largest fleet measured]
    #[arg(long = "max-probes", env = "SCOPE_MAX_PROBES", default_value_t = 1000, value_name = "N")]
    pub probes: usize,
    /// Viewers connected at once. [each costs a socket, its buffers and a few words a probe]
    #[arg(long = "max-viewers", env = "SCOPE_MAX_VIEWERS", default_value_t = 250, value_name = "N")]
    pub viewers: usize,
    /// Connections open at once, of any kind. [below the usual limit of 4,096 or more open files]
    #[arg(long = "max-connections", env = "SCOPE_MAX_CONNECTIONS", default_value_t = 3000, value_name = "N")]
    pub connections: usize,
    /// One report as it travels, in bytes. [the wire's cap; a large host's full report is under 1 MB]
    #[arg(id = "max-report-bytes", long = "max-report-size", env = "SCOPE_MAX_REPORT_SIZE", default_value_t = wire::REPORT_COMPRESSED_BYTES, value_name = "BYTES")]
    pub report_bytes: usize,
    /// Reports a second from one probe. [ours sends one, an original one every three seconds, both more after events]
    #[arg(
        long = "max-report-rate",
        env = "SCOPE_MAX_REPORT_RATE",
        default_value_t = 5.0,
        value_name = "PER SECOND"
    )]
    pub report_rate: f64,
    /// Reports one probe may send in a burst. [shortcut reports after a flurry of container events]
    #[arg(
        long = "max-report-burst",
        env = "SCOPE_MAX_REPORT_BURST",
        default_value_t = 30.0,
        value_name = "N"
    )]
    pub report_burst: f64,
    /// Memory for reports held, in bytes. [500 large hosts; reports shared with slow viewers' sockets are not counted twice]
    #[arg(id = "max-held-bytes", long = "max-held-memory", env = "SCOPE_MAX_HELD_MEMORY", default_value_t = 512 << 20, value_name = "BYTES")]
    pub held_bytes: usize,
    /// Memory for reports being received, in bytes. [bounds many large uploads at once]
    #[arg(id = "max-intake-bytes", long = "max-intake-memory", env = "SCOPE_MAX_INTAKE_MEMORY", default_value_t = 128 << 20, value_name = "BYTES")]
    pub intake_bytes: usize,
    /// Pipes (terminals, logs) open at once. [each holds at most half a megabyte]
    #[arg(long = "max-pipes", env = "SCOPE_MAX_PIPES", default_value_t = 200, value_name = "N")]
    pub pipes: usize,
    /// Reports kept of one original probe within the window. [the window has five by the clock; the rest are shortcuts]
    #[arg(skip = 64_usize)]
    pub plain_reports: usize,
    /// Controls waiting for one probe's answer. [people click; programs that do more than this are told to wait]
    #[arg(skip = 64_usize)]
    pub calls: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            probes: 1000,
            viewers: 250,
            connections: 3000,
            report_bytes: wire::REPORT_COMPRESSED_BYTES,
            report_rate: 5.0,
            report_burst: 30.0,
            held_bytes: 512 << 20,
            intake_bytes: 128 << 20,
            pipes: 200,
            plain_reports: 64,
            calls: 64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Command {
        #[command(flatten)]
        limits: Limits,
    }

    #[test]
    fn flags_left_out_give_the_defaults_of_the_table() {
        let parsed = Command::parse_from(["scope"]).limits;
        assert_eq!(format!("{parsed:?}"), format!("{:?}", Limits::default()));
    }
}
