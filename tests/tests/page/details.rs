//! Cards: what they hold, how they stack, charts, lists, links, copying; metrics and networks; palette and keys.

use scope_tests::wait::until;
use scope_tests::{Result, ensure};

use super::Stage;

#[tokio::test]
async fn cards_show_sort_unfold_chart_copy_and_lead_on() -> Result<()> {
    let stage = Stage::open("details", &["recorded-clean", "k8s"]).await?;
    stage.load("#/containers?node=@shop/web/1").await?;
    stage.says("document.querySelector('.card h2')?.innerText", "shop_web_1").await?;
    stage.says("document.title", "shop_web_1 – Scope").await?;
    let parents = stage.texts(".parents button").await?;
    ensure!(
        parents.iter().any(|text| text.split_whitespace().eq(["Image", "shop/web"]))
            && parents.iter().any(|text| text.split_whitespace().eq(["Host", "host-a"])),
        "parents say what they are: {parents:?}"
    );
    let controls = stage.texts(".controls button").await?;
    ensure!(
        controls == ["Attach", "Exec shell", "Restart", "Pause", "Stop"],
        "controls by rank: {controls:?}"
    );

    // What hurts is asked for first, in a dialog that keeps the focus and that Escape closes.
    stage.click("[data-control=docker_stop_container]").await?;
    stage
        .holds("document.querySelector('[role=dialog]')?.innerText.includes('shop_web_1')")
        .await?;
    stage
        .holds("document.querySelector('[role=dialog]').contains(document.activeElement)")
        .await?;
    stage.press("\u{e00c}").await?;
    stage.holds("!document.querySelector('[role=dialog]')").await?;

    // Health: a value, a line; larger on demand, with times and the value under the pointer.
    stage
        .says("document.querySelector('[data-metric=CPU] b').innerText", "0.06%")
        .await?;
    stage.click(".health [data-metric=CPU]").await?;
    stage.says("document.querySelectorAll('.chart .axis-x span').length", "3").await?;
    stage
        .browser
        .script(
            "const svg = document.querySelector('.chart svg'), box = svg.getBoundingClientRect();
             svg.dispatchEvent(new PointerEvent('pointermove', { bubbles: true, clientX: box.right - 6, clientY: box.top + 20 }))",
        )
        .await?;
    until("the chart says what it was under the pointer", || async {
        let said = stage.value("document.querySelector('.chart figcaption span').innerText").await?;
        let (value, time) = said.split_once("% at ").unwrap_or_default();
        ensure!(value.parse::<f64>().is_ok() && time.len() == 8, "it says {said:?}");
        Ok(())
    })
    .await?;

    // Rows of less interest are behind a button; a value can be copied, whole.
    let before = stage.texts(".info .row").await?.len();
    stage.click(".info + .more").await?;
    until("more rows show", || async {
        let now = stage.texts(".info .row").await?.len();
        ensure!(now > before, "{now} rows");
        Ok(())
    })
    .await?;
    stage
        .browser
        .script("window.copied = ''; navigator.clipboard.writeText = async text => { window.copied = text }")
        .await?;
    stage
        .browser
        .script("document.querySelector('[data-row=docker_container_id] .copy').click()")
        .await?;
    let id = stage.value("document.querySelector('.card').dataset.card.split(';')[0]").await?;
    stage.says("window.copied", &id).await?;

    // Connections: the most first, with links; sorted by another column on demand.
    let inbound = "[data-list=incoming-connections]";
    let counts = stage.texts(&format!("{inbound} tbody td:nth-child(3)")).await?;
    let counts: Vec<u32> = counts.iter().filter_map(|text| text.parse().ok()).collect();
    ensure!(
        counts.len() >= 3 && counts.windows(2).all(|pair| pair[0] >= pair[1]),
        "counts are {counts:?}"
    );
    stage.click(&format!("{inbound} th:first-child button")).await?;
    until("the connections sort by name", || async {
        let names = stage.texts(&format!("{inbound} tbody td:first-child")).await?;
        ensure!(
            names.windows(2).all(|pair| pair[0].to_lowercase() <= pair[1].to_lowercase()),
            "{names:?}"
        );
        Ok(())
    })
    .await?;
    stage
        .browser
        .script(&format!(
            "[...document.querySelectorAll('{inbound} tbody button.link')].find(link => link.innerText.startsWith('load_1')).click()"
        ))
        .await?;
    stage.says("document.querySelector('.card h2')?.innerText", "load_1").await?;
    // The one below is a title that can be raised; the selection stays with the first.
    stage
        .says("document.querySelector('.crumb button').innerText", "shop_web_1")
        .await?;
    stage
        .holds("decodeURIComponent(location.hash).includes('node=@shop/web/1')")
        .await?;
    stage.click(".crumb button").await?;
    stage.says("document.querySelector('.card h2').innerText", "shop_web_1").await?;
    // A relative of another view is shown there on demand.
    stage.click(".parents button").await?;
    stage.says("document.querySelector('.card .kind').innerText", "Image").await?;
    stage.click(".card-tools button[title^=Show]").await?;
    stage.holds("location.hash.startsWith('#/containers-by-image?node=')").await?;
    stage.says("document.querySelectorAll('.crumb').length", "0").await?;
    stage.browser.script("document.body.focus()").await?;
    stage.press("\u{e00c}").await?;
    stage.at("#/containers-by-image").await?;

    // A host: its children by kind, cut at five, all on demand, the busiest first.
    stage.load("#/hosts?node=@host-a").await?;
    let children = "[data-list=children-containers]";
    stage
        .says(&format!("document.querySelectorAll('{children} tbody tr').length"), "5")
        .await?;
    let label = stage
        .value(&format!("document.querySelector('{children} .more').innerText.trim()"))
        .await?;
    stage
        .browser
        .script(&format!("document.querySelector('{children} .more').click()"))
        .await?;
    stage
        .holds(&format!("document.querySelectorAll('{children} tbody tr').length > 20"))
        .await?;
    let rows = stage.texts(&format!("{children} tbody tr")).await?;
    ensure!(
        label == format!("{} more", rows.len() - 5),
        "the button said {label:?}, there are {}",
        rows.len()
    );
    stage
        .says(
            &format!("document.querySelector('{children} th[aria-sort=descending]').innerText.trim()"),
            "CPU",
        )
        .await?;

    // Pods and services know what Kubernetes says of them.
    stage.load("#/pods?node=@shop/db-0").await?;
    stage
        .says(
            "document.querySelector('[data-row=kubernetes_namespace] .value')?.innerText",
            "shop",
        )
        .await?;
    stage.holds("document.querySelector('[data-list=children-containers]')").await?;
    // A node that nobody reports.
    stage.load("#/containers?node=nobody").await?;
    stage.says("document.querySelector('.card h2')?.innerText", "Not here").await?;

    // Metrics: the pointer tries one, a click keeps it, keys walk, q lets go.
    stage.load("#/containers").await?;
    stage.shows(49).await?;
    stage
        .browser
        .script("document.querySelector('[data-metric=Memory]').dispatchEvent(new MouseEvent('mouseenter'))")
        .await?;
    stage
        .says(
            "document.querySelector('[data-metric=Memory]').getAttribute('aria-pressed')",
            "true",
        )
        .await?;
    stage.at("#/containers").await?;
    stage
        .browser
        .script("document.querySelector('.metrics').dispatchEvent(new MouseEvent('mouseleave'))")
        .await?;
    stage
        .says(
            "document.querySelector('[data-metric=Memory]').getAttribute('aria-pressed')",
            "false",
        )
        .await?;
    stage.browser.script("document.body.focus()").await?;
    stage.press(">").await?;
    stage.at("#/containers?metric=CPU").await?;
    stage.press(">").await?;
    stage.at("#/containers?metric=Memory").await?;
    // Pinned by name, it holds in the next view as well.
    stage.click("[data-view=hosts]").await?;
    stage
        .says(
            "document.querySelector('[data-metric=Memory]')?.getAttribute('aria-pressed')",
            "true",
        )
        .await?;
    stage.browser.script("document.activeElement.blur()").await?;
    stage.press("q").await?;
    stage.at("#/hosts").await?;

    // Networks: the overlay, one of them, and none.
    stage.load("#/containers").await?;
    stage.shows(49).await?;
    stage.click(".legend-row > button").await?;
    stage.at("#/containers?nets").await?;
    let networks = stage.texts(".networks button").await?;
    ensure!(networks == ["bridge", "reports", "shop_back", "shop_front"], "{networks:?}");
    stage.click(".networks button:nth-child(3)").await?;
    stage.at("#/containers?net=shop_back").await?;
    stage.click(".legend-row > button").await?;
    stage.at("#/containers").await?;

    // The palette goes to any node of any view, to views, options and commands.
    stage.browser.script("document.body.focus()").await?;
    stage.press("\u{e009}k").await?;
    stage.holds("document.activeElement.getAttribute('role') === 'combobox'").await?;
    stage.press("\u{e000}db-1").await?;
    stage
        .holds("document.querySelector('#palette-list li[aria-selected=true] .name')?.innerText.startsWith('db-1')")
        .await?;
    stage.press("\u{e007}").await?;
    stage.at("#/containers-by-hostname?node=db-1").await?;
    stage.press("\u{e009}k").await?;
    stage.holds("document.activeElement.getAttribute('role') === 'combobox'").await?;
    stage.press("\u{e000}theme: dark").await?;
    stage.holds("document.querySelectorAll('#palette-list li').length === 1").await?;
    stage.press("\u{e007}").await?;
    stage.says("document.documentElement.dataset.theme", "dark").await?;
    // Help lists keys and what can be searched here; it goes with Escape.
    stage.browser.script("document.activeElement.blur()").await?;
    stage.press("?").await?;
    stage
        .holds("[...document.querySelectorAll('[role=dialog] code')].some(code => code.innerText === 'label')")
        .await?;
    stage.press("\u{e00c}").await?;
    stage.holds("!document.querySelector('[role=dialog]')").await?;
    stage.browser.no_errors().await
}
