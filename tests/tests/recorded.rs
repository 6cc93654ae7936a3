//! Probes of Weave Scope 1.13 report to this server: what they really sent, replayed with its headers.

use scope_tests::browser::Browser;
use scope_tests::page::Map;
use scope_tests::process::Scope;
use scope_tests::viewer::Viewer;
use scope_tests::wait::until;
use scope_tests::{Result, ensure, recorded};

#[tokio::test]
async fn a_viewer_gets_the_bytes_that_the_probe_sent() -> Result<()> {
    let scope = Scope::server("recorded-bytes", &[]).await?;
    let reports = recorded::all()?;
    for report in &reports {
        ensure!(report.send(scope.port).await? == 200, "{} was refused", report.name);
    }
    let mut viewer = Viewer::connect(scope.port, None).await?;
    let frame = viewer.next_report().await?;
    ensure!(
        reports.iter().any(|report| frame.ends_with(&report.body)),
        "the body of the frame is none of those sent"
    );
    Ok(())
}

#[tokio::test]
async fn the_page_shows_the_recorded_containers() -> Result<()> {
    let scope = Scope::server("recorded-page", &["--window", "30m"]).await?;
    recorded::replay(scope.port).await?;
    let browser = Browser::open().await?;
    browser.goto(&scope.url()).await?;
    let map = until("the recorded containers show", || async {
        let map = Map::read(&browser).await?;
        ensure!(map.labels.len() >= 8 && map.edges.len() >= 4, "the map shows {:?}", map.labels);
        Ok(map)
    })
    .await?;
    browser.picture("recorded").await?;
    ensure!(
        map.labels.keys().any(|id| id.contains("theinternet")),
        "the recorded hosts talked to the Internet: {:?}",
        map.labels
    );
    ensure!(
        map.labels.keys().any(|id| id.ends_with(";<container>")),
        "no containers among {:?}",
        map.labels
    );
    browser.no_errors().await
}
