//! The example plugin in the page: its metric on the map, its rows and table in the details, its control; what the page says when it is gone,
//! and of others that misbehave.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;

use scope_tests::browser::Browser;
use scope_tests::page::{Map, details, open_details};
use scope_tests::process::{Process, Scope};
use scope_tests::wait::until;
use scope_tests::{Context, Result, ensure};

const HOST: &str = "plugged";
const PRESSURE: &str = "some avg10=37.50 avg60=3.00 avg300=1.00 total=5\nfull avg10=2.00 avg60=1.25 avg300=0.50 total=3\n";

/// The example, on pressures that are always the same.
fn example(root: &Path, name: &str) -> Result<Process> {
    let pressure = root.join("pressure");
    std::fs::create_dir_all(&pressure)?;
    for resource in ["io", "cpu", "memory"] {
        std::fs::write(pressure.join(resource), PRESSURE)?;
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no workspace")?;
    let mut command = Command::new("python3");
    command
        .arg(workspace.join("examples/plugins/io-pressure/io_pressure.py"))
        .arg("--root")
        .arg(root)
        .args(["--host", HOST, "--pressure"])
        .arg(pressure);
    Process::start(command, name)
}

/// A plugin that answers every request as told, in as many threads as it takes.
fn rogue(root: &Path, id: &str, answer: fn(UnixStream)) -> Result<()> {
    let listener = UnixListener::bind(root.join(format!("{id}.sock")))?;
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // What is asked does not matter; that the asking is over does.
            if stream.read(&mut [0; 4096]).is_ok() {
                answer(stream);
            }
        }
    });
    Ok(())
}

fn write(mut stream: UnixStream, pieces: &[&[u8]]) {
    // The probe hangs up on these; that is the point.
    drop(pieces.iter().try_for_each(|piece| stream.write_all(piece)));
}

/// The map as a picture that can be read: what a canvas shows cannot.
async fn drawing(browser: &Browser) -> Result<String> {
    browser
        .script(
            "window.drawn = null; const make = URL.createObjectURL.bind(URL);
             URL.createObjectURL = blob => { blob.text().then(text => window.drawn = text); return make(blob); };",
        )
        .await?;
    browser.press("[aria-label='Tools and exports']").await?;
    browser
        .script("[...document.querySelectorAll('[role=dialog] button')].find(b => b.textContent.includes('SVG, whole map')).click()")
        .await?;
    let drawn = until("the map is drawn", || async {
        browser
            .script("return window.drawn")
            .await?
            .as_str()
            .map(str::to_owned)
            .context("not yet")
    })
    .await?;
    browser
        .script("document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape', bubbles: true}))")
        .await?;
    Ok(drawn)
}

/// What the page says of each plugin.
async fn said_of_plugins(browser: &Browser) -> Result<String> {
    let text = browser
        .script("return [...document.querySelectorAll('[role=dialog]')].map(d => d.innerText).join()")
        .await?;
    Ok(text.as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn the_example_plugin_is_seen_in_the_page_and_so_is_what_is_wrong_with_others() -> Result<()> {
    let root = tempfile::tempdir()?;
    let mut plugin = example(root.path(), "plugin")?;
    let path = root.path().to_str().context("a path")?;
    let arguments = [
        "--plugins-root",
        path,
        "--hostname",
        HOST,
        "--docker=false",
        "--ebpf=false",
        "--allow",
        "plugins",
    ];
    let mut scope = Scope::launch("plugins", &arguments).await?;
    let browser = Browser::open().await?;
    browser
        .goto(&format!("{}#!/state/{{\"topologyId\":\"hosts\"}}", scope.url()))
        .await?;
    until("the map has the host", || async {
        ensure!(Map::read(&browser).await?.has(HOST), "no host yet");
        Ok(())
    })
    .await?;

    // A node that a metric fills is drawn with a clip at the metric's level.
    until("the map draws the host, unfilled", || async {
        let drawn = drawing(&browser).await?;
        ensure!(drawn.contains(HOST) && !drawn.contains("<clipPath"), "the map is {drawn}");
        Ok(())
    })
    .await?;
    browser.press(".metrics [data-metric='I/O pressure']").await?;
    until("the metric fills the host on the map", || async {
        let drawn = drawing(&browser).await?;
        ensure!(drawn.contains("<clipPath"), "the map is {drawn}");
        Ok(())
    })
    .await?;

    until("the host can be opened", || open_details(&browser, HOST)).await?;
    until("the details have the plugin's row and table", || async {
        // Rows of a priority beyond ten are behind "more".
        browser
            .script(
                "[...document.querySelectorAll('.details .card button')].filter(b => / more$/.test(b.textContent)).forEach(b => b.click())",
            )
            .await?;
        let text = details(&browser).await?;
        for wanted in ["Pressure shown", "I/O (full)", "1.25 %", "5 min"] {
            ensure!(text.contains(wanted), "no {wanted} in {text}");
        }
        Ok(())
    })
    .await?;
    browser.picture("plugin").await?;
    browser.press("[data-control='io-pressure~show-cpu']:not([disabled])").await?;
    until("the control took effect: the next one is offered", || async {
        browser.find("[data-control='io-pressure~show-memory']").await?;
        ensure!(details(&browser).await?.contains("CPU pressure"), "no CPU pressure");
        Ok(())
    })
    .await?;

    plugin.kill()?;
    browser.press(".foot button.plain").await?;
    until("the page says that it is gone", || async {
        let text = said_of_plugins(&browser).await?;
        ensure!(text.contains("error: Connection refused"), "it says: {text}");
        let offered = browser
            .script("return !!document.querySelector(\"[data-control^='io-pressure~']\")")
            .await?;
        ensure!(offered == false, "its control is still offered");
        Ok(())
    })
    .await?;

    rogue(root.path(), "garbage", |stream| {
        write(stream, &[b"\x00\xffnot http at all\r\n\r\n"])
    })?;
    rogue(root.path(), "hanging", std::mem::forget)?;
    rogue(root.path(), "huge", |stream| {
        let megabyte = vec![b' '; 1 << 20];
        let mut pieces = vec![&b"HTTP/1.0 200 OK\r\n\r\n"[..]];
        pieces.extend(std::iter::repeat_n(megabyte.as_slice(), 100));
        write(stream, &pieces);
    })?;
    let before = scope.process.memory()?;
    let _again = example(root.path(), "plugin-again")?;
    until("the page says what is wrong with each, and that one is well again", || async {
        let text = said_of_plugins(&browser).await?;
        let said = |name: &str| text.lines().find(|line| line.contains(name)).unwrap_or_default().to_owned();
        ensure!(said("I/O pressure").contains(" – ok"), "{text}");
        ensure!(said("hanging").contains("no answer within 500 ms"), "{text}");
        ensure!(said("huge").contains("error: "), "{text}");
        ensure!(said("garbage").contains("error: "), "{text}");
        Ok(())
    })
    .await?;
    browser.picture("plugins").await?;
    ensure!(Map::read(&browser).await?.has(HOST), "the probe's own part is gone");
    let grown = scope.process.memory()?.saturating_sub(before) >> 20;
    ensure!(grown < 120, "one answer of 100 MB made the probe grow by {grown} MiB");
    scope.process.check_alive()?;
    browser.no_errors().await
}
