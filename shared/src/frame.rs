//! What the server sends a viewer over its one WebSocket: binary messages, each a small versioned header and a payload the server never
//! looked into.
//!
//! All integers are big-endian. A message is `version:u8 kind:u8 …`; a viewer ignores kinds it does not know and says so to nobody, and
//! refuses versions above its own with a clear message (the page is older than the server).

use thiserror::Error;

/// The version of the header this build writes.
pub const VERSION: u8 = 1;
/// The longest probe id or host name a frame carries, in bytes.
pub const MAX_NAME_BYTES: usize = 255;

/// One message to a viewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// First message on every socket: UTF-8 JSON, see [`Hello`].
    Hello(&'a [u8]),
    /// A report.
    Report(ReportFrame<'a>),
    /// The probe has been silent for the window or has been dropped: forget it. (Viewers also expire probes by themselves.)
    ProbeGone {
        /// The probe's id.
        probe: &'a str,
    },
    /// The viewer was too slow: frames were left out and it now gets each probe's newest state. The number counts the frames skipped.
    Skipped {
        /// How many frames were left out.
        frames: u64,
    },
    /// All that the server held when the viewer connected has been sent; what follows is live.
    CaughtUp,
    /// The server is going away: UTF-8 reason. The viewer reconnects.
    Goodbye(&'a [u8]),
}

/// The header of a report and its body as the probe sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFrame<'a> {
    /// The probe's id; unique among the probes of one server.
    pub probe: &'a str,
    /// When the server received it, in milliseconds since the Unix epoch by the server's clock.
    pub received_millis: u64,
    /// What kind of report the body is.
    pub kind: ReportKind,
    /// How the body is encoded.
    pub encoding: Encoding,
    /// Whether the body is gzip'd.
    pub gzip: bool,
    /// The body.
    pub body: &'a [u8],
}

/// What a report's body is relative to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportKind {
    /// As the original sends them: full or sparse, no sequence; the window merges them.
    Plain,
    /// A whole state: replaces everything this probe said before.
    Full {
        /// Its sequence number.
        sequence: u64,
    },
    /// What differs from the full report `base`.
    Delta {
        /// Its sequence number.
        sequence: u64,
        /// The sequence number of the full report it is relative to.
        base: u64,
    },
}

/// How a report's body is encoded, under the compression if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Msgpack, old raw dialect.
    Msgpack,
    /// JSON.
    Json,
}

/// The JSON of [`Frame::Hello`].
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Hello {
    /// The server's id, drawn at its start: another id after a reconnect means another server process.
    pub id: String,
    /// The server's version.
    pub version: String,
    /// The server's host name.
    pub hostname: String,
    /// How long a silent probe's reports stay, in milliseconds.
    pub window_millis: u64,
    /// What this viewer may do: `view`, `operate`.
    pub role: String,
    /// Control kinds the server refuses for everyone, with the reason: `(kind, reason)`.
    pub refused: Vec<(String, String)>,
    /// Whether viewers of this role see command-line arguments and environment variables.
    pub show_arguments: bool,
    /// How many probes the server holds now.
    pub probes: u32,
}

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// Fewer bytes than the header needs.
    #[error("frame is cut short")]
    Truncated,
    /// The server speaks a newer header than this build reads.
    #[error("frame version {0} is newer than this page understands; reload the page")]
    Version(u8),
    /// A kind this build does not know: to be ignored.
    #[error("unknown frame kind {0}")]
    Kind(u8),
    /// A name is not UTF-8.
    #[error("a name in the frame is not UTF-8")]
    Name,
}

const HELLO: u8 = 0;
const REPORT: u8 = 1;
const PROBE_GONE: u8 = 2;
const SKIPPED: u8 = 3;
const CAUGHT_UP: u8 = 4;
const GOODBYE: u8 = 5;

impl<'a> Frame<'a> {
    /// Reads a message. The body of a report is everything after its header.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, FrameError> {
        let mut input = Input(bytes);
        let version = input.u8()?;
        if version != VERSION {
            return Err(FrameError::Version(version));
        }
        Ok(match input.u8()? {
            HELLO => Self::Hello(input.0),
            REPORT => {
                let flags = input.u8()?;
                let received_millis = input.u64()?;
                let sequence = input.u64()?;
                let base = input.u64()?;
                let probe = input.name()?;
                Self::Report(ReportFrame {
                    probe,
                    received_millis,
                    kind: match flags & 0b11 {
                        0 => ReportKind::Plain,
                        1 => ReportKind::Full { sequence },
                        _ => ReportKind::Delta { sequence, base },
                    },
                    encoding: if flags & 0b100 == 0 { Encoding::Msgpack } else { Encoding::Json },
                    gzip: flags & 0b1000 != 0,
                    body: input.0,
                })
            }
            PROBE_GONE => Self::ProbeGone { probe: input.name()? },
            SKIPPED => Self::Skipped { frames: input.u64()? },
            CAUGHT_UP => Self::CaughtUp,
            GOODBYE => Self::Goodbye(input.0),
            kind => return Err(FrameError::Kind(kind)),
        })
    }

    /// Writes the message. Names longer than [`MAX_NAME_BYTES`] are the caller's fault and are cut at a character.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Hello(json) => message(HELLO, json),
            Self::Report(report) => {
                let mut out = report.header();
                out.extend_from_slice(report.body);
                out
            }
            Self::ProbeGone { probe } => {
                let mut out = vec![VERSION, PROBE_GONE];
                push_name(&mut out, probe);
                out
            }
            Self::Skipped { frames } => message(SKIPPED, &frames.to_be_bytes()),
            Self::CaughtUp => message(CAUGHT_UP, &[]),
            Self::Goodbye(reason) => message(GOODBYE, reason),
        }
    }
}

impl ReportFrame<'_> {
    /// The bytes before the body, so that a relay can build the message in one allocation.
    #[must_use]
    pub fn header(&self) -> Vec<u8> {
        let (kind, sequence, base) = match self.kind {
            ReportKind::Plain => (0, 0, 0),
            ReportKind::Full { sequence } => (1, sequence, 0),
            ReportKind::Delta { sequence, base } => (2, sequence, base),
        };
        let encoding = if self.encoding == Encoding::Json { 0b100 } else { 0 };
        let gzip = if self.gzip { 0b1000 } else { 0 };
        let mut out = Vec::with_capacity(28 + self.probe.len() + self.body.len());
        out.extend_from_slice(&[VERSION, REPORT, kind | encoding | gzip]);
        out.extend_from_slice(&self.received_millis.to_be_bytes());
        out.extend_from_slice(&sequence.to_be_bytes());
        out.extend_from_slice(&base.to_be_bytes());
        push_name(&mut out, self.probe);
        out
    }
}

fn message(kind: u8, rest: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(2 + rest.len());
    out.extend_from_slice(&[VERSION, kind]);
    out.extend_from_slice(rest);
    out
}

fn push_name(out: &mut Vec<u8>, name: &str) {
    let mut end = name.len().min(MAX_NAME_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    out.push(end as u8);
    out.extend_from_slice(&name.as_bytes()[..end]);
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], FrameError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(FrameError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn u8(&mut self) -> Result<u8, FrameError> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn u64(&mut self) -> Result<u64, FrameError> {
        self.take(8)
            .map(|bytes| bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn name(&mut self) -> Result<&'a str, FrameError> {
        let length = usize::from(self.u8()?);
        std::str::from_utf8(self.take(length)?).map_err(|_| FrameError::Name)
    }
}
