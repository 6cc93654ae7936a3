//! The map in a real browser: what is clicked is what is drawn, what is dragged stays, and it looks as it did when somebody last looked.

use scope_tests::browser::Browser;
use scope_tests::map::{self, Place, STILL};
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

fn link(scope: &Scope, state: &str) -> String {
    format!("{}#!/state/{state}", scope.url())
}

/// All containers, stopped ones and the system's as well: the fullest of the recorded maps.
const FULL: &str = r#"{"topologyId":"containers","topologyOptions":{"containers":{"system":["all"],"stopped":["both"]}}}"#;

/// Laid out from nothing: how the reports came in leaves no trace.
async fn lay_out(browser: &Browser) -> Result<()> {
    for control in ["Lay the map out afresh", "Fit to screen"] {
        browser
            .script(&format!("document.querySelector('[aria-label=\"{control}\"]').click()"))
            .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_click_selects_the_node_that_is_drawn_there_and_beside_it_none() -> Result<()> {
    let scope = server("map-hits").await?;
    let browser = Browser::open_sized(1400, 900, &STILL).await?;
    browser.goto(&link(&scope, FULL)).await?;
    map::at_rest(&browser, 12).await?;
    lay_out(&browser).await?;
    let mut tried = 0;
    for (control, times) in [("Fit to screen", 1), ("Zoom in", 2), ("Zoom out", 7)] {
        for _ in 0..times {
            browser.click(&format!("[aria-label='{control}']")).await?;
        }
        let places = map::at_rest(&browser, 12).await?;
        let mut here = 0;
        for (id, place) in &places {
            // Under panels nothing can be clicked; beside the glyph has to be beside all others as well.
            let beside = [place.x + place.radius * 1.9 + 3.0, place.y - place.radius * 0.9];
            let alone = |[x, y]: [f64; 2]| {
                places
                    .values()
                    .filter(|other| *other != place)
                    .all(|other| (other.x - x).hypot(other.y - y) > other.radius * 1.9 + 3.0)
            };
            if here == 6 || !map::is_canvas(&browser, place.x, place.y).await? || !map::is_canvas(&browser, beside[0], beside[1]).await? {
                continue;
            }
            if !alone(beside) || !alone([place.x, place.y]) {
                continue;
            }
            map::click(&browser, place.x, place.y).await?;
            until(&format!("{id} is selected"), || async {
                let selected = map::selected(&browser).await?;
                ensure!(selected.as_deref() == Some(id), "selected is {selected:?}");
                Ok(())
            })
            .await?;
            browser
                .click("[aria-label='Zoom in']")
                .await
                .ok()
                .context("the zoom buttons are gone")?;
            browser.click("[aria-label='Zoom out']").await?;
            deselect(&browser).await?;
            let again = map::at_rest(&browser, 12).await?;
            let back = again.get(id).context("the node is gone")?;
            ensure!(back.distance(place) < 2.0, "{id} did not return: {place:?} before, {back:?} after");
            map::click(&browser, beside[0], beside[1]).await?;
            // A click that selects does so before the next script runs; one on the background writes no new link.
            let selected = map::selected(&browser).await?;
            ensure!(selected.is_none(), "beside {id} at {beside:?}: {selected:?} is selected");
            here += 1;
        }
        ensure!(here >= 3, "only {here} nodes could be tried after {control}");
        tried += here;
    }
    ensure!(tried >= 9, "only {tried} nodes could be tried");
    browser.no_errors().await
}

async fn deselect(browser: &Browser) -> Result<()> {
    browser
        .script("document.querySelector('canvas.map').focus(); document.querySelector('canvas.map').dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }))")
        .await?;
    until("nothing is selected", || async {
        let selected = map::selected(browser).await?;
        ensure!(selected.is_none(), "{selected:?} is");
        Ok(())
    })
    .await
}

/// The way from one node to another in units of their size: the same whatever the camera is.
fn way(from: &Place, to: &Place) -> [f64; 2] {
    [(to.x - from.x) / from.radius, (to.y - from.y) / from.radius]
}

#[tokio::test]
async fn a_dragged_node_stays_where_it_was_put_through_an_update_and_a_reload() -> Result<()> {
    let scope = server("map-pins").await?;
    let browser = Browser::open_sized(1400, 900, &STILL).await?;
    browser
        .goto(&link(
            &scope,
            r#"{"topologyId":"containers","topologyOptions":{"containers":{"system":["all"]}}}"#,
        ))
        .await?;
    map::at_rest(&browser, 8).await?;
    lay_out(&browser).await?;
    let before = map::at_rest(&browser, 8).await?;
    let mut free = None;
    for (id, place) in &before {
        if map::is_canvas(&browser, place.x, place.y).await? && map::is_canvas(&browser, place.x + 90.0, place.y + 40.0).await? {
            free = Some((id.clone(), *place));
            break;
        }
    }
    let (id, place) = free.context("no node can be reached")?;
    let target = [place.x + 90.0, place.y + 40.0];
    map::drag(&browser, [place.x, place.y], target).await?;
    let dragged = map::at_rest(&browser, 8).await?;
    let now = dragged.get(&id).context("the node is gone")?;
    ensure!(
        (now.x - target[0]).hypot(now.y - target[1]) < 3.0,
        "dragged to {target:?}, drawn at {now:?}"
    );
    let (other, fixed) = dragged.iter().find(|(other, _)| **other != id).context("no second node")?;
    let put = way(fixed, now);
    let same = |places: &std::collections::BTreeMap<String, Place>| -> Result<()> {
        let found = way(
            places.get(other).context("the other node is gone")?,
            places.get(&id).context("the node is gone")?,
        );
        ensure!(
            (found[0] - put[0]).hypot(found[1] - put[1]) < 0.2,
            "it was put {put:?} from the other node, and is {found:?} from it"
        );
        Ok(())
    };

    // An update: stopped containers join the map.
    browser.click("[data-option=stopped] [data-value=both]").await?;
    let more = map::at_rest(&browser, dragged.len() + 1).await?;
    same(&more).context("after an update")?;

    browser.click("[data-option=stopped] [data-value=running]").await?;
    until("the map is as before", || async {
        let now = map::at_rest(&browser, 8).await?;
        ensure!(now.len() == dragged.len(), "{} nodes", now.len());
        Ok(())
    })
    .await?;
    browser.client.refresh().await?;
    map::at_rest(&browser, dragged.len()).await?;
    lay_out(&browser).await?;
    same(&map::at_rest(&browser, dragged.len()).await?).context("after a reload")?;
    browser.no_errors().await
}

/// The recorded topologies with the most to see, and how many nodes each has at least.
const TOPOLOGIES: [(&str, usize); 5] = [
    ("containers", 12),
    ("containers-by-image", 6),
    ("processes", 8),
    ("processes-by-name", 6),
    ("hosts", 2),
];

/// Captions may come out a little different where fonts do; a node that is missing or elsewhere is ten times this.
const TOLERANCE: f64 = 0.004;

#[tokio::test]
async fn five_topologies_look_as_stored_in_three_themes() -> Result<()> {
    let scope = server("map-pictures").await?;
    let browser = Browser::open_sized(1400, 900, &STILL).await?;
    let mut wrong = Vec::new();
    for (topology, least) in TOPOLOGIES {
        browser.goto("about:blank").await?;
        let state = match topology {
            "containers" => FULL.to_owned(),
            _ => format!(r#"{{"topologyId":"{topology}"}}"#),
        };
        browser.goto(&link(&scope, &state)).await?;
        map::at_rest(&browser, least).await?;
        map::map_alone(&browser, 900, 600).await?;
        for theme in ["light", "dark", "contrast"] {
            until(&format!("the theme is {theme}"), || async {
                let now = browser.script("return document.documentElement.dataset.theme").await?;
                if now != theme {
                    browser.script("document.querySelector('[aria-label^=\"Theme:\"]').click()").await?;
                }
                ensure!(now == theme, "it is {now}");
                Ok(())
            })
            .await?;
            lay_out(&browser).await?;
            if let Err(error) = map::looks_like(&browser, &format!("{topology}-{theme}"), TOLERANCE).await {
                wrong.push(format!("{error:#}"));
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    browser.no_errors().await
}

#[tokio::test]
async fn a_lost_context_comes_back_and_a_browser_without_webgl_draws_the_same() -> Result<()> {
    let scope = server("map-fallback").await?;
    let pictures = async |flags: &[&str], lose: bool| -> Result<[Vec<u8>; 2]> {
        let flags: Vec<&str> = STILL.iter().chain(flags).copied().collect();
        let browser = Browser::open_sized(1400, 900, &flags).await?;
        browser.goto(&link(&scope, FULL)).await?;
        map::at_rest(&browser, 12).await?;
        map::map_alone(&browser, 900, 600).await?;
        lay_out(&browser).await?;
        let before = map::picture(&browser).await?;
        if lose {
            let kind = "document.querySelector('canvas.map').getContext('webgl2')";
            browser
                .promise(&format!(
                    "const lose = {kind}.getExtension('WEBGL_lose_context'), wait = ms => new Promise(done => setTimeout(done, ms));
                     lose.loseContext(); await wait(100); lose.restoreContext(); await wait(100)"
                ))
                .await?;
            until("the context is back", || async {
                let lost = browser.script(&format!("return {kind}.isContextLost()")).await?;
                ensure!(lost == serde_json::Value::Bool(false), "it is lost");
                Ok(())
            })
            .await?;
        }
        let after = map::picture(&browser).await?;
        let other = map::difference(&browser, &before, &after).await?;
        ensure!(other == 0.0, "{:.2} % differ after the context was lost", other * 100.0);
        browser.close().await?;
        Ok([before, after])
    };
    let [with_webgl, _] = pictures(&[], true).await?;
    let [without, _] = pictures(&["--disable-3d-apis"], false).await?;
    let browser = Browser::open().await?;
    browser.goto(&scope.url()).await?;
    let differs = map::difference(&browser, &with_webgl, &without).await?;
    ensure!(differs < 0.05, "{:.2} % differ between WebGL2 and Canvas2D", differs * 100.0);
    ensure!(with_webgl != without, "both were drawn by the same painter");
    Ok(())
}
