//! A long run at one size: does memory stay flat? Prints a line each half minute and, at the end, the slope of the second half.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::cell::Fleet;
use crate::library::Library;
use crate::probe;
use crate::server::Server;

/// How often memory is looked at.
const SAMPLE: Duration = Duration::from_secs(5);
/// How often a line is printed.
const LINE: Duration = Duration::from_secs(30);

/// The outcome of a soak.
#[derive(Clone, Copy, Debug)]
pub struct Soaked {
    /// Kilobytes a minute that the server's memory grew by in the second half: the slope of the straight line with the least squares.
    pub slope: f64,
    /// The same over the whole run but for the first minute.
    pub whole: f64,
    /// Most memory in bytes.
    pub peak: u64,
    /// Reports accepted and refused.
    pub posts: (u64, u64),
    /// Viewers that lost their connection.
    pub lost: usize,
}

/// Runs for `length`.
///
/// # Errors
/// When the server does not start, refuses a viewer, or dies.
pub async fn run(binary: &Path, log: &Path, (probes, viewers): (usize, usize), length: Duration, library: &Arc<Library>) -> Result<Soaked> {
    let server = Server::start(binary, &[], log)?;
    let begun = Instant::now();
    let mut fleet = Fleet::start(&server, library, probes, viewers, begun + length).await?;
    fleet.journal.measure();
    let mut samples: Vec<(f64, f64)> = Vec::new();
    let mut line = Instant::now();
    println!("minutes   MB now   MB peak   CPU s   reports accepted   refused");
    while begun.elapsed() < length {
        tokio::time::sleep(SAMPLE).await;
        let (now, minutes) = (server.usage()?, begun.elapsed().as_secs_f64() / 60.0);
        samples.push((minutes, now.memory as f64 / 1e3));
        if line.elapsed() >= LINE {
            line = Instant::now();
            let (accepted, refused) = (probe::read(&fleet.journal.accepted), probe::read(&fleet.journal.refused));
            println!(
                "{minutes:>7.1} {:>8.1} {:>9.1} {:>7.1} {accepted:>18} {refused:>9}",
                now.memory as f64 / 1e6,
                now.peak as f64 / 1e6,
                now.cpu.as_secs_f64(),
            );
        }
    }
    let lost = fleet.seen().await.iter().filter(|seen| seen.is_err()).count();
    let end = begun.elapsed().as_secs_f64() / 60.0;
    let after = |from: f64| slope(samples.iter().copied().filter(|(at, _)| *at >= from));
    Ok(Soaked {
        slope: after(end / 2.0),
        whole: after(1.0),
        peak: server.usage()?.peak,
        posts: (probe::read(&fleet.journal.accepted), probe::read(&fleet.journal.refused)),
        lost,
    })
}

/// The slope of the line with the least squares; 0 for fewer than two points.
fn slope(points: impl Iterator<Item = (f64, f64)>) -> f64 {
    let points: Vec<(f64, f64)> = points.collect();
    let count = points.len().max(1) as f64;
    let (x, y) = points
        .iter()
        .fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let (above, below) = points.iter().fold((0.0, 0.0), |(above, below), point| {
        (above + (point.0 - x) * (point.1 - y), below + (point.0 - x) * (point.0 - x))
    });
    if below > 0.0 { above / below } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::slope;

    #[test]
    fn a_straight_line_has_its_slope() {
        let line = (0..10).map(|x| (f64::from(x), 3.0 * f64::from(x) + 7.0));
        assert!((slope(line) - 3.0).abs() < 1e-9);
        assert!(slope(std::iter::empty()).abs() < 1e-9);
    }
}
