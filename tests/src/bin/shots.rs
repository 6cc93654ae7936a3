//! Pictures of every screen, light and dark, wide and narrow, on recorded reports: `cargo xtask shots` puts them into `docs/pictures`.

use std::path::PathBuf;

use scope_tests::browser::Browser;
use scope_tests::page::{Map, open_details};
use scope_tests::process::Scope;
use scope_tests::wait::until;
use scope_tests::{Context, Result, ensure, recorded};

/// Name and state of each screen, as a link of the original's form.
const SCREENS: [(&str, &str); 6] = [
    ("map", r#"{"topologyId":"containers"}"#),
    ("processes", r#"{"topologyId":"processes"}"#),
    ("hosts", r#"{"topologyId":"hosts"}"#),
    ("table", r#"{"topologyId":"containers","topologyViewMode":"grid"}"#),
    (
        "resources",
        r#"{"topologyId":"hosts","topologyViewMode":"resource","pinnedMetricType":"Memory"}"#,
    ),
    ("search", r#"{"topologyId":"containers","searchQuery":"postgres"}"#),
];

#[tokio::main]
async fn main() -> Result<()> {
    let into: PathBuf = std::env::args_os().nth(1).context("say where the pictures go")?.into();
    std::fs::create_dir_all(&into)?;
    let scope = Scope::server("shots", &["--window", "30m"]).await?;
    recorded::replay(scope.port).await?;
    for (size, width, height) in [("", 1440, 900), ("-phone", 390, 844)] {
        let browser = Browser::open_sized(width, height, &[]).await?;
        for theme in ["light", "dark"] {
            browser.goto(&scope.url()).await?;
            browser
                .script(&format!(
                    "localStorage.setItem('scope-theme', '{theme}'); sessionStorage.setItem('scope-theme', '{theme}')"
                ))
                .await?;
            for (name, state) in SCREENS {
                browser.goto("about:blank").await?;
                browser.goto(&format!("{}#!/state/{state}", scope.url())).await?;
                browser.find("#view").await?;
                settle().await;
                save(&browser, &into, &format!("{name}{size}-{theme}")).await?;
            }
            details(&browser, &scope).await?;
            save(&browser, &into, &format!("details{size}-{theme}")).await?;
        }
        browser.close().await?;
    }
    Ok(())
}

async fn details(browser: &Browser, scope: &Scope) -> Result<()> {
    browser.goto("about:blank").await?;
    browser
        .goto(&format!("{}#!/state/{{\"topologyId\":\"containers\"}}", scope.url()))
        .await?;
    let label = until("the map shows containers", || async {
        let map = Map::read(browser).await?;
        let busiest = map.edges.iter().map(|(from, _)| from).find(|id| id.ends_with(";<container>"));
        ensure!(busiest.is_some(), "no container talks yet");
        Ok(busiest.and_then(|id| map.labels.get(id).cloned()).unwrap_or_default())
    })
    .await?;
    open_details(browser, &label).await?;
    settle().await;
    Ok(())
}

/// Motion on the map ends within a second.
async fn settle() {
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
}

async fn save(browser: &Browser, into: &std::path::Path, name: &str) -> Result<()> {
    let file = into.join(format!("{name}.png"));
    std::fs::write(&file, browser.client.screenshot().await?)?;
    println!("{}", file.display());
    Ok(())
}
