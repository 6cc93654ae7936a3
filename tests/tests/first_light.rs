//! The main job, end to end: a real Docker engine, the real binary, the real page in a real browser.
//!
//! One test, because the world is dear to build; each step says what it proves.

use std::time::Duration;

use scope_tests::browser::Browser;
use scope_tests::page::{Map, details, open_details};
use scope_tests::process::Scope;
use scope_tests::wait::{PATIENCE, until, until_within};
use scope_tests::world::{EDGES, GOES_OUTSIDE, PAUSED, RUNNING, STOPPED, World, address};
use scope_tests::{Result, bail, ensure};

/// The promise: what happens on a host shows on the map within this.
const PROMISE: Duration = Duration::from_secs(5);
/// A busy machine may break a promise about time once or twice; then it is tried again.
const TRIES: usize = 3;

#[tokio::test]
async fn the_map_of_this_machine_shows_its_containers_and_who_talks_to_whom() -> Result<()> {
    let world = World::start()?;
    let scope = Scope::launch("first-light", &[]).await?;
    let browser = Browser::open().await?;
    browser.goto(&scope.url()).await?;

    let map = until("the map shows the shop", || shop(&browser)).await?;
    ensure!(!map.has(STOPPED), "{STOPPED} has exited: the default filter leaves it out");
    for (from, to) in EDGES {
        ensure!(
            !map.has_edge(to, from),
            "{from} opened the connection, so no edge leads from {to} to it"
        );
    }
    browser.picture("first-light").await?;
    until("the one that talks to the outside leads to the Internet", || outside(&browser)).await?;

    appears_and_disappears(&world, &browser).await?;
    link_opens_details(&browser).await?;
    browser.no_errors().await
}

async fn shop(browser: &Browser) -> Result<Map> {
    let map = Map::read(browser).await?;
    for (name, _) in RUNNING {
        map.id(name)?;
    }
    map.id(PAUSED)?;
    for (from, to) in EDGES {
        ensure!(map.has_edge(from, to), "no edge {from} -> {to} among {:?}", map.edges_by_label());
    }
    Ok(map)
}

/// Nothing on this machine is behind the outside address, so it is the Internet, and that is on the map whatever is filtered.
async fn outside(browser: &Browser) -> Result<()> {
    let map = Map::read(browser).await?;
    let from = map.id(GOES_OUTSIDE)?;
    let targets: Vec<_> = map
        .edges
        .iter()
        .filter(|(source, _)| source == from)
        .map(|(_, target)| target.clone())
        .collect();
    ensure!(
        targets.iter().any(|target| target == "out-theinternet"),
        "{GOES_OUTSIDE} leads to {targets:?} only"
    );
    Ok(())
}

async fn appears_and_disappears(world: &World, browser: &Browser) -> Result<()> {
    let mut best = [Duration::MAX; 2];
    for turn in 0..TRIES {
        let name = format!("shop-extra-{turn}");
        let database = format!("{}:8080", address("shop-db")?);
        world.run(&name, "shop/logic", &[database])?;
        let ((), appeared) = until_within("a new container appears", PATIENCE, || is_there(browser, &name, true)).await?;
        world.remove(&name);
        let ((), disappeared) = until_within("a removed container disappears", PATIENCE, || is_there(browser, &name, false)).await?;
        println!(
            "{name} appeared {} ms after its start, disappeared {} ms after its end",
            appeared.as_millis(),
            disappeared.as_millis()
        );
        best = [best[0].min(appeared), best[1].min(disappeared)];
        if best.iter().all(|time| *time <= PROMISE) {
            return Ok(());
        }
    }
    bail!(
        "not within {} s: best times to appear and to disappear were {best:?}",
        PROMISE.as_secs()
    )
}

async fn is_there(browser: &Browser, name: &str, wanted: bool) -> Result<()> {
    let map = Map::read(browser).await?;
    ensure!(
        map.has(name) == wanted,
        "the map shows {:?}",
        map.labels.values().collect::<Vec<_>>()
    );
    Ok(())
}

async fn link_opens_details(browser: &Browser) -> Result<()> {
    let (name, image) = ("shop-web-1", "shop/front");
    open_details(browser, name).await?;
    until("details open", || shows(browser, name, image)).await?;
    browser.picture("first-light-details").await?;
    let link = browser.address().await?;
    let other = Browser::open().await?;
    other.goto(&link).await?;
    until("the link opens the details in a new browser", || shows(&other, name, image)).await?;
    other.picture("first-light-link").await?;
    other.no_errors().await?;
    other.close().await
}

async fn shows(browser: &Browser, name: &str, image: &str) -> Result<()> {
    let text = details(browser).await?;
    ensure!(text.contains(name) && text.contains(image), "the card says: {text}");
    Ok(())
}
