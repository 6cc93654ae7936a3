//! Pause and resume.

use scope_tests::wait::until;
use scope_tests::{Result, ensure, recorded};

use super::Stage;

#[tokio::test]
async fn a_paused_page_holds_still_counts_what_it_misses_and_catches_up() -> Result<()> {
    let stage = Stage::open("time", &["recorded-clean"]).await?;
    stage.load("#/containers").await?;
    stage.shows(27).await?;
    stage.browser.script("document.body.focus()").await?;
    stage.press("p").await?;
    stage
        .says("document.querySelector('[data-time=paused]').getAttribute('aria-pressed')", "true")
        .await?;
    let fragment = stage.fragment().await?;
    ensure!(fragment.starts_with("#/containers?paused=20"), "the address is {fragment}");

    // A whole cluster comes; nothing moves.
    recorded::post_golden(stage.scope.port, "k8s").await?;
    until("the page says that it missed something", || async {
        let text = stage.browser.text("[data-time=paused]").await?;
        ensure!(text.contains("+1"), "it says {text:?}");
        Ok(())
    })
    .await?;
    stage.shows(27).await?;
    ensure!(
        !stage.texts("[role=tab]").await?.iter().any(|tab| tab.starts_with("Pods")),
        "pods came while the page was paused"
    );

    // Browsing goes on: another view, a search, details.
    stage.click("[data-view=hosts]").await?;
    stage.shows(5).await?;
    stage.click("[data-view=containers]").await?;
    stage.shows(27).await?;

    // Live again: the address forgets, and what came meanwhile is there.
    stage.click("[data-time=live]").await?;
    stage.at("#/containers").await?;
    stage
        .holds("[...document.querySelectorAll('[role=tab]')].some(tab => tab.innerText.startsWith('Pods'))")
        .await?;

    // A link to a paused page is paused.
    stage.load(&fragment).await?;
    stage
        .says("document.querySelector('[data-time=paused]').getAttribute('aria-pressed')", "true")
        .await?;
    stage.map().await?;
    stage.browser.no_errors().await
}
