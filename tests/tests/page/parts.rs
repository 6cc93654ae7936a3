//! The program comes in two parts: a map needs only the first, and whoever needs the second before it is here waits for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use scope_tests::browser::Browser;
use scope_tests::page::Map;
use scope_tests::process::Scope;
use scope_tests::static_files::StaticFiles;
use scope_tests::wait::until;
use scope_tests::{Context, Result, ensure, recorded};

use super::{Stage, WINDOW};

/// Whether page or worker had to wait. A map shown means that both have started.
const WAITED: &str = "scopeRest.waited";

#[tokio::test]
async fn a_map_needs_only_the_first_part_and_the_rest_follows() -> Result<()> {
    let stage = Stage::open("parts", &["recorded-clean"]).await?;
    stage.load("#/containers").await?;
    until("the map is shown", || async {
        ensure!(!Map::read(&stage.browser).await?.labels.is_empty(), "nothing yet");
        Ok(())
    })
    .await?;
    stage
        .says(
            "performance.getEntriesByType('resource').filter(e => /rest-[0-9a-f]{16}_bg\\.wasm$/.test(e.name)).map(e => e.initiatorType)",
            "fetch",
        )
        .await?;
    let waited = stage.value(WAITED).await?;
    ensure!(waited == "false", "the map asked for the rest: run `cargo xtask parts`");
    stage.browser.no_errors().await
}

async fn labels(stage: &Stage) -> Result<BTreeMap<String, String>> {
    Ok(Map::read(&stage.browser).await?.labels)
}

/// The built page without what brings the rest by itself.
fn lazy_page(into: &Path) -> Result<()> {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no workspace")?.join("dist");
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        std::fs::create_dir_all(into.join(&folder))?;
        for entry in std::fs::read_dir(dist.join(&folder))? {
            let entry = entry?;
            let name = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(name);
            } else if name.to_string_lossy().starts_with("boot-") && name.extension().is_some_and(|suffix| suffix == "js") {
                let text = std::fs::read_to_string(entry.path())?;
                let lazy = text.replace("void bringRest(worker);", "");
                ensure!(lazy != text, "boot.js does not bring the rest");
                std::fs::write(into.join(&name), lazy)?;
            } else {
                std::fs::copy(entry.path(), into.join(&name))?;
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_is_not_here_yet_is_waited_for() -> Result<()> {
    let folder = tempfile::tempdir()?;
    lazy_page(folder.path())?;
    let files = StaticFiles::serve(folder.path().to_owned()).await?;
    let origin = files.url().trim_end_matches('/').to_owned();
    let scope = Scope::server("parts-lazy", &[&["--allow-origin", &origin], &WINDOW[..]].concat()).await?;
    recorded::post_golden(scope.port, "recorded-clean").await?;
    let browser = Browser::open_sized(1400, 900, &[]).await?;
    let stage = Stage { scope, browser };
    // With everything there: the same map must come of the first part alone.
    stage.load("#/containers").await?;
    let whole = until("the map is shown", || async {
        let labels = labels(&stage).await?;
        ensure!(!labels.is_empty(), "nothing yet");
        Ok(labels)
    })
    .await?;
    let server = format!("http://127.0.0.1:{}", stage.scope.port);
    stage.browser.goto(&format!("{}?server={server}#/containers", files.url())).await?;
    until("the map is shown", || async {
        let labels = labels(&stage).await?;
        ensure!(labels == whole, "{labels:?} instead of {whole:?}");
        Ok(())
    })
    .await?;
    ensure!(stage.value(WAITED).await? == "false", "the map asked for the rest");
    // The table is drawn by the page from what the worker makes: both need the rest.
    stage
        .browser
        .script("document.querySelector('.modes button[aria-label=Table]').click()")
        .await?;
    stage.browser.find(".table-view tr.node").await?;
    ensure!(stage.value(WAITED).await? == "true", "the table did without the rest");
    stage.browser.no_errors().await
}
