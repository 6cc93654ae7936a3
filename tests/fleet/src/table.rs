//! Prints figures as the rows of a Markdown table, as `docs/performance.md` shows them.

use std::time::Duration;

use crate::cell::Figures;

/// The heading.
#[must_use]
pub fn heading() -> String {
    "| probes × viewers | server CPU s per s | peak memory | in | to each viewer | delay p50 / p95 / p99 / max | reports/s to a viewer | late / refused / resent in full | skipped | viewers lost | generator CPU s per s |\n\
     |---|---|---|---|---|---|---|---|---|---|---|"
        .to_owned()
}

/// A row.
#[must_use]
pub fn row(figures: &Figures) -> String {
    let [_, late, refused, resent] = figures.posts;
    let delay = |part| millis(figures.delays.percentile(part));
    format!(
        "| {} × {} | {:.3} | {:.0} MB | {} | {} | {} / {} / {} / {} ms | {:.1} | {late} / {refused} / {resent} | {} | {} | {:.2} |",
        figures.size.0,
        figures.size.1,
        figures.server_cpu,
        figures.peak as f64 / 1e6,
        rate(figures.taken),
        rate(figures.to_viewer),
        delay(0.5),
        delay(0.95),
        delay(0.99),
        millis(figures.delays.longest()),
        figures.reports,
        figures.gaps,
        figures.lost,
        figures.own_cpu,
    )
}

fn millis(delay: Duration) -> String {
    let millis = delay.as_secs_f64() * 1000.0;
    if millis < 10.0 {
        format!("{millis:.1}")
    } else {
        format!("{millis:.0}")
    }
}

fn rate(bytes: f64) -> String {
    if bytes < 10e6 {
        format!("{:.0} kB/s", bytes / 1e3)
    } else {
        format!("{:.1} MB/s", bytes / 1e6)
    }
}
