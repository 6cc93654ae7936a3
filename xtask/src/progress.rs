//! What a person sees during the minutes of a first start: which steps run, how far each is, and how long it took.
//!
//! Steps run side by side; one thread draws. On a terminal the line of running steps is redrawn in place, elsewhere (a log) it is
//! printed now and then.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often a terminal is redrawn.
const REDRAW: Duration = Duration::from_millis(250);
/// How often a log gets a line.
const LOG_EVERY: Duration = Duration::from_secs(15);

/// The board on which running steps write how far they are.
#[derive(Clone)]
pub struct Board(Arc<Shared>);

struct Shared {
    running: Mutex<BTreeMap<String, String>>,
    done: AtomicBool,
    started: Instant,
}

/// Draws until dropped.
pub struct Drawer {
    board: Board,
    thread: Option<JoinHandle<()>>,
}

impl Board {
    /// A board and the thread that draws it.
    pub fn start() -> (Self, Drawer) {
        let shared = Shared {
            running: Mutex::default(),
            done: AtomicBool::new(false),
            started: Instant::now(),
        };
        let board = Self(Arc::new(shared));
        let drawn = board.clone();
        let thread = Some(thread::spawn(move || drawn.draw()));
        (board.clone(), Drawer { board, thread })
    }

    /// Runs a step: announces it, shows what it reports through its [`Step`], and prints how long it took.
    pub fn step<T>(&self, name: &str, what: &str, work: impl FnOnce(&Step) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let begun = Instant::now();
        self.say(&format!("  ..  {name}: {what}"));
        let step = Step {
            board: self.clone(),
            name: name.to_owned(),
        };
        step.is("");
        let result = work(&step);
        self.running(|running| running.remove(name));
        let mark = if result.is_ok() { "ok" } else { "!!" };
        self.say(&format!("  {mark}  {name} ({})", seconds(begun.elapsed())));
        result
    }

    /// Prints a line above the running steps.
    pub fn say(&self, line: &str) {
        if std::io::stdout().is_terminal() {
            print!("\r\x1b[2K");
        }
        println!("{line}");
    }

    fn running<T>(&self, change: impl FnOnce(&mut BTreeMap<String, String>) -> T) -> T {
        change(&mut self.0.running.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn draw(&self) {
        let terminal = std::io::stdout().is_terminal();
        let mut last = Instant::now();
        while !self.0.done.load(Ordering::Relaxed) {
            thread::sleep(REDRAW);
            if !terminal && last.elapsed() < LOG_EVERY {
                continue;
            }
            last = Instant::now();
            let steps = self.running(|running| running.iter().map(|(name, state)| format!("{name} {state}")).collect::<Vec<_>>());
            if steps.is_empty() {
                continue;
            }
            let line = format!("      {}  {}", seconds(self.0.started.elapsed()), steps.join(" · "));
            if terminal {
                print!("\r\x1b[2K{}", line.chars().take(110).collect::<String>());
                // A terminal that has gone away is nothing to fail for.
                std::io::stdout().flush().unwrap_or_default();
            } else {
                println!("{line}");
            }
        }
    }
}

impl Drop for Drawer {
    fn drop(&mut self) {
        self.board.0.done.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // The drawing thread cannot fail in a way that matters here.
            thread.join().unwrap_or_default();
        }
    }
}

/// A running step.
pub struct Step {
    board: Board,
    name: String,
}

impl Step {
    /// Says how far the step is.
    pub fn is(&self, state: &str) {
        self.board.running(|running| running.insert(self.name.clone(), state.to_owned()));
    }

    /// Reads a piece of Cargo's output; its progress bar (`Building [==> ] 12/345: …`) becomes `12/345`.
    pub fn cargo_piece(&self, piece: &str) {
        if let Some(counts) = cargo_counts(piece) {
            self.is(counts);
        }
    }
}

/// Asks Cargo for a progress bar although nobody's terminal is there.
pub fn with_bar(command: &mut std::process::Command) {
    command
        .env("CARGO_TERM_PROGRESS_WHEN", "always")
        .env("CARGO_TERM_PROGRESS_WIDTH", "80")
        .env("CARGO_TERM_COLOR", "never");
}

fn cargo_counts(piece: &str) -> Option<&str> {
    let (_, after) = piece.split_once("] ")?;
    let counts = after.split(':').next()?.trim();
    let (done, all) = counts.split_once('/')?;
    (!done.is_empty() && done.bytes().chain(all.bytes()).all(|byte| byte.is_ascii_digit())).then_some(counts)
}

/// `75 s` or `2 min 05 s`.
pub fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        seconds @ 1..=99 => format!("{seconds} s"),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::cargo_counts;

    #[test]
    fn cargo_bar_gives_its_counts_and_other_lines_none() {
        assert_eq!(cargo_counts("    Building [====>      ] 12/345: serde, tokio"), Some("12/345"));
        assert_eq!(cargo_counts("   Compiling serde v1.0.0 (/a/b)"), None);
        assert_eq!(cargo_counts("warning: [foo] bar/baz: x"), None);
    }
}
