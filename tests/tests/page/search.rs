//! Search: the grammar's vectors against what the nodes really hold, suggestions, counts on tabs, pins.

use std::collections::BTreeSet;

use scope_tests::wait::until;
use scope_tests::{Result, ensure};

use super::Stage;

/// Types a query in place of the one there.
async fn search(stage: &Stage, query: &str) -> Result<()> {
    let query = serde_json::to_string(query)?;
    stage
        .browser
        .script(&format!(
            "const box = document.querySelector('#search'); box.focus(); box.value = {query}; box.dispatchEvent(new InputEvent('input', {{ bubbles: true }}))"
        ))
        .await?;
    Ok(())
}

/// Waits until the table's rows are these, in any order.
async fn finds(stage: &Stage, query: &str, wanted: &[&str]) -> Result<()> {
    search(stage, query).await?;
    let wanted: BTreeSet<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
    until(&format!("{query:?} finds {wanted:?}"), || async {
        let now: BTreeSet<String> = stage.texts("tr.node th .name").await?.into_iter().collect();
        ensure!(now == wanted, "it finds {now:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn search_finds_what_the_grammar_says_suggests_counts_and_pins() -> Result<()> {
    let stage = Stage::open("search", &["recorded-clean"]).await?;
    stage.load("#/containers/table").await?;
    stage.shows(27).await?;
    let all = stage.rows(27).await?;
    let all: Vec<&str> = all.iter().map(String::as_str).collect();

    for (query, wanted) in [
        // Text in any field, whatever its case; an expression; a field; an expression in a field.
        ("shop_API", &["shop_api_1", "shop_api_2"][..]),
        ("shop_(db|cache)", &["shop_db_1", "shop_cache_1"]),
        ("shop_db|shop_cache", &["shop_db_1", "shop_cache_1"]),
        ("image name:postgres", &["shop_db_1", "shop_worker_1"]),
        ("imagename:postgres", &["shop_db_1", "shop_worker_1"]),
        ("im.ge ?name: postgres", &["shop_db_1", "shop_worker_1"]),
        (
            "command: tcp(hold|echo)",
            &["s3client_1", "hold_1", "extdb_1", "echo_1", "reports_1"],
        ),
        ("label:shop_web", &["shop_web_1"]),
        ("comdockercomposeservice:web", &["shop_web_1"]),
        // Metrics, with units and the comparisons that the original took for "equals".
        ("cpu > 0.21", &["shop_db_1", "load_1"]),
        ("CPU > 0.2%", &["shop_db_1", "load_1"]),
        ("cpu >= 0.2", &["shop_db_1", "load_1", "load_2"]),
        ("cpu = 0.43%", &["shop_db_1"]),
        ("memory > 10mb", &["shop_db_1", "shop_api_1", "shop_api_2"]),
        ("memory < 300kB", &["hostnet_1", "echo_1", "crashloop_1"]),
        // No expression: literally.
        ("que[", &[]),
        // A field that nothing has.
        ("nosuchfield:web", &[]),
    ] {
        finds(&stage, query, wanted).await?;
        if wanted.is_empty() {
            stage.says("document.querySelector('.empty')?.dataset.cause", "Query").await?;
        }
    }
    // Incomplete queries hide nothing.
    for query in ["cpu >", "image:", ":web", "cpu > x", ""] {
        finds(&stage, query, &all).await?;
    }

    // Suggestions: of fields and metrics while a word is typed, of values after a colon; the arrow keys and Enter take one.
    stage.click("#search").await?;
    search(&stage, "ima").await?;
    until("fields are suggested", || async {
        let texts = stage.texts("#suggestions li code").await?;
        ensure!(
            texts.iter().any(|text| text == "imagename:") && texts.iter().any(|text| text == "imagetag:"),
            "{texts:?}"
        );
        Ok(())
    })
    .await?;
    search(&stage, "imagename:post").await?;
    stage
        .says(
            "document.querySelector('#suggestions li')?.innerText.replace(/\\s+/g, ' ').trim()",
            "imagename:postgres 2 nodes",
        )
        .await?;
    stage.press("\u{e015}\u{e007}").await?;
    stage.says("document.querySelector('#search').value", "imagename:postgres").await?;
    stage.at("#/containers/table?q=imagename:postgres").await?;

    // Counts on the tabs: of other views and of views below, not only of the one that is open.
    search(&stage, "postgres").await?;
    for (view, count) in [("containers", "2"), ("containers-by-image", "1")] {
        stage
            .says(
                &format!("document.querySelector('.subs [data-view={view}] .found')?.innerText"),
                count,
            )
            .await?;
    }
    stage
        .says("document.querySelector('.tabs [data-view=hosts] .found')?.innerText", "0")
        .await?;

    // Pins: Enter pins, all must match, Backspace in the empty box takes the last one back.
    stage.press("\u{e007}").await?;
    stage.shows(2).await?;
    stage.at("#/containers/table?pin=postgres").await?;
    search(&stage, "worker").await?;
    stage.press("\u{e007}").await?;
    stage.shows(1).await?;
    stage.at("#/containers/table?pin=postgres&pin=worker").await?;
    ensure!(
        stage.browser.text("[data-testid=counts]").await?.contains("filtered"),
        "the line does not say that pins hide something"
    );
    stage.press("\u{e003}").await?;
    stage.shows(2).await?;
    search(&stage, "nothing like it").await?;
    stage.press("\u{e007}").await?;
    stage.says("document.querySelector('.empty')?.dataset.cause", "Pins").await?;
    stage.click(".empty button").await?;
    stage.shows(27).await?;

    // In a card, matches are marked and what hides them unfolds.
    stage.load("#/containers?q=python3&node=@host-a/hold_1").await?;
    stage
        .says(
            "document.querySelector('.card [data-row=docker_container_command] mark')?.innerText",
            "python3",
        )
        .await?;
    // On the map, what does not match stays, faded; the count of the view does not change.
    stage.shows(27).await?;
    // Escape clears, and once more leaves the box.
    stage.browser.script("document.querySelector('#search').focus()").await?;
    stage.press("\u{e00c}").await?;
    stage.says("document.querySelector('#search').value", "").await?;
    stage.press("\u{e00c}").await?;
    stage.holds("document.activeElement.id !== 'search'").await?;
    stage.browser.no_errors().await
}
