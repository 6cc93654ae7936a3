//! A plugin written from the documentation (`examples/plugins`, Python, a Unix socket), from its socket to the page in a real browser: what
//! it adds is seen, its control works, and when it dies, comes back or talks nonsense, the page says so.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use scope_tests::browser::Browser;
use scope_tests::map::places;
use scope_tests::process::{Process, Scope};
use scope_tests::wait::until;
use scope_tests::{Context, Result, ensure};

const HOST: &str = "plugged";
const NODE: &str = "plugged;<host>";
const CONTROL: &str = "[data-control='io-pressure~show-cpu']";
const TABLE: &str = "[data-list=io-pressure-table-]";

/// The example, on pressure files of the test's own.
struct Example<'a>(&'a Path);

impl Example<'_> {
    fn start(&self) -> Result<Process> {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/plugins/io-pressure/io_pressure.py");
        let mut command = Command::new("python3");
        command.arg(script).arg("--root").arg(self.0).args(["--host", HOST]);
        command.arg("--pressure").arg(self.0.join("pressure"));
        Process::start(command, "plugin-example")
    }

    /// Says how long tasks wait for a resource, in percent.
    fn pressure(&self, resource: &str, percent: f64) -> Result<()> {
        let directory = self.0.join("pressure");
        std::fs::create_dir_all(&directory)?;
        let text = format!("some avg10={percent:.2} avg60=3.00 avg300=1.00 total=5\nfull avg10=2.00 avg60=1.00 avg300=0.50 total=3\n");
        // Whole or not at all: the plugin reads at any moment.
        let fresh = directory.join("fresh");
        std::fs::write(&fresh, text)?;
        Ok(std::fs::rename(fresh, directory.join(resource))?)
    }
}

/// The texts of all elements that match.
async fn texts(browser: &Browser, css: &str) -> Result<Vec<String>> {
    let css = serde_json::to_string(css)?;
    let answer = browser
        .script(&format!(
            "return [...document.querySelectorAll({css})].map(e => e.innerText.trim())"
        ))
        .await?;
    let list = answer.as_array().context("no list")?;
    Ok(list.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect())
}

/// Waits until the first element that matches has this text.
async fn says(browser: &Browser, css: &str, wanted: &str) -> Result<()> {
    until(&format!("{css} says {wanted:?}"), || async {
        let now = texts(browser, css).await?;
        ensure!(now.first().is_some_and(|text| text == wanted), "it says {now:?}");
        Ok(())
    })
    .await
}

/// Waits until something is on the page, or is not.
async fn shows(browser: &Browser, css: &str, wanted: bool) -> Result<()> {
    until(&format!("{css} is there: {wanted}"), || async {
        ensure!(texts(browser, css).await?.is_empty() != wanted, "it is not so");
        Ok(())
    })
    .await
}

/// Waits until the canvas fills the host as this share of the metric's ceiling is shown: a tenth is there for the smallest value already.
async fn filled(browser: &Browser, share: f64) -> Result<()> {
    let wanted = 0.1 + 0.8 * share;
    until(&format!("the host is filled to {wanted}"), || async {
        let places = places(browser).await?;
        let fill = places.get(NODE).context("the host is not drawn")?.fill;
        ensure!((fill - wanted).abs() < 0.01, "it is filled to {fill}");
        Ok(())
    })
    .await
}

/// Waits until the page's list of plugins has a line that begins and ends so.
async fn listed(browser: &Browser, name: &str, status: &str) -> Result<()> {
    until(&format!("the page says of {name}: {status}"), || async {
        let lines = texts(browser, "[role=dialog] [data-plugin]").await?;
        let line = lines.iter().find(|line| line.starts_with(name));
        ensure!(line.is_some_and(|line| line.contains(status)), "it says {lines:?}");
        Ok(())
    })
    .await
}

/// Answers every request with something that is no report.
fn talk_nonsense(root: &Path) -> Result<()> {
    let listener = UnixListener::bind(root.join("nonsense.sock"))?;
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let asked = stream.read(&mut request).unwrap_or(0);
            if asked > 0 {
                // The probe may have hung up; that is its right.
                drop(stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nthis is \xff no report"));
            }
        }
    });
    Ok(())
}

#[tokio::test]
async fn a_plugins_metric_table_and_control_are_on_the_page_and_so_are_its_troubles() -> Result<()> {
    let root = tempfile::tempdir()?;
    let plugin = Example(root.path());
    plugin.pressure("io", 25.0)?;
    plugin.pressure("cpu", 75.0)?;
    plugin.pressure("memory", 0.0)?;
    let mut running = plugin.start()?;
    let directory = root.path().to_str().context("a path")?;
    let scope = Scope::launch("plugin", &["--plugins-root", directory, "--hostname", HOST, "--docker=false"]).await?;
    let browser = Browser::open_sized(1400, 900, &[]).await?;
    browser.goto(&format!("{}#/hosts?node=@{HOST}", scope.url())).await?;

    // Its metric can be chosen, fills the node on the canvas, and follows what it says.
    browser.press(".legend [data-metric='I/O pressure']").await?;
    until("the metric is chosen", || async {
        let pressed = ".legend [data-metric='I/O pressure'][aria-pressed=true]";
        ensure!(!texts(&browser, pressed).await?.is_empty(), "it is not pressed");
        Ok(())
    })
    .await?;
    filled(&browser, 0.25).await?;
    plugin.pressure("io", 50.0)?;
    filled(&browser, 0.5).await?;
    says(&browser, ".health [data-metric='I/O pressure'] b", "50.00%").await?;

    // Its table has its columns and rows, its row is among the details.
    until("the table is there", || async {
        let columns = texts(&browser, &format!("{TABLE} th")).await?;
        let columns: Vec<_> = columns.iter().map(|text| text.lines().next().unwrap_or_default()).collect();
        ensure!(columns == ["Waiting for", "10 s", "1 min", "5 min"], "columns {columns:?}");
        let rows = texts(&browser, &format!("{TABLE} tbody tr")).await?;
        let row = rows.iter().map(|row| row.split('\t').map(str::trim).collect::<Vec<_>>());
        ensure!(
            row.clone().any(|cells| cells == ["CPU (some)", "75.00 %", "3.00 %", "1.00 %"]),
            "rows {:?}",
            row.collect::<Vec<_>>()
        );
        Ok(())
    })
    .await?;
    browser.press(".info + .more[aria-expanded=false]").await?;
    says(&browser, "[data-row=io-pressure-shown] .value", "I/O").await?;

    // Its control works from the page: another pressure is the metric from now on, and the next one is offered.
    browser.press(CONTROL).await?;
    says(&browser, "[data-row=io-pressure-shown] .value", "CPU").await?;
    says(&browser, ".health [data-metric='CPU pressure'] b", "75.00%").await?;
    shows(&browser, "[data-control='io-pressure~show-memory']", true).await?;
    shows(&browser, CONTROL, false).await?;
    browser.press(".legend [data-metric='CPU pressure']").await?;
    filled(&browser, 0.75).await?;
    browser.picture("plugin").await?;

    // It dies: what it reported goes, and the page says of whom nothing is heard.
    let list = ".foot button.wide";
    says(&browser, list, "1 probe, 1 plugin").await?;
    shows(&browser, ".foot .trouble", false).await?;
    running.kill()?;
    shows(&browser, ".foot .trouble", true).await?;
    shows(&browser, "[data-control^='io-pressure~']", false).await?;
    browser.press(list).await?;
    listed(&browser, "I/O pressure", "error: ").await?;

    // It comes back, to where it began.
    let _again = plugin.start()?;
    listed(&browser, "I/O pressure", "– ok").await?;
    shows(&browser, ".foot .trouble", false).await?;
    shows(&browser, CONTROL, true).await?;

    // Another one talks nonsense: it is named with what is wrong, and the first goes on.
    talk_nonsense(root.path())?;
    listed(&browser, "nonsense", "error: decoding error: ").await?;
    listed(&browser, "I/O pressure", "– ok").await?;
    browser.picture("plugin-trouble").await?;
    plugin.pressure("io", 10.0)?;
    says(&browser, ".health [data-metric='I/O pressure'] b", "10.00%").await?;
    browser.no_errors().await
}
