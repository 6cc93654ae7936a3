//! The deltas that `run.mjs` times, natively. It is told on standard input what to do, a line each: `prepare HOSTS WORK`, answered by an empty
//! line, and `run ROUNDS`, answered by the milliseconds of processor time that they took.

use std::io::{BufRead as _, Write as _};

use rustix::time::{ClockId, clock_gettime};
use scope_app_wasm_bench::{prepare_delta, run};

fn cpu_millis() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse().ok()).unwrap_or_default();
        if words.first() == Some(&"prepare") {
            prepare_delta(number(1), number(2));
            writeln!(out)?;
        } else {
            let start = cpu_millis();
            run(number(1));
            writeln!(out, "{}", cpu_millis() - start)?;
        }
        out.flush()?;
    }
    Ok(())
}
