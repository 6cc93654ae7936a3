//! Writes what one viewer of a fleet is sent to a file, for benchmarks of the page's worker: the frames and when they come.
//!
//! The file is a sequence of `millis:u32 length:u32 frame`, little-endian: first, at millisecond 0, what a server holds when the viewer
//! connects (greeting, full reports, deltas, "caught up"), then a report a second of each probe, spread over the second.

use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use scope_app::generate::{Cluster, Stream};
use scope_shared::frame::{Frame, Hello};

use crate::library::{Way, dialect, shape};

/// Unix milliseconds that the server's stamps begin with.
const EPOCH: u64 = 1_700_000_000_000;

/// Writes the stream of `probes` probes for `seconds`. Returns how many bytes came a second.
///
/// # Errors
/// When the file cannot be written.
pub fn write(file: &Path, probes: usize, seconds: u64) -> Result<f64> {
    let cluster = Cluster::new(shape(probes));
    let out = std::fs::File::create(file).with_context(|| format!("cannot write {}", file.display()))?;
    let mut out = BufWriter::new(out);
    let mut put = |millis: u64, frame: &[u8]| -> Result<u64> {
        out.write_all(&u32::try_from(millis)?.to_le_bytes())?;
        out.write_all(&u32::try_from(frame.len())?.to_le_bytes())?;
        out.write_all(frame)?;
        Ok(frame.len() as u64)
    };
    let hello = Hello {
        id: "fleet".to_owned(),
        version: "fleet".to_owned(),
        hostname: "fleet".to_owned(),
        window_millis: 15_000,
        role: "operate".to_owned(),
        show_arguments: true,
        probes: u32::try_from(probes)?,
        ..Hello::default()
    };
    put(0, &Frame::Hello(&serde_json::to_vec(&hello)?).encode())?;
    let mut streams = Vec::new();
    for host in 0..probes {
        let mut stream = Stream::new(cluster, host, dialect(Way::Ours));
        // Probes started at different times: each is at another place of its cycle.
        for turn in 0..=host % 15 {
            let body = stream.next_body();
            let newest = turn == host % 15;
            if turn == 0 || newest {
                put(0, &body.frame(EPOCH))?;
            }
        }
        streams.push(stream);
    }
    put(0, &Frame::CaughtUp.encode())?;
    let mut bytes = 0;
    for second in 0..seconds {
        for (host, stream) in streams.iter_mut().enumerate() {
            let millis = second * 1000 + host as u64 * 1000 / probes as u64;
            bytes += put(millis, &stream.next_body().frame(EPOCH + millis))?;
        }
    }
    out.flush()?;
    Ok(bytes as f64 / seconds.max(1) as f64)
}
