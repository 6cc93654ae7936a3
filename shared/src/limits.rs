//! Every cap of the wire, in one table, each with its reason. Nothing that comes from outside is read without one of these.

/// A compressed report body. The largest full report measured (100 containers, 1,000 processes, 2,000 endpoints) is 0.8 MB.
pub const REPORT_COMPRESSED_BYTES: usize = 32 << 20;
/// A report after inflation. The largest measured is 6.6 MB of JSON; the cap stops gzip bombs at a size a browser tab survives.
pub const REPORT_INFLATED_BYTES: usize = 128 << 20;
/// Nesting of maps and arrays in a report. A real one needs 9 (report, topology, nodes, node, children, node, latest, entry).
pub const REPORT_DEPTH: usize = 64;
/// Values (map keys included) in one report: bounds the work that a small, well-compressed body can cause.
pub const REPORT_VALUES: usize = 16 << 20;
/// Nodes in one report: a node costs 250 bytes in memory and can cost 2 on the wire, so a million stops at a quarter of a gigabyte.
pub const REPORT_NODES: usize = 1 << 20;
/// One string in a report. Command lines and environment values are the longest; the kernel caps both at 128 KiB.
pub const REPORT_STRING_BYTES: usize = 4 << 20;
/// A control request's or answer's JSON body.
pub const CONTROL_BYTES: usize = 1 << 20;
/// One message on a pipe. The original sends at most 1 KiB; pasted text is longer.
pub const PIPE_MESSAGE_BYTES: usize = 256 << 10;
/// A plugin's answer, as the original.
pub const PLUGIN_BYTES: usize = 50 << 20;
