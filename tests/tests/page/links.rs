//! Links: every form of the original's, ours, names that outlive ids, back and forward, the last view of a tab.

use scope_tests::wait::until;
use scope_tests::{Result, ensure};

use super::{Stage, legacy};

#[tokio::test]
async fn every_form_of_link_opens_what_it_names_and_back_returns() -> Result<()> {
    let stage = Stage::open("links", &["recorded-clean", "k8s"]).await?;
    // The view that opens by itself is the best of all that the server holds, whatever arrives first.
    stage.load("").await?;
    stage.at("#/kube-controllers").await?;

    // The original's links, section by section of what it documented; the address becomes ours.
    stage.load(&legacy(r#"{"topologyId":"pods"}"#)).await?;
    stage.at("#/pods").await?;
    stage.shows(26).await?;
    stage
        .load(&legacy(
            r#"{"topologyId":"containers","topologyOptions":{"containers":{"stopped":["both"]}}}"#,
        ))
        .await?;
    stage.at("#/containers?stopped=both").await?;
    let map = stage.map().await?;
    let web = map.id("shop_web_1")?;
    stage
        .load(&legacy(&format!(
            r#"{{"nodeDetails":[{{"id":"{web}","label":"shop_web_1","topologyId":"containers"}}],"selectedNodeId":"{web}","topologyId":"containers"}}"#
        )))
        .await?;
    stage.says("document.querySelector('.card h2')?.innerText", "shop_web_1").await?;
    // The link names it so that it means the same after a restart.
    stage.at("#/containers?node=@shop/web/1").await?;
    stage
        .load(&legacy(r#"{"searchQuery":"cpu > 0.2<PERCENT>","topologyId":"containers"}"#))
        .await?;
    stage.at("#/containers?q=cpu > 0.2%").await?;
    stage.says("document.querySelector('#search').value", "cpu > 0.2%").await?;
    // What follows is followed in the page that is open: the address stays as it was given.
    stage
        .follow(&legacy(
            r#"{"gridSortedBy":"docker_memory_usage","gridSortedDesc":true,"topologyId":"containers","topologyViewMode":"grid"}"#,
        ))
        .await?;
    stage
        .says(
            "document.querySelector('th[data-column=docker_memory_usage]')?.getAttribute('aria-sort')",
            "descending",
        )
        .await?;
    stage
        .follow(&legacy(
            r#"{"pinnedMetricType":"Memory","topologyId":"hosts","topologyViewMode":"resource"}"#,
        ))
        .await?;
    stage
        .says(
            "document.querySelector('[data-metric=Memory]')?.getAttribute('aria-pressed')",
            "true",
        )
        .await?;
    stage
        .says("document.querySelectorAll('[data-layer=hosts] .box').length", "5")
        .await?;
    stage
        .follow(&legacy(
            r#"{"showingNetworks":true,"pinnedNetwork":"shop_front","topologyId":"containers"}"#,
        ))
        .await?;
    stage
        .says(
            "document.querySelector('.networks [aria-pressed=true]')?.innerText.trim()",
            "shop_front",
        )
        .await?;
    // Percent-encoded on its way, once and twice.
    stage.follow("#!/state/%7B%22topologyId%22%3A%22hosts%22%7D").await?;
    stage
        .says("document.querySelector('#view').getAttribute('aria-label')", "Hosts as graph")
        .await?;
    stage.follow("#!/state/%257B%2522topologyId%2522%253A%2522pods%2522%257D").await?;
    stage
        .says("document.querySelector('#view').getAttribute('aria-label')", "Pods as graph")
        .await?;
    // What cannot be read says so, and shows something.
    stage.load("#!/state/%7Bbroken").await?;
    stage
        .holds("document.querySelector('.toast')?.innerText.includes('could not be read')")
        .await?;
    stage.map().await?;

    // Names that last, of a pod, a host, and a container that no project has.
    for (link, name) in [
        ("#/pods?node=@shop/db-0", "db-0"),
        ("#/hosts?node=@host-b", "host-b"),
        ("#/containers?node=@host-a/sidecar_1", "sidecar_1"),
        ("#/containers?node=@shop/api/2", "shop_api_2"),
    ] {
        stage.follow(link).await?;
        stage.says("document.querySelector('.card h2')?.innerText", name).await?;
    }

    // Back and forward, step by step: mode, view, card, relative, and what each link leaves out is the default again.
    stage.load("#/containers").await?;
    stage.shows(49).await?;
    stage.browser.script("document.body.focus()").await?;
    stage.press("t").await?;
    stage.at("#/containers/table").await?;
    stage.click("[data-view=hosts]").await?;
    stage.at("#/hosts/table").await?;
    stage.click("tr.node").await?;
    // The lasting name comes with the card.
    stage
        .holds("decodeURIComponent(location.hash).startsWith('#/hosts/table?node=@') && document.querySelector('.card')")
        .await?;
    let on_host = stage.fragment().await?;
    stage.browser.script("history.back()").await?;
    stage.holds("!document.querySelector('.card')").await?;
    stage.browser.script("history.back()").await?;
    stage.at("#/containers/table").await?;
    stage.browser.script("history.back()").await?;
    stage.at("#/containers").await?;
    stage
        .says("document.querySelector('#view').getAttribute('aria-label')", "Containers as graph")
        .await?;
    stage.browser.script("history.go(3)").await?;
    stage.holds("document.querySelector('.card')").await?;
    stage.at(&on_host).await?;

    // Typing makes no entries: one step back undoes the whole word, not a letter.
    stage.load("#/containers").await?;
    stage.shows(49).await?;
    stage.click("[data-view=containers-by-image]").await?;
    stage.at("#/containers-by-image").await?;
    stage.browser.type_into("#search", "postgres").await?;
    stage.at("#/containers-by-image?q=postgres").await?;
    stage.browser.script("history.back()").await?;
    stage.at("#/containers").await?;
    stage.says("document.querySelector('#search').value", "").await?;

    // A tab that was closed and opened again shows what it showed; the start is one click away.
    stage.load("#/pods/table").await?;
    stage
        .says("document.querySelector('#view').getAttribute('aria-label')", "Pods as table")
        .await?;
    stage.load("").await?;
    stage.at("#/pods/table").await?;
    stage.click(".brand").await?;
    stage.at("#/kube-controllers").await?;

    // A copied link is the address of that node's view.
    stage.load("#/containers?node=@shop/web/1").await?;
    stage
        .browser
        .script("window.copied = ''; navigator.clipboard.writeText = async text => { window.copied = text }")
        .await?;
    stage.click(".card [aria-label='Copy a link to this']").await?;
    until("a link was copied", || async {
        let copied = stage.value("window.copied").await?;
        ensure!(
            copied == format!("{}#/containers?node=@shop/web/1", stage.scope.url()),
            "copied {copied:?}"
        );
        Ok(())
    })
    .await?;
    stage.browser.no_errors().await
}
