//! The page around the map, in a real browser, on recorded reports: one server and one browser for each area, many looks at the page.
//!
//! Where numbers are compared, they are those of Weave Scope's own server (the golden cases); where order is, it is worked out here from
//! what the page itself shows.

mod details;
mod links;
mod looks;
mod options;
mod parts;
mod search;
mod states;
mod subset;
mod table;
mod time;

use scope_tests::browser::Browser;
use scope_tests::page::Map;
use scope_tests::process::Scope;
use scope_tests::wait::until;
use scope_tests::{Context, Result, ensure, recorded};
use serde_json::Value;

/// Recorded probes do not go on reporting, so what they said must not expire while a test looks at it.
const WINDOW: [&str; 2] = ["--window", "30m"];

/// A server with reports, and a browser.
struct Stage {
    scope: Scope,
    browser: Browser,
}

impl Stage {
    /// Golden cases on a server, and a browser of the usual size that has not loaded anything yet.
    async fn open(name: &str, cases: &[&str]) -> Result<Self> {
        let scope = Scope::server(&format!("page-{name}"), &WINDOW).await?;
        for case in cases {
            recorded::post_golden(scope.port, case).await?;
        }
        Ok(Self {
            scope,
            browser: Browser::open_sized(1400, 900, &[]).await?,
        })
    }

    /// Loads the page anew at a fragment, as a link from elsewhere does.
    async fn load(&self, fragment: &str) -> Result<()> {
        self.browser.goto("about:blank").await?;
        self.browser.goto(&format!("{}{fragment}", self.scope.url())).await?;
        self.browser.find("#view").await?;
        Ok(())
    }

    /// Follows a link in the page that is loaded.
    async fn follow(&self, fragment: &str) -> Result<()> {
        let fragment = serde_json::to_string(fragment)?;
        self.browser.script(&format!("location.hash = {fragment}")).await?;
        Ok(())
    }

    /// The fragment in the address bar, decoded.
    async fn fragment(&self) -> Result<String> {
        self.value("decodeURIComponent(location.hash)").await
    }

    /// Waits until the fragment is this.
    async fn at(&self, wanted: &str) -> Result<()> {
        until(&format!("the address is {wanted}"), || async {
            let now = self.fragment().await?;
            ensure!(now == wanted, "it is {now}");
            Ok(())
        })
        .await
    }

    /// A JavaScript expression as text.
    async fn value(&self, expression: &str) -> Result<String> {
        let value = self.browser.script(&format!("return String({expression})")).await?;
        Ok(value.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until a JavaScript expression, as text, is this.
    async fn says(&self, expression: &str, wanted: &str) -> Result<()> {
        until(&format!("{expression} is {wanted:?}"), || async {
            let now = self.value(expression).await?;
            ensure!(now == wanted, "it is {now:?}");
            Ok(())
        })
        .await
    }

    /// Waits until a JavaScript expression holds.
    async fn holds(&self, expression: &str) -> Result<()> {
        self.says(&format!("Boolean({expression})"), "true").await
    }

    /// The texts of all elements that match, as they are shown.
    async fn texts(&self, css: &str) -> Result<Vec<String>> {
        let css = serde_json::to_string(css)?;
        let script = format!("return [...document.querySelectorAll({css})].map(e => e.innerText.trim())");
        let answer = self.browser.script(&script).await?;
        let list = answer.as_array().context("no list")?;
        Ok(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// Waits until the view has this many nodes, by its own count.
    async fn shows(&self, count: usize) -> Result<()> {
        let word = if count == 1 { "node" } else { "nodes" };
        until(&format!("{count} {word} are shown"), || async {
            let now = self.browser.text("[data-testid=counts]").await?;
            let number = now.split_whitespace().next().and_then(|number| number.parse::<usize>().ok());
            ensure!(number == Some(count), "the page counts {now:?}");
            Ok(())
        })
        .await
    }

    /// Waits until the table has so many rows, and returns their names: the rows on screen come first, the others once these are painted.
    async fn rows(&self, count: usize) -> Result<Vec<String>> {
        until(&format!("the table has {count} rows"), || async {
            let names = self.texts("tr.node th .name").await?;
            ensure!(names.len() == count, "it has {names:?}");
            Ok(names)
        })
        .await
    }

    /// Waits until the map shows something, and returns it.
    async fn map(&self) -> Result<Map> {
        until("the map shows something", || async {
            let map = Map::read(&self.browser).await?;
            ensure!(!map.labels.is_empty(), "the map is empty");
            Ok(map)
        })
        .await
    }

    /// Presses a key on whatever has the focus.
    async fn press(&self, keys: &str) -> Result<()> {
        let active = self.browser.client.active_element().await?;
        Ok(active.send_keys(keys).await?)
    }

    /// Clicks the first element that matches.
    async fn click(&self, css: &str) -> Result<()> {
        self.browser.click(css).await
    }
}

/// The original's form of a link.
fn legacy(state: &str) -> String {
    format!("#!/state/{state}")
}
