//! Names of the HTTP headers between probe, server and viewer. Those marked *ours* are additions that an original peer ignores.

/// The probe's id: lower-case hex, fixed for the life of the process.
pub const PROBE_ID: &str = "x-scope-probe-id";
/// The probe's version.
pub const PROBE_VERSION: &str = "x-scope-probe-version";
/// *Ours.* The probe's host name, percent-encoded UTF-8.
pub const PROBE_HOSTNAME: &str = "x-scope-probe-hostname";
/// *Ours.* `key=value` pairs joined by `,`, each half percent-encoded: what viewers can choose probes by.
pub const PROBE_LABELS: &str = "x-scope-probe-labels";
/// *Ours.* `full` or `delta`; absent means a report as the original sends it.
pub const REPORT_KIND: &str = "x-scope-report-kind";
/// *Ours.* The report's sequence number, decimal, from 1, one up for each report of the probe process.
pub const REPORT_SEQUENCE: &str = "x-scope-report-seq";
/// *Ours.* On a delta: the sequence number of the full report it is relative to. A server that does not hold that report (it has just
/// started, or the full report was lost) answers 409 Conflict; the probe sends a full report at once.
pub const REPORT_BASE: &str = "x-scope-report-base";

/// The WebSocket sub-protocol that a page on another origin offers beside `bearer.TOKEN`; browsers close a socket whose server chooses none.
pub const SUB_PROTOCOL: &str = "scope";
