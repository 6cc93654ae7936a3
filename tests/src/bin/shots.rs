//! Pictures of every screen, light and dark, wide and narrow, on recorded reports: `cargo xtask shots` puts them into `docs/pictures`.

use std::path::{Path, PathBuf};

use scope_tests::browser::Browser;
use scope_tests::process::Scope;
use scope_tests::wait::until;
use scope_tests::{Context, Result, ensure, recorded};

/// Name of each screen, its link, and what opens it from there.
const SCREENS: [(&str, &str, &str); 10] = [
    ("map", "#/containers", ""),
    ("metric", "#/containers?metric=Memory", ""),
    ("details", "#/containers?node=@shop/web/1", ""),
    ("host", "#/hosts?node=@host-a", "document.querySelector('.metric').click()"),
    ("table", "#/containers/table?sort=docker_memory_usage", ""),
    ("resources", "#/hosts/resources?metric=CPU", ""),
    ("search", "#/containers?q=postgres", ""),
    ("pods", "#/pods", ""),
    (
        "palette",
        "#/containers",
        "dispatchEvent(new KeyboardEvent('keydown', { key: 'k', ctrlKey: true }))",
    ),
    ("help", "#/containers", "document.querySelector('.foot [aria-label=Help]').click()"),
];
/// Screens that a phone is shown with.
const ON_PHONE: [&str; 3] = ["map", "details", "table"];

#[tokio::main]
async fn main() -> Result<()> {
    let into: PathBuf = std::env::args_os().nth(1).context("say where the pictures go")?.into();
    std::fs::create_dir_all(&into)?;
    let scope = Scope::server("shots", &["--window", "30m"]).await?;
    for case in ["recorded-clean", "k8s"] {
        recorded::post_golden(scope.port, case).await?;
    }
    // A phone's width is less than a window's least: Chromium is told to pretend.
    let phone = ["--force-device-scale-factor=1"];
    let wide = Browser::open_sized(1400, 900, &phone).await?;
    for theme in ["light", "dark"] {
        choose(&wide, &scope, theme).await?;
        for screen in SCREENS {
            take(&wide, &scope, screen, &into.join(format!("{}-{theme}.png", screen.0))).await?;
        }
    }
    choose(&wide, &scope, "contrast").await?;
    take(&wide, &scope, SCREENS[2], &into.join("details-contrast.png")).await?;
    wide.close().await?;
    let narrow = Browser::open_sized(390, 844, &phone).await?;
    choose(&narrow, &scope, "light").await?;
    for screen in SCREENS.into_iter().filter(|screen| ON_PHONE.contains(&screen.0)) {
        take(&narrow, &scope, screen, &into.join(format!("{}-phone.png", screen.0))).await?;
    }
    Ok(())
}

async fn choose(browser: &Browser, scope: &Scope, theme: &str) -> Result<()> {
    browser.goto(&scope.url()).await?;
    let keep = format!("localStorage.setItem('scope-theme', '{theme}'); sessionStorage.setItem('scope-theme', '{theme}')");
    browser.script(&keep).await?;
    Ok(())
}

async fn take(browser: &Browser, scope: &Scope, (name, link, open): (&str, &str, &str), file: &Path) -> Result<()> {
    browser.goto("about:blank").await?;
    browser.goto(&format!("{}{link}", scope.url())).await?;
    until(&format!("{name} is there"), || async {
        let counted = browser.text("[data-testid=counts]").await?;
        ensure!(!counted.is_empty() && !counted.starts_with('0'), "the page counts {counted:?}");
        let waits = browser
            .script(&format!(
                "return {} && !document.querySelector('.card .card-body section')",
                link.contains("node=")
            ))
            .await?;
        ensure!(waits == false, "no card yet");
        Ok(())
    })
    .await?;
    if !open.is_empty() {
        browser.script(open).await?;
    }
    // Not a test: motion on the map ends within a second, and a picture that is early is looked at and taken again.
    tokio::time::sleep(std::time::Duration::from_millis(3_000)).await;
    std::fs::write(file, browser.client.screenshot().await?)?;
    println!("{}", file.display());
    Ok(())
}
