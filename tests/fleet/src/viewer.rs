//! A simulated viewer: reads its WebSocket as fast as it can, looks at the header of each frame, and throws the rest away.
//!
//! The protocol is spelt out here rather than taken from a library, because a library would copy every body, and that work of the load
//! generator would be taken from the server on a small machine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, bail, ensure};
use scope_shared::frame::{Frame, ReportKind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::journal::{Delays, Journal, Tail};

/// Bytes read at once.
const BUFFER: usize = 64 << 10;
/// The longest header of a report's frame: 28 bytes and the probe's id.
const HEAD: usize = 28 + 255;

const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;

/// What a viewer saw while the journal was counting.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Bytes, as they came.
    pub bytes: u64,
    /// Reports.
    pub reports: u64,
    /// Reports that were left out between two of the same probe: skipped forward.
    pub gaps: u64,
    /// Times from post to here.
    pub delays: Delays,
}

/// A connected viewer.
pub struct Viewer {
    stream: TcpStream,
    journal: Arc<Journal>,
    /// Sequence number of the newest report of each probe.
    newest: Vec<u64>,
    seen: Seen,
}

/// A frame of the WebSocket that is being read.
#[derive(Default)]
struct Incoming {
    head: Vec<u8>,
    header: usize,
    opcode: u8,
    left: u64,
    kept: Vec<u8>,
    last: Tail,
}

impl Viewer {
    /// Connects.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn connect(address: SocketAddr, query: &str, probes: usize, journal: Arc<Journal>) -> Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!(
            "GET /api/viewer/ws{query} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ZmxlZXQgb2Ygdmlld2Vycw==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            ensure!(answer.len() < 4096, "an endless answer");
            answer.push(stream.read_u8().await?);
        }
        ensure!(
            answer.starts_with(b"HTTP/1.1 101"),
            "the server refused: {}",
            String::from_utf8_lossy(&answer)
        );
        Ok(Self {
            stream,
            journal,
            newest: vec![0; probes],
            seen: Seen::default(),
        })
    }

    /// Reads until the journal stops counting after it has begun, or the connection ends. Returns what was seen.
    ///
    /// # Errors
    /// When the server closes the connection or breaks the protocol.
    pub async fn run(mut self, until: Instant) -> Result<Seen> {
        let mut buffer = vec![0; BUFFER];
        let mut incoming = Incoming::default();
        let deadline = tokio::time::Instant::from_std(until);
        loop {
            let count = match tokio::time::timeout_at(deadline, self.stream.read(&mut buffer)).await {
                Ok(count) => count?,
                Err(_) => return Ok(self.seen),
            };
            ensure!(count > 0, "the server closed the connection");
            if self.journal.is_measuring() {
                self.seen.bytes += count as u64;
            }
            let mut piece = buffer.get(..count).unwrap_or_default();
            while !piece.is_empty() {
                piece = incoming.take(piece)?;
                if incoming.is_whole() {
                    self.frame(&incoming).await?;
                    incoming.clear();
                }
            }
        }
    }

    async fn frame(&mut self, frame: &Incoming) -> Result<()> {
        match frame.opcode {
            BINARY => self.message(frame),
            PING => {
                // A pong with the ping's body, masked with zeroes.
                let mut pong = vec![0x8a, 0x80 | u8::try_from(frame.kept.len()).unwrap_or(125), 0, 0, 0, 0];
                pong.extend_from_slice(&frame.kept);
                self.stream.write_all(&pong).await?;
            }
            CLOSE => bail!("the server closed the socket"),
            _ => {}
        }
        Ok(())
    }

    fn message(&mut self, frame: &Incoming) {
        let Ok(Frame::Report(report)) = Frame::decode(&frame.kept) else {
            return;
        };
        let Some(probe) = self.journal.probe(report.probe) else {
            return;
        };
        let sequence = match report.kind {
            ReportKind::Full { sequence } | ReportKind::Delta { sequence, .. } => Some(sequence),
            ReportKind::Plain => self.journal.sequence_of(probe, &frame.last),
        };
        let (Some(sequence), Some(newest)) = (sequence, self.newest.get_mut(probe)) else {
            return;
        };
        let before = std::mem::replace(newest, sequence.max(*newest));
        if !self.journal.is_measuring() || sequence <= before {
            return;
        }
        self.seen.reports += 1;
        if before > 0 {
            self.seen.gaps += sequence - before - 1;
            for late in before + 1..=sequence {
                if let Some(delay) = self.journal.since(probe, late) {
                    self.seen.delays.add(delay);
                }
            }
        }
    }
}

impl Incoming {
    fn clear(&mut self) {
        self.head.clear();
        self.header = 0;
        self.kept.clear();
    }

    fn is_whole(&self) -> bool {
        self.header > 0 && self.left == 0
    }

    /// Takes what belongs to this frame and returns the rest.
    fn take<'a>(&mut self, mut piece: &'a [u8]) -> Result<&'a [u8]> {
        while self.header == 0 {
            let Some((byte, rest)) = piece.split_first() else {
                return Ok(piece);
            };
            self.head.push(*byte);
            piece = rest;
            self.read_header()?;
        }
        let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(piece.len());
        let (mine, rest) = piece.split_at(count);
        self.left -= count as u64;
        let room = HEAD.saturating_sub(self.kept.len()).min(count);
        self.kept.extend_from_slice(mine.get(..room).unwrap_or_default());
        match mine.last_chunk::<8>() {
            Some(last) => self.last = *last,
            None => {
                let both = [self.last.as_slice(), mine].concat();
                self.last = both.last_chunk::<8>().copied().unwrap_or_default();
            }
        }
        Ok(rest)
    }

    fn read_header(&mut self) -> Result<()> {
        let &[first, second, ref rest @ ..] = self.head.as_slice() else {
            return Ok(());
        };
        ensure!(first & 0x80 != 0, "a fragmented message");
        ensure!(second & 0x80 == 0, "a masked message from a server");
        let extended = match second {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if rest.len() < extended {
            return Ok(());
        }
        self.left = if extended == 0 {
            u64::from(second)
        } else {
            rest.iter().fold(0, |length, byte| length << 8 | u64::from(*byte))
        };
        self.opcode = first & 0xf;
        self.header = self.head.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_however_they_are_cut() {
        let mut wire = Vec::new();
        for length in [0_usize, 3, 125, 126, 70_000] {
            wire.push(0x82);
            match length {
                0..=125 => wire.push(length as u8),
                126..=65_535 => {
                    wire.push(126);
                    wire.extend_from_slice(&(length as u16).to_be_bytes());
                }
                _ => {
                    wire.push(127);
                    wire.extend_from_slice(&(length as u64).to_be_bytes());
                }
            }
            wire.extend((0..length).map(|at| at as u8));
        }
        for step in [1, 2, 7, 1000, wire.len()] {
            let mut incoming = Incoming::default();
            let mut found = Vec::new();
            for mut piece in wire.chunks(step) {
                loop {
                    piece = incoming.take(piece).expect("frames");
                    if incoming.is_whole() {
                        found.push((incoming.kept.len(), incoming.last[7]));
                        incoming.clear();
                    }
                    if piece.is_empty() {
                        break;
                    }
                }
            }
            let lengths: Vec<usize> = found.iter().map(|(kept, _)| *kept).collect();
            assert_eq!(lengths, [0, 3, 125, 126, HEAD], "in steps of {step}");
            assert_eq!(found.last().map(|(_, last)| *last), Some(69_999_u32 as u8));
        }
    }
}
