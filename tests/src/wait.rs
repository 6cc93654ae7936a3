//! Waiting for something to become true: polling with a limit, and an error that says what was seen last.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Long enough for anything that is going to happen on a busy machine with two cores.
pub const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);

/// Asks until the answer is `Ok`; gives up after `limit` with the last complaint. Returns the answer and how long it took.
pub async fn until_within<T, F>(what: &str, limit: Duration, mut ask: impl FnMut() -> F) -> Result<(T, Duration)>
where
    F: Future<Output = Result<T>>,
{
    let begun = Instant::now();
    loop {
        let answer = ask().await;
        match answer {
            Ok(found) => return Ok((found, begun.elapsed())),
            Err(error) if begun.elapsed() > limit => bail!("{what}: not within {} s; last seen: {error:#}", limit.as_secs()),
            Err(_) => tokio::time::sleep(POLL).await,
        }
    }
}

/// Asks until the answer is `Ok`, within [`PATIENCE`].
pub async fn until<T, F>(what: &str, ask: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    Ok(until_within(what, PATIENCE, ask).await?.0)
}
