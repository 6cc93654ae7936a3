//! Recordings of terminals in asciicast form (version 2): what the terminal showed and when it was resized, not what was typed.
//!
//! Files are written by one thread a recording through a bounded channel; a disk that cannot keep up slows the terminal down rather than
//! losing output. `asciinema play FILE` shows one.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bytes::Bytes;
use serde_json::json;
use tokio::sync::mpsc;

/// Messages on their way to the disk.
const QUEUE: usize = 64;
/// One recording's length: a terminal that printed more than this is not watched by anyone.
const RECORDING_BYTES: u64 = 256 << 20;

/// A running recording. Dropping it finishes the file.
#[derive(Clone)]
pub(crate) struct Recording {
    started: Instant,
    lines: mpsc::Sender<Line>,
    failed: Arc<AtomicBool>,
}

enum Line {
    Output(f64, Bytes),
    Resize(f64, String),
}

impl Recording {
    pub(super) fn start(directory: &Path, pipe: &str) -> io::Result<Self> {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        let safe: String = pipe.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(80).collect();
        let path = directory.join(format!("{}-{safe}.cast", since.as_secs()));
        let mut file = BufWriter::new(OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?);
        // The true size comes with the first resize, which every page sends when it opens a terminal.
        let header = json!({"version": 2, "width": 80, "height": 24, "timestamp": since.as_secs(), "title": pipe});
        writeln!(file, "{header}")?;
        file.flush()?;
        let (lines, receiver) = mpsc::channel(QUEUE);
        let failed = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&failed);
        std::thread::Builder::new().name("recording".to_owned()).spawn(move || {
            if let Err(error) = write(file, receiver) {
                tracing::error!(%error, "a terminal's recording broke off");
                flag.store(true, Ordering::Relaxed);
            }
        })?;
        Ok(Self {
            started: Instant::now(),
            lines,
            failed,
        })
    }

    /// Records output; waits while the disk is behind. `false`: the recording has broken off.
    pub(crate) async fn output(&self, bytes: Bytes) -> bool {
        self.lines
            .send(Line::Output(self.started.elapsed().as_secs_f64(), bytes))
            .await
            .is_ok()
            && !self.failed.load(Ordering::Relaxed)
    }

    /// Records a resize; one that finds the queue full is left out.
    pub(crate) fn resize(&self, width: &str, height: &str) {
        let size = format!("{width}x{height}");
        self.lines.try_send(Line::Resize(self.started.elapsed().as_secs_f64(), size)).ok();
    }
}

fn write(mut file: BufWriter<File>, mut lines: mpsc::Receiver<Line>) -> io::Result<()> {
    let mut written = 0;
    let mut decoder = Utf8::default();
    while let Some(line) = lines.blocking_recv() {
        let record = match line {
            Line::Output(at, bytes) => json!([at, "o", decoder.decode(&bytes)]),
            Line::Resize(at, size) => json!([at, "r", size]),
        }
        .to_string();
        written += record.len() as u64 + 1;
        if written > RECORDING_BYTES {
            return Err(io::Error::other("it is longer than 256 MiB"));
        }
        writeln!(file, "{record}")?;
        if lines.is_empty() {
            file.flush()?;
        }
    }
    file.flush()
}

/// Joins characters that were cut between two messages.
#[derive(Default)]
struct Utf8 {
    rest: Vec<u8>,
}

impl Utf8 {
    fn decode(&mut self, bytes: &[u8]) -> String {
        self.rest.extend_from_slice(bytes);
        let complete = match std::str::from_utf8(&self.rest) {
            Ok(_) => self.rest.len(),
            // `None`: the end may be the beginning of a character; at most three bytes wait for its rest.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => self.rest.len(),
        };
        let tail = self.rest.split_off(complete);
        let text = String::from_utf8_lossy(&self.rest).into_owned();
        self.rest = tail;
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_cut_in_two_is_put_together() {
        let mut decoder = Utf8::default();
        assert_eq!(decoder.decode(&"aé".as_bytes()[..2]), "a");
        assert_eq!(decoder.decode(&"é".as_bytes()[1..]), "é");
        assert_eq!(decoder.decode(b"\xff!"), "\u{fffd}!");
    }

    #[tokio::test]
    async fn a_recording_is_a_header_and_timed_lines() {
        let directory = tempfile::tempdir().expect("directory");
        let recording = Recording::start(directory.path(), "pipe-1/../x").expect("started");
        recording.resize("100", "30");
        assert!(recording.output(Bytes::from_static(b"hi")).await);
        let path = std::fs::read_dir(directory.path())
            .expect("list")
            .next()
            .expect("one")
            .expect("file")
            .path();
        assert!(
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().ends_with("-pipe-1x.cast"))
        );
        drop(recording);
        let text = tokio::task::spawn_blocking(move || {
            // The thread ends soon after its channel; its last flush is what is waited for.
            loop {
                let text = std::fs::read_to_string(&path).expect("file");
                if text.lines().count() == 3 {
                    return text;
                }
                std::thread::yield_now();
            }
        })
        .await
        .expect("read");
        assert!(text.contains("\"r\",\"100x30\"") && text.contains("\"o\",\"hi\""), "{text}");
    }
}
