//! A run of checks: each step is announced, timed and counted; a failed one does not stop the others.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::progress::seconds;
use crate::shell::tee;

/// How many checks a step made.
#[derive(Clone, Copy, Default)]
pub struct Counts {
    /// Checks that held.
    pub passed: u64,
    /// Checks that did not.
    pub failed: u64,
}

impl Counts {
    /// One check that held.
    pub const ONE: Self = Self { passed: 1, failed: 0 };
}

/// The steps so far.
#[derive(Default)]
pub struct Suite {
    rows: Vec<(String, Duration, Counts)>,
}

impl Suite {
    /// Runs one step. An error counts as one failed check.
    pub fn step(&mut self, name: &str, work: impl FnOnce() -> Result<Counts>) {
        println!("\n=== {name}");
        let begun = Instant::now();
        let counts = work().unwrap_or_else(|error| {
            println!("failed: {error:#}");
            Counts { passed: 0, failed: 1 }
        });
        println!(
            "--- {name}: {} passed, {} failed in {}",
            counts.passed,
            counts.failed,
            seconds(begun.elapsed())
        );
        self.rows.push((name.to_owned(), begun.elapsed(), counts));
    }

    /// Prints the table of steps and the closing line; an error if a check failed or none was made.
    pub fn finish(self) -> Result<()> {
        println!("\n{:<28} {:>12} {:>8} {:>8}", "step", "time", "passed", "failed");
        let mut all = Counts::default();
        let mut time = Duration::ZERO;
        for (name, took, counts) in &self.rows {
            println!("{name:<28} {:>12} {:>8} {:>8}", seconds(*took), counts.passed, counts.failed);
            all = Counts {
                passed: all.passed + counts.passed,
                failed: all.failed + counts.failed,
            };
            time += *took;
        }
        println!(
            "{:<28} {:>12}\n\n{} passed, {} failed",
            "in all",
            seconds(time),
            all.passed,
            all.failed
        );
        match all {
            Counts { failed: 1.., .. } => bail!("{} checks failed", all.failed),
            Counts { passed: 0, .. } => bail!("no check was made"),
            _ => Ok(()),
        }
    }
}

/// A command that is one check: it succeeds or not.
pub fn check(command: Command) -> Result<Counts> {
    let succeeded = tee(command, |_| ())?;
    Ok(if succeeded { Counts::ONE } else { Counts { passed: 0, failed: 1 } })
}

/// A command that runs tests and prints their number, as nextest and `cargo test` do. A run that fails without naming a failed test
/// (it did not compile, say) counts as one failure.
pub fn tests(command: Command) -> Result<Counts> {
    let (mut all, mut each) = (None, Counts::default());
    let succeeded = tee(command, |line| match summary(line) {
        // nextest repeats the closing line of each failed test before its own, which counts them all.
        Some(found) if without_colours(line).trim_start().starts_with("Summary [") => all = Some(found),
        Some(found) => {
            each = Counts {
                passed: each.passed + found.passed,
                failed: each.failed + found.failed,
            };
        }
        None => {}
    })?;
    let mut counts = all.unwrap_or(each);
    if !succeeded && counts.failed == 0 {
        counts.failed = 1;
    }
    Ok(counts)
}

/// Reads a closing line: nextest's `Summary [ 1.2s] 4 tests run: 3 passed, 1 failed, 0 skipped`, or `test result: ok. 3 passed; 0 failed; …`.
fn summary(line: &str) -> Option<Counts> {
    let plain = without_colours(line);
    let text = plain.trim_start();
    let rest = match text.strip_prefix("test result:") {
        Some(rest) => rest,
        None if text.starts_with("Summary [") => text.split_once("run:")?.1,
        None => return None,
    };
    let words: Vec<_> = rest
        .split(|c: char| c.is_whitespace() || ",;().".contains(c))
        .filter(|word| !word.is_empty())
        .collect();
    let before = |wanted: &[&str]| -> u64 {
        words
            .windows(2)
            .filter(|pair| pair.get(1).is_some_and(|word| wanted.contains(word)))
            .filter_map(|pair| pair.first()?.parse::<u64>().ok())
            .sum()
    };
    Some(Counts {
        passed: before(&["passed"]),
        failed: before(&["failed", "timed"]),
    })
}

fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut inside = false;
    for character in line.chars() {
        match (inside, character) {
            (false, '\x1b') => inside = true,
            (true, 'm') => inside = false,
            (false, _) => plain.push(character),
            (true, _) => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::summary;

    #[test]
    fn closing_lines_of_both_runners_are_counted() {
        let counts = |line| summary(line).map(|counts| (counts.passed, counts.failed));
        assert_eq!(
            counts("     Summary [   0.011s] 4 tests run: 3 passed (1 slow), 1 failed, 2 skipped"),
            Some((3, 1))
        );
        assert_eq!(
            counts("\x1b[32m     Summary\x1b[0m [   2.1s] \x1b[1m9\x1b[0m tests run: \x1b[1m9\x1b[0m passed, 0 skipped"),
            Some((9, 0))
        );
        assert_eq!(
            counts("test result: FAILED. 5 passed; 2 failed; 0 ignored; 0 measured"),
            Some((5, 2))
        );
        assert_eq!(counts("test summary_of_things ... ok"), None);
    }
}
