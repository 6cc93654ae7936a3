//! A part of many probes: offered where there are many, chosen by host or label, kept in the address.

use scope_tests::{Result, ensure};
use serde_json::json;

use super::Stage;

const HOSTS: usize = 35;

/// A probe that reports its host and nothing else.
async fn report(port: u16, name: &str, zone: &str) -> Result<()> {
    let id = format!("{name};<host>");
    let latest = json!({"host_name": {"timestamp": "2026-01-01T00:00:00Z", "value": name}});
    let report = json!({"ID": name, "Host": {"nodes": {&id: {"id": &id, "topology": "host", "latest": latest}}}});
    let answer = reqwest::Client::new()
        .post(format!("http://127.0.0.1:{port}/api/report"))
        .header("Content-Type", "application/json")
        .header("X-Scope-Probe-Id", name)
        .header("X-Scope-Probe-Hostname", name)
        .header("X-Scope-Probe-Labels", format!("zone={zone}"))
        .body(report.to_string())
        .send()
        .await?;
    ensure!(answer.status() == 200, "{name} was answered with {}", answer.status());
    Ok(())
}

/// Chooses these values in a list and tells the page so, as a person with Ctrl held does.
fn choose(list: &str, values: &[&str]) -> String {
    format!(
        "const list = document.querySelector({list:?}); const wanted = {values:?};
         for (const option of list.options) option.selected = wanted.includes(option.value);
         list.dispatchEvent(new Event('change', {{ bubbles: true }}))"
    )
}

#[tokio::test]
async fn a_part_of_many_probes_is_chosen_by_host_or_label_and_kept_in_the_address() -> Result<()> {
    let stage = Stage::open("subset", &[]).await?;
    for host in 0..HOSTS {
        report(
            stage.scope.port,
            &format!("host-{host:02}"),
            if host < 5 { "north" } else { "south" },
        )
        .await?;
    }
    stage.load("#/hosts").await?;
    stage.shows(HOSTS).await?;
    let open = async || {
        stage.click("footer button.plain").await?;
        stage.click("[data-testid=choose-probes]").await?;
        stage.browser.find("#probe-hosts").await
    };

    open().await?;
    stage
        .holds(&format!("document.querySelectorAll('#probe-hosts option').length === {HOSTS}"))
        .await?;
    stage.browser.script(&choose("#probe-hosts", &["host-03", "host-30"])).await?;
    stage.click("form button[type=submit]").await?;
    stage.shows(2).await?;
    let labels = stage.map().await?.labels.into_values().collect::<Vec<_>>();
    ensure!(labels == ["host-03", "host-30"], "shown are {labels:?}");

    // A reload, and whoever gets the link, see the same part.
    let address = stage.browser.address().await?;
    stage.browser.goto("about:blank").await?;
    stage.browser.goto(&address).await?;
    stage.shows(2).await?;

    // Another part replaces it; then all again.
    open().await?;
    stage.browser.script(&choose("#probe-label-0", &["north"])).await?;
    stage.click("form button[type=submit]").await?;
    stage.shows(5).await?;
    stage.click("footer button.plain").await?;
    stage
        .says("document.querySelectorAll('.banner.calm button')[1]?.innerText", "Show all")
        .await?;
    stage
        .browser
        .script("document.querySelectorAll('.banner.calm button')[1].click()")
        .await?;
    stage.shows(HOSTS).await?;
    let address = stage.browser.address().await?;
    ensure!(
        !address.contains("host-") && !address.contains("zone"),
        "the address still says {address}"
    );
    stage.browser.no_errors().await?;
    stage.browser.close().await
}
