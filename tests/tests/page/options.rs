//! Options: what they leave to see is what Weave Scope's own server left.

use scope_tests::wait::until;
use scope_tests::{Result, ensure, recorded};

use super::Stage;

/// `system=all&stopped=both` as a state of the original's form, for a view and the top-level view that has its options.
fn state(view: &str, parent: &str, query: &str) -> String {
    let options: Vec<String> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| {
            let values: Vec<String> = value
                .split("%2C")
                .map(|value| format!("\"{}\"", value.replace("%20", " ")))
                .collect();
            format!("\"{key}\":[{}]", values.join(","))
        })
        .collect();
    format!(
        r#"#!/state/{{"topologyId":"{view}","topologyOptions":{{"{parent}":{{{}}}}}}}"#,
        options.join(",")
    )
}

/// Views and where their options are kept.
const VIEWS: [(&str, &str); 5] = [
    ("containers", "containers"),
    ("containers-by-image", "containers"),
    ("pods", "pods"),
    ("services", "pods"),
    ("processes", "processes"),
];

#[tokio::test]
async fn options_leave_what_the_original_left() -> Result<()> {
    let stage = Stage::open("options", &["k8s"]).await?;
    stage.load("#/containers").await?;
    stage.map().await?;
    let mut compared = 0;
    for (view, parent) in VIEWS {
        for (query, count) in recorded::golden_counts("k8s", view)? {
            // The recorder's word for "only the defaults".
            let query = if query == "x=y" { String::new() } else { query };
            stage.follow(&state(view, parent, &query)).await?;
            stage
                .says(
                    "document.querySelector('#view').getAttribute('aria-label').endsWith(' as graph')",
                    "true",
                )
                .await?;
            stage.shows(count).await.map_err(|error| error.context(format!("{view}?{query}")))?;
            compared += 1;
        }
    }
    ensure!(compared >= 60, "only {compared} requests were compared");

    // The same through the controls, and back again.
    stage.follow("#/containers").await?;
    stage.shows(24).await?;
    stage.click("[data-option=stopped] [data-value=both]").await?;
    stage.shows(25).await?;
    stage.at("#/containers?stopped=both").await?;
    stage.click("[data-option=pseudo][data-value=show]").await?;
    stage.shows(26).await?;
    stage.browser.script("history.back()").await?;
    stage.shows(25).await?;
    stage.browser.script("history.back()").await?;
    stage.shows(24).await?;

    // Namespaces: several at once, none again; kept under the top-level view.
    stage.click("[data-option=namespace] > button").await?;
    stage.click("[data-value=monitoring]").await?;
    stage.shows(3).await?;
    stage.click("[data-value=default]").await?;
    stage.shows(4).await?;
    stage.click("[data-value=monitoring]").await?;
    stage.shows(1).await?;
    stage.press("\u{e00c}").await?;
    stage.holds("!document.querySelector('.choices')").await?;
    stage.click("[data-view=containers-by-image]").await?;
    until("the option holds for the views below as well", || async {
        let fragment = stage.fragment().await?;
        ensure!(fragment.contains("containers.namespace=default"), "the address is {fragment}");
        Ok(())
    })
    .await?;
    stage.click("[data-view=containers]").await?;
    stage.click("[data-option=namespace] > button").await?;
    stage.click(".choices [data-value='']").await?;
    stage.shows(24).await?;
    stage.browser.no_errors().await
}
