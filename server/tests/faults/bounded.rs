//! A short soak: what the server holds is bounded by what it was sent last, however long it runs.
//!
//! Promised: per probe of ours one full report and one delta are held, of an original one those of the window; viewers that have left and
//! probes that fell silent hold nothing. (`cargo xtask fleet --soak 30m` looks at the memory of the process over half an hour.)

use std::sync::Arc;
use std::time::{Duration, Instant};

use scope_fleet::cell::Fleet;
use scope_fleet::library::{Library, Way};

use crate::scope::Scope;

/// Small hosts whose containers are replaced all the time.
fn library(way: Way) -> Arc<Library> {
    let shape = scope_app::generate::Shape {
        containers: 4,
        endpoints: 6,
        container_seconds: 3,
        ..scope_fleet::library::shape(4)
    };
    Arc::new(Library::generate(way, shape))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_held_is_bounded_and_given_back() {
    const OURS: usize = 50;
    let scope = Scope::start(&["--window", "2s"]);
    let library = library(Way::Ours);
    // A full report is never smaller than a delta, and a frame's header adds less than 100 bytes.
    let largest = (0..4)
        .flat_map(|host| library.cycle(host))
        .map(bytes::Bytes::len)
        .max()
        .unwrap_or(0)
        + 100;
    let until = Instant::now() + Duration::from_secs(3600);
    let fleet = Fleet::start(&scope.server, &library, OURS, 5, until).await.expect("a fleet");
    fleet.journal.measure();
    // More than one whole cycle of every probe: full reports have replaced full reports.
    let mut most: f64 = 0.0;
    while scope_fleet::probe::read(&fleet.journal.accepted) < 20 * OURS as u64 {
        most = most.max(scope.until_metric("scope_held_bytes", |_| true).await);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(
        most > 0.0 && most <= (OURS * 2 * largest) as f64,
        "{most} bytes are held, of at most {}",
        OURS * 2 * largest
    );
    assert_eq!(scope.metric("scope_probes").await, Some(OURS as f64));
    assert_eq!(scope.metric("scope_viewers").await, Some(5.0));
    drop(fleet);
    scope.until_metric("scope_viewers", |viewers| viewers == 0.0).await;
    scope.until_metric("scope_probes", |probes| probes == 0.0).await;
    assert_eq!(scope.metric("scope_held_bytes").await, Some(0.0));
}
