//! The map in a real browser: what is clicked is what is drawn, what is dragged stays, it looks as it did when somebody last looked, and whoever paints it paints the same.

use std::collections::BTreeSet;

use scope_tests::browser::Browser;
use scope_tests::map::{self, Place, STILL};
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
async fn a_click_opens_the_node_that_is_drawn_there_to_its_very_edge_and_beside_it_closes() -> Result<()> {
    let scope = server("map-hits").await?;
    let browser = Browser::open_sized(1400, 900, &STILL).await?;
    browser.goto(&link(&scope, FULL)).await?;
    map::at_rest(&browser, 12).await?;
    lay_out(&browser).await?;
    for (control, times) in [("Fit to screen", 1), ("Zoom in", 3), ("Zoom out", 6)] {
        for _ in 0..times {
            browser.press(&format!("[aria-label='{control}']")).await?;
        }
        let places = map::at_rest(&browser, 12).await?;
        // A pointer that rests on something highlights it.
        map::point(&browser, [3.0, 450.0]).await?;
        let all: Vec<Place> = places.values().copied().collect();
        let reaches = map::reaches(&browser, &all).await?;
        let mut tried = 0;
        for ((id, place), reach) in places.iter().zip(reaches) {
            let Some(reach) = reach.filter(|_| tried < 5) else { continue };
            let inside = [place.x + reach - 2.0, place.y];
            let beside = [place.x + reach + 3.0, place.y];
            if !map::is_canvas(&browser, inside[0], inside[1]).await? || !map::is_canvas(&browser, beside[0], beside[1]).await? {
                continue;
            }
            for (at, expected) in [(beside, None), ([place.x, place.y], Some(id)), (inside, Some(id))] {
                map::click(&browser, at).await?;
                let opened = map::opened(&browser).await?;
                ensure!(
                    opened.as_ref() == expected,
                    "after {control}, {id} is drawn at {place:?} and {reach} px to the right; a click at {at:?} opened {opened:?}"
                );
                if expected.is_some() {
                    close(&browser).await?;
                    let back = map::places(&browser).await?;
                    let back = back.get(id).context("the node is gone")?;
                    ensure!(back.distance(place) < 0.1, "{id} did not return: {place:?} before, {back:?} after");
                }
            }
            tried += 1;
        }
        ensure!(tried >= 3, "only {tried} nodes could be tried after {control}");
    }
    browser.no_errors().await
}

#[tokio::test]
async fn pointing_at_an_edge_says_what_goes_over_it() -> Result<()> {
    let scope = Scope::server("map-edges", &WINDOW).await?;
    recorded::post_golden(scope.port, "recorded-clean").await?;
    let traffic = recorded::golden_traffic("recorded-clean", "containers")?;
    let browser = Browser::open_sized(1400, 900, &STILL).await?;
    browser.goto(&format!("{}#/containers", scope.url())).await?;
    map::at_rest(&browser, 8).await?;
    lay_out(&browser).await?;
    let places = map::at_rest(&browser, 8).await?;
    let names = Map::read(&browser).await?.labels;
    let mut found = BTreeSet::new();
    for (from, to) in traffic.keys() {
        let (Some(a), Some(b)) = (places.get(from), places.get(to)) else {
            continue;
        };
        let title = format!("{} → {}", names[from], names[to]);
        // Edges are curves: looked for across the middle of the straight way.
        for step in (-8..=8).map(|step| f64::from(step) * 6.0) {
            let (dx, dy, length) = (b.x - a.x, b.y - a.y, a.distance(b));
            let at = [(a.x + b.x) / 2.0 - dy / length * step, (a.y + b.y) / 2.0 + dx / length * step];
            if from == to || found.len() == 4 || !map::is_canvas(&browser, at[0], at[1]).await? {
                continue;
            }
            map::point(&browser, at).await?;
            let said = browser.script("return document.querySelector('.tip')?.innerText ?? ''").await?;
            if said.as_str().and_then(|said| said.lines().next()) == Some(&title) {
                let (ports, connections) = &traffic[&(from.clone(), to.clone())];
                let ports: Vec<String> = ports.iter().map(u64::to_string).collect();
                let expected = format!(
                    "{title}\n{connections} connection{} to port{} {}",
                    if *connections == 1 { "" } else { "s" },
                    if ports.len() == 1 { "" } else { "s" },
                    ports.join(", ")
                );
                until(&format!("the tooltip says {expected:?}"), || async {
                    let said = browser.text(".tip").await?;
                    ensure!(said == expected, "it says {said:?}");
                    Ok(())
                })
                .await?;
                found.insert((from, to));
                break;
            }
        }
    }
    ensure!(found.len() >= 3, "only {} edges could be pointed at", found.len());
    browser.no_errors().await
}

/// Closes what is open by a click where nothing is drawn.
async fn close(browser: &Browser) -> Result<()> {
    let drawn = map::places(browser).await?;
    for (x, y) in (1..8).flat_map(|row| (1..10).map(move |column| (f64::from(column) * 90.0, f64::from(row) * 100.0))) {
        let spot = Place {
            x,
            y,
            radius: 8.0,
            fill: 0.0,
        };
        let far = drawn.values().all(|place| place.distance(&spot) > place.radius * 2.0 + 10.0);
        if far && map::is_canvas(browser, x, y).await? && map::reaches(browser, &[spot]).await? == [Some(1.0)] {
            map::click(browser, [x, y]).await?;
            let opened = map::opened(browser).await?;
            ensure!(opened.is_none(), "{opened:?} is still open after a click on the empty {x}, {y}");
            return Ok(());
        }
    }
    scope_tests::bail!("the map has no empty place")
}

/// The way from one node to another in units of their size: the same whatever the camera is.
fn way(from: &Place, to: &Place) -> [f64; 2] {
    [(to.x - from.x) / from.radius, (to.y - from.y) / from.radius]
}

#[tokio::test]
async fn a_dragged_node_stays_where_it_was_put_through_an_update_and_a_reload() -> Result<()> {
    let scope = Scope::server("map-pins", &WINDOW).await?;
    // The last reports come later: an update of the same map.
    let mut reports = recorded::all()?;
    let later = reports.split_off(reports.len().saturating_sub(4));
    for report in &reports {
        ensure!(report.send(scope.port).await? == 200, "{} was refused", report.name);
    }
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
    let same = |places: &std::collections::BTreeMap<String, Place>, put: [f64; 2]| -> Result<()> {
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

    for report in &later {
        ensure!(report.send(scope.port).await? == 200, "{} was refused", report.name);
    }
    let updated = map::at_rest(&browser, 8).await?;
    same(&updated, put).context("after an update")?;

    // What a reload shows is laid out from nothing, but for the pin; so must be what it is compared with.
    lay_out(&browser).await?;
    let afresh = map::at_rest(&browser, updated.len()).await?;
    let lies = |id: &str| afresh.get(id).context("the node is gone");
    let put = way(lies(other)?, lies(&id)?);
    browser.client.refresh().await?;
    map::at_rest(&browser, updated.len()).await?;
    let reloaded = map::at_rest(&browser, updated.len()).await?;
    let now = reloaded.get(&id).context("the node is gone")?;
    let spread = reloaded.values().filter(|place| place.distance(now) < now.radius * 1.5).count();
    ensure!(spread == 1, "{spread} nodes lie where one was put");
    lay_out(&browser).await?;
    same(&map::at_rest(&browser, updated.len()).await?, put).context("after a reload")?;
    browser.no_errors().await
}

/// Name, link and least number of nodes of the topologies whose pictures are stored: between them most shapes, stacks, pseudo nodes, fills of
/// a metric, bars of networks, components of all sizes, nodes without edges.
const TOPOLOGIES: [(&str, &str, usize); 5] = [
    ("containers", "#/containers?system=all&stopped=both&nets", 20),
    ("images", "#/containers-by-image?system=all&stopped=both", 8),
    ("processes", "#/processes?metric=Memory", 12),
    ("hosts", "#/hosts?metric=CPU", 4),
    ("controllers", "#/kube-controllers", 4),
];

/// Share of a picture's blocks of 4 by 4 pixels that may differ: 40 of 78,750. A glyph that is missing or elsewhere is 80 and more, a caption
/// about as many; edges of shapes and letters that another version of the browser smoothes otherwise are none.
const TOLERANCE: f64 = 0.0005;

#[tokio::test]
async fn five_topologies_look_as_stored_in_three_themes() -> Result<()> {
    let scope = Scope::server("map-pictures", &WINDOW).await?;
    for case in ["recorded-clean", "k8s"] {
        recorded::post_golden(scope.port, case).await?;
    }
    let browser = Browser::open_with_one_font(1500, 1100, &STILL).await?;
    let mut wrong = Vec::new();
    for (name, link, least) in TOPOLOGIES {
        browser.goto("about:blank").await?;
        browser.goto(&format!("{}{link}", scope.url())).await?;
        map::at_rest(&browser, least).await?;
        map::map_alone(&browser, 1400, 900).await?;
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
            let seen = map::picture(&browser).await?;
            if let Err(error) = map::looks_like(&browser, &seen, &format!("{name}-{theme}"), TOLERANCE).await {
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
