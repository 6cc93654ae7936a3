//! The map as it is drawn: where its nodes are on the screen, what it looks like, a mouse on it.
//!
//! Places come out of the picture that the page itself saves, colours out of the screen, so that neither is asked of what is under test.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use fantoccini::actions::{InputSource, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use serde_json::Value;

use crate::browser::Browser;
use crate::process::artefacts;
use crate::wait::until;

/// Flags for pictures that come out alike: no motion, one pixel a pixel, colours as they are.
pub const STILL: [&str; 3] = [
    "--force-prefers-reduced-motion",
    "--force-device-scale-factor=1",
    "--force-color-profile=srgb",
];

/// Saves the map as SVG, as seen, without a file; returns each node's id, place in the window, radius and how far it is filled.
const PLACES: &str = "
    const blobs = [], make = URL.createObjectURL, click = HTMLAnchorElement.prototype.click;
    URL.createObjectURL = blob => { blobs.push(blob); return make.call(URL, blob); };
    HTMLAnchorElement.prototype.click = () => {};
    const wait = () => new Promise(done => setTimeout(done, 20));
    try {
        document.querySelector('[aria-label=\"Tools and exports\"]').click();
        const find = () => [...document.querySelectorAll('[role=dialog] button')].find(b => b.textContent.includes('SVG, as seen'));
        for (let i = 0; i < 200 && !find(); i++) await wait();
        find().click();
        document.querySelector('[role=dialog] [aria-label=Close]').click();
        for (let i = 0; i < 200 && document.querySelector('[role=dialog]'); i++) await wait();
    } finally {
        URL.createObjectURL = make;
        HTMLAnchorElement.prototype.click = click;
    }
    const svg = new DOMParser().parseFromString(await blobs[0].text(), 'image/svg+xml');
    const box = document.querySelector('canvas.map').getBoundingClientRect();
    return [...svg.querySelectorAll('[data-id]')].map(node => {
        const [x, y, r] = node.dataset.at.split(' ').map(Number);
        const top = node.querySelector('clipPath rect')?.getAttribute('y');
        return [node.dataset.id, x + box.left, y + box.top, r, top === undefined ? 0 : (1 - (top - y) / (0.96 * r)) / 2];
    });";

/// Reads a screenshot along the line to the right of each place.
const REACHES: &str = "
    const bytes = Uint8Array.from(atob(screen), c => c.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const canvas = new OffscreenCanvas(image.width, image.height), context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    const data = context.getImageData(0, 0, image.width, image.height).data;
    const seen = new Map();
    for (let at = 0; at < data.length; at += 4 * 97) {
        const colour = data.slice(at, at + 3).join();
        seen.set(colour, (seen.get(colour) ?? 0) + 1);
    }
    const ground = [...seen].sort((a, b) => b[1] - a[1])[0][0].split(',').map(Number);
    const bare = (x, y) => ground.every((c, i) => Math.abs(data[(y * image.width + x) * 4 + i] - c) <= 2);
    return places.map(([x, y, radius]) => {
        for (let at = 1; at < radius * 1.6 + 3; at++) {
            let clear = 0;
            while (clear < 8 && [-4, 0, 4].every(dy => bare(Math.round(x) + at + clear, Math.round(y) + dy))) clear++;
            if (clear === 8) return at;
        }
        return null;
    });";

/// Share of blocks of 4 by 4 pixels that differ between two pictures by more than a tenth of the range in some channel.
const DIFFERENCE: &str = "
    const read = async base64 => {
        const bytes = Uint8Array.from(atob(base64), c => c.charCodeAt(0));
        const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
        const canvas = new OffscreenCanvas(image.width, image.height), context = canvas.getContext('2d');
        context.drawImage(image, 0, 0);
        return context.getImageData(0, 0, image.width, image.height);
    };
    const a = await read(pictures[0]), b = await read(pictures[1]);
    if (a.width !== b.width || a.height !== b.height) return 1;
    let differ = 0, blocks = 0;
    for (let top = 0; top + 4 <= a.height; top += 4) for (let left = 0; left + 4 <= a.width; left += 4) {
        const sum = [0, 0, 0];
        for (let y = top; y < top + 4; y++) for (let x = left; x < left + 4; x++) for (let c = 0; c < 3; c++) {
            const at = (y * a.width + x) * 4 + c;
            sum[c] += a.data[at] - b.data[at];
        }
        blocks += 1;
        differ += sum.some(s => Math.abs(s) / 16 > 25);
    }
    return differ / blocks;";

/// Where a node is in the window, CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
    /// Radius of its glyph.
    pub radius: f64,
    /// How far it is filled by the metric that is shown, 0 to 1.
    pub fill: f64,
}

impl Place {
    /// How far two centres are from one another.
    pub fn distance(&self, other: &Self) -> f64 {
        (self.x - other.x).hypot(self.y - other.y)
    }
}

/// All nodes that are drawn themselves, by id. Of a stack, the glyph in front.
pub async fn places(browser: &Browser) -> Result<BTreeMap<String, Place>> {
    let answer = browser.promise(PLACES).await?;
    let Value::Array(list) = &answer else {
        bail!("no places: {answer}")
    };
    let number = |node: &Value, at: usize| node[at].as_f64().context("a place without numbers");
    list.iter()
        .map(|node| {
            let place = Place {
                x: number(node, 1)?,
                y: number(node, 2)?,
                radius: number(node, 3)?,
                fill: number(node, 4)?,
            };
            Ok((node[0].as_str().context("a node without an id")?.to_owned(), place))
        })
        .collect()
}

/// Whether the canvas is what the mouse would meet there.
pub async fn is_canvas(browser: &Browser, x: f64, y: f64) -> Result<bool> {
    let top = browser
        .script(&format!(
            "return document.elementFromPoint({x}, {y})?.matches('canvas.map') ?? false"
        ))
        .await?;
    Ok(top == Value::Bool(true))
}

/// Clicks at a place of the window, as a mouse does, and waits until the page has drawn what follows.
pub async fn click(browser: &Browser, [x, y]: [f64; 2]) -> Result<()> {
    drag(browser, [x, y], [x, y]).await?;
    drawn(browser).await
}

/// Puts the mouse somewhere without pressing anything.
pub async fn point(browser: &Browser, [x, y]: [f64; 2]) -> Result<()> {
    let mouse = MouseActions::new("mouse".into()).then(PointerAction::MoveTo { duration: None, x, y });
    browser.client.perform_actions(mouse).await?;
    drawn(browser).await
}

/// Waits for two frames: what an event changed is on the screen after them.
async fn drawn(browser: &Browser) -> Result<()> {
    browser
        .promise("for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame)")
        .await?;
    Ok(())
}

/// The node whose details are open, if any are.
pub async fn opened(browser: &Browser) -> Result<Option<String>> {
    let node = browser
        .script("return document.querySelector('.details .card[data-node]')?.dataset.node ?? null")
        .await?;
    Ok(node.as_str().map(str::to_owned))
}

/// How far to the right of each place its glyph is drawn, in pixels of the screen: up to where 8 pixels of nothing begin. `None` where
/// something else is drawn beside it, such as an edge.
pub async fn reaches(browser: &Browser, places: &[Place]) -> Result<Vec<Option<f64>>> {
    let screen = base64::engine::general_purpose::STANDARD.encode(browser.client.screenshot().await?);
    let wanted: Vec<[f64; 3]> = places.iter().map(|place| [place.x, place.y, place.radius]).collect();
    let body = format!(
        "const screen = {}, places = {};{REACHES}",
        serde_json::to_string(&screen)?,
        serde_json::to_string(&wanted)?
    );
    let answer = browser.promise(&body).await?;
    let Value::Array(list) = &answer else {
        bail!("no reaches: {answer}")
    };
    Ok(list.iter().map(Value::as_f64).collect())
}

/// Presses at one place of the window and lets go at another.
pub async fn drag(browser: &Browser, from: [f64; 2], to: [f64; 2]) -> Result<()> {
    let go = |[x, y]: [f64; 2]| PointerAction::MoveTo { duration: None, x, y };
    let mut mouse = MouseActions::new("mouse".into())
        .then(go(from))
        .then(PointerAction::Down { button: MOUSE_BUTTON_LEFT });
    if from != to {
        mouse = mouse.then(go([(from[0] + to[0]) / 2.0, (from[1] + to[1]) / 2.0])).then(go(to));
    }
    let mouse = mouse.then(PointerAction::Up { button: MOUSE_BUTTON_LEFT });
    Ok(browser.client.perform_actions(mouse).await?)
}

/// Nothing but the map, at a fixed place and size: a picture of it is then about the map alone.
pub async fn map_alone(browser: &Browser, width: u32, height: u32) -> Result<()> {
    browser
        .script(&format!(
            "const sheet = new CSSStyleSheet();
             sheet.replaceSync(`body * {{ visibility: hidden !important }} canvas.map {{ visibility: visible !important; position: fixed !important; z-index: 99; left: 0; top: 0; width: {width}px !important; height: {height}px !important }}`);
             document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]"
        ))
        .await?;
    Ok(())
}

/// A picture of the map once it has come to rest: two that follow one another are the same.
pub async fn picture(browser: &Browser) -> Result<Vec<u8>> {
    let canvas = browser.find("canvas.map").await?;
    let mut before = Vec::new();
    for _ in 0..100 {
        let now = canvas.screenshot().await?;
        if now == before {
            return Ok(now);
        }
        before = now;
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    }
    bail!("the map never comes to rest")
}

/// Share of two pictures that differs, 0 to 1.
pub async fn difference(browser: &Browser, a: &[u8], b: &[u8]) -> Result<f64> {
    let coded = [a, b].map(|png| base64::engine::general_purpose::STANDARD.encode(png));
    let body = format!("const pictures = {};{DIFFERENCE}", serde_json::to_string(&coded)?);
    let answer = browser.promise(&body).await?;
    answer
        .as_f64()
        .with_context(|| format!("the pictures could not be compared: {answer}"))
}

fn stored(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("data/map/{name}.png"))
}

/// Compares a picture with the stored one of this name. With `SCOPE_PICTURES=store` it is stored instead: then look at it, and make it small
/// (128 colours are enough: `image.quantize(128, 1, 1, None, 0)` of Pillow).
///
/// # Errors
/// When more than `share` of it differs; what was seen is left beside the logs of the tests.
pub async fn looks_like(browser: &Browser, seen: &[u8], name: &str, share: f64) -> Result<()> {
    if std::env::var_os("SCOPE_PICTURES").is_some_and(|value| value == "store") {
        std::fs::create_dir_all(stored("").parent().context("no folder")?)?;
        return Ok(std::fs::write(stored(name), seen)?);
    }
    let known = std::fs::read(stored(name)).with_context(|| format!("no stored picture {name}"))?;
    let differs = difference(browser, &known, seen).await?;
    if differs > share {
        let file = artefacts()?.join(format!("map-{name}.png"));
        std::fs::write(&file, seen)?;
        bail!(
            "{:.3} % of {name} differ from the stored picture; see {}",
            differs * 100.0,
            file.display()
        );
    }
    Ok(())
}

/// Waits until the map has this many nodes at least and does not change any more: for a while, since what the worker still lays out comes
/// to the page when it is done.
pub async fn at_rest(browser: &Browser, least: usize) -> Result<BTreeMap<String, Place>> {
    until("the map comes to rest", || async {
        let first = places(browser).await?;
        ensure!(first.len() >= least, "{} nodes are drawn", first.len());
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_millis(150)).await;
            ensure!(first == places(browser).await?, "it still moves");
        }
        Ok(first)
    })
    .await
}
