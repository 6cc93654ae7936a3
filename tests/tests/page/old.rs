//! The page around the map, on recorded reports: links, modes, search, history, themes, small screens, accessibility.

use std::path::Path;

use scope_tests::browser::Browser;
use scope_tests::page::Map;
use scope_tests::process::Scope;
use scope_tests::wait::until;
use scope_tests::{Context, Result, ensure, recorded};

/// Recorded probes do not go on reporting, so what they said must not expire while a test looks at it.
const WINDOW: [&str; 2] = ["--window", "30m"];

async fn server(name: &str) -> Result<Scope> {
    let scope = Scope::server(name, &WINDOW).await?;
    recorded::replay(scope.port).await?;
    Ok(scope)
}

/// The original's form of a link.
fn link(scope: &Scope, state: &str) -> String {
    format!("{}#!/state/{state}", scope.url())
}

async fn shows_map(browser: &Browser) -> Result<Map> {
    until("the map shows something", || async {
        let map = Map::read(browser).await?;
        ensure!(!map.labels.is_empty(), "the map is empty");
        Ok(map)
    })
    .await
}

#[tokio::test]
async fn links_of_the_original_open_tables_resources_and_details() -> Result<()> {
    let scope = server("page-links").await?;
    let browser = Browser::open().await?;
    browser.goto(&scope.url()).await?;
    let map = shows_map(&browser).await?;
    let (id, label) = map
        .labels
        .iter()
        .find(|(id, _)| id.ends_with(";<container>"))
        .context("no container")?;

    browser.goto("about:blank").await?;
    browser
        .goto(&link(&scope, r#"{"topologyId":"containers","topologyViewMode":"grid"}"#))
        .await?;
    until("the table has the container", || async {
        ensure!(browser.text("table").await?.contains(label.as_str()), "it is not there");
        Ok(())
    })
    .await?;
    browser.goto("about:blank").await?;
    browser
        .goto(&link(
            &scope,
            r#"{"topologyId":"hosts","topologyViewMode":"resource","pinnedMetricType":"CPU"}"#,
        ))
        .await?;
    browser.find("#view[aria-label*=esource]").await?;
    browser.goto("about:blank").await?;
    let node =
        format!(r#"{{"nodeDetails":[{{"id":"{id}","topologyId":"containers"}}],"selectedNodeId":"{id}","topologyId":"containers"}}"#);
    browser.goto(&link(&scope, &node)).await?;
    until("the details open", || async {
        ensure!(browser.text(".details .card").await?.contains(label.as_str()), "other details");
        Ok(())
    })
    .await?;
    browser.no_errors().await
}

#[tokio::test]
async fn options_change_the_map_and_back_undoes_them() -> Result<()> {
    let scope = server("page-history").await?;
    let browser = Browser::open().await?;
    browser.goto(&scope.url()).await?;
    let before = shows_map(&browser).await?.labels.len();
    browser.click("[data-option=stopped] [data-value=both]").await?;
    until("the stopped ones show as well", || async {
        let now = Map::read(&browser).await?.labels.len();
        ensure!(now > before, "{before} nodes before, {now} now");
        Ok(())
    })
    .await?;
    browser.script("history.back()").await?;
    until("back shows the running ones only", || async {
        let now = Map::read(&browser).await?.labels.len();
        ensure!(now == before, "{before} nodes before, {now} now");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn search_is_in_the_link_and_says_how_much_it_found() -> Result<()> {
    let scope = server("page-search").await?;
    let browser = Browser::open().await?;
    browser.goto(&scope.url()).await?;
    let map = shows_map(&browser).await?;
    let label = map.labels.values().next().context("no node")?.clone();
    browser.type_into("#search", &label).await?;
    until("the address has the search", || async {
        let address = browser.address().await?;
        ensure!(
            address.contains(label.split(['-', '_', '.', ' ']).next().unwrap_or(&label)),
            "the address is {address}"
        );
        Ok(())
    })
    .await?;
    browser.picture("search").await?;
    browser.no_errors().await
}

#[tokio::test]
async fn a_phone_shows_every_mode_without_scrolling_sideways() -> Result<()> {
    let scope = server("page-phone").await?;
    let browser = Browser::open_sized(390, 844, &[]).await?;
    for mode in ["topo", "grid", "resource"] {
        browser.goto("about:blank").await?;
        browser
            .goto(&link(
                &scope,
                &format!(r#"{{"topologyId":"containers","topologyViewMode":"{mode}"}}"#),
            ))
            .await?;
        browser.find("#view").await?;
        let wide = browser.script("return [document.documentElement.scrollWidth, innerWidth]").await?;
        ensure!(wide[0].as_u64() <= wide[1].as_u64(), "{mode}: {wide} px");
        browser.picture(&format!("phone-{mode}")).await?;
    }
    Ok(())
}

#[tokio::test]
async fn axe_finds_nothing_serious_on_any_screen() -> Result<()> {
    let Some(file) = std::env::var_os("SCOPE_AXE") else {
        scope_tests::bail!("SCOPE_AXE does not name axe-core's axe.min.js; `cargo xtask test` installs it");
    };
    let axe = std::fs::read_to_string(Path::new(&file))?;
    let scope = server("page-axe").await?;
    let browser = Browser::open().await?;
    for mode in ["topo", "grid", "resource"] {
        browser.goto("about:blank").await?;
        browser
            .goto(&link(&scope, &format!(r#"{{"topologyId":"hosts","topologyViewMode":"{mode}"}}"#)))
            .await?;
        browser.find("#view").await?;
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        browser.script(&axe).await?;
        let found = browser
            .promise(
                "const r = await axe.run(); return r.violations.filter(v => ['serious', 'critical'].includes(v.impact))
                 .map(v => v.id + ': ' + v.nodes.map(n => n.target.join(' ')).slice(0, 5).join(', '))",
            )
            .await?;
        ensure!(found.as_array().is_some_and(Vec::is_empty), "{mode}: {found:#}");
    }
    Ok(())
}
