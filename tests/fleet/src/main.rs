//! `cargo xtask fleet`: measures a real server under simulated probes and viewers and prints a table.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Parser;
use scope_fleet::cell::{self, Cell};
use scope_fleet::{Library, Way, soak, streams, table};

/// The cells of `docs/performance.md`, and the two that compare bytes with the original's.
const CELLS: [(usize, usize); 8] = [(1, 1), (10, 1), (1, 50), (10, 10), (50, 1), (50, 50), (100, 20), (500, 20)];

/// Simulated probes and viewers against a real server.
#[derive(Parser)]
#[command(name = "fleet")]
struct Args {
    /// Probes and viewers, as 50x10; several may be named. [default: the cells of docs/performance.md]
    #[arg(value_parser = parse_cell)]
    cells: Vec<(usize, usize)>,
    /// The `scope` binary.
    #[arg(long, env = "SCOPE_BIN", default_value = "target/release/scope")]
    scope: PathBuf,
    /// Send as Weave Scope's probes do: full and sparse reports, every three seconds, without sequence numbers.
    #[arg(long)]
    original: bool,
    /// How long each cell is measured, after it has settled.
    #[arg(long, default_value = "20s", value_parser = parse_duration)]
    measure: Duration,
    /// How long each cell settles.
    #[arg(long, default_value = "16s", value_parser = parse_duration)]
    settle: Duration,
    /// Run one cell (50x10 unless named) this long and print the slope of the server's memory.
    #[arg(long, value_parser = parse_duration)]
    soak: Option<Duration>,
    /// Write what a viewer of this many probes is sent to FILE instead, for the worker's benchmark.
    #[arg(long, value_names = ["PROBES", "SECONDS", "FILE"], num_args = 3)]
    stream: Option<Vec<String>>,
    /// Where the server's log goes.
    #[arg(long, env = "SCOPE_FLEET_LOG", default_value = "target/fleet-server.log")]
    log: PathBuf,
}

fn parse_cell(text: &str) -> Result<(usize, usize), String> {
    let parsed = text
        .split_once(['x', '×'])
        .and_then(|(probes, viewers)| Some((probes.trim().parse().ok()?, viewers.trim().parse().ok()?)));
    parsed.ok_or_else(|| format!("expected probes and viewers as 50x10, not {text:?}"))
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, scale) = match text.strip_suffix('m') {
        Some(minutes) => (minutes, 60.0),
        None => (text.trim_end_matches('s'), 1.0),
    };
    let number: f64 = number.parse().map_err(|_| format!("expected 20s or 30m, not {text:?}"))?;
    Duration::try_from_secs_f64(number * scale).map_err(|error| error.to_string())
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    if let Some(words) = &args.stream {
        let [probes, seconds, file] = words.as_slice() else {
            bail!("--stream takes PROBES SECONDS FILE");
        };
        let rate = streams::write(file.as_ref(), probes.parse()?, seconds.parse()?)?;
        println!("{file}: {probes} probes, {seconds} s, {:.0} kB/s live", rate / 1e3);
        return Ok(());
    }
    let way = if args.original { Way::Original } else { Way::Ours };
    let library = Arc::new(Library::standard(way));
    let (full, other) = library.sizes();
    println!(
        "{} reports: full {:.0} kB, {} {:.0} kB, every {} s\n",
        if args.original { "the original's" } else { "our" },
        full as f64 / 1e3,
        if args.original { "sparse" } else { "delta" },
        other as f64 / 1e3,
        way.interval().as_secs()
    );
    if let Some(length) = args.soak {
        let size = args.cells.first().copied().unwrap_or((50, 10));
        let soaked = soak::run(&args.scope, &args.log, size, length, &library).await?;
        println!(
            "\n{} probes, {} viewers, {:.0} min: memory grew by {:.1} kB a minute in the second half ({:.1} after the first minute); peak {:.1} MB; {} reports accepted, {} refused; {} viewers lost",
            size.0,
            size.1,
            length.as_secs_f64() / 60.0,
            soaked.slope,
            soaked.whole,
            soaked.peak as f64 / 1e6,
            soaked.posts.0,
            soaked.posts.1,
            soaked.lost
        );
        return Ok(());
    }
    println!("{}", table::heading());
    let cells = if args.cells.is_empty() { CELLS.to_vec() } else { args.cells };
    for (probes, viewers) in cells {
        let cell = Cell {
            probes,
            viewers,
            settle: args.settle,
            measure: args.measure,
        };
        println!("{}", table::row(&cell::run(&args.scope, &args.log, cell, &library).await?));
    }
    Ok(())
}
