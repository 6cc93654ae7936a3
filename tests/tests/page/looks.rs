//! Looks: themes, a phone's width, and what an accessibility checker says of every screen.

use std::path::Path;

use scope_tests::browser::Browser;
use scope_tests::wait::until;
use scope_tests::{Result, ensure};

use super::Stage;

/// Screens by name: where they are, and what opens them from there.
const SCREENS: [(&str, &str, &str); 14] = [
    ("map", "#/containers", ""),
    ("metric", "#/containers?metric=Memory&nets", ""),
    ("table", "#/containers/table", ""),
    ("resources", "#/hosts/resources", ""),
    (
        "container",
        "#/containers?node=@shop/web/1",
        "document.querySelector('.metric').click()",
    ),
    ("host", "#/hosts?node=@host-a", ""),
    ("pod", "#/pods/table?node=@shop/db-0", ""),
    ("gone", "#/containers?node=nobody", ""),
    (
        "search",
        "#/containers?q=shop&pin=shop",
        "document.querySelector('#search').focus()",
    ),
    ("nothing", "#/containers/table?q=nothing+like+it", ""),
    (
        "namespaces",
        "#/pods",
        "document.querySelector('[data-option=namespace] > button').click()",
    ),
    (
        "palette",
        "#/containers",
        "dispatchEvent(new KeyboardEvent('keydown', { key: 'k', ctrlKey: true }))",
    ),
    ("help", "#/containers", "document.querySelector('.foot [aria-label=Help]').click()"),
    (
        "tools",
        "#/containers",
        "document.querySelector('.foot [aria-label^=Tools]').click()",
    ),
];

/// Goes to a screen and waits until its motion is over.
async fn show(stage: &Stage, (name, link, open): (&str, &str, &str)) -> Result<()> {
    // Whatever lies over the page from the last screen goes.
    stage
        .browser
        .script("dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' })); document.querySelector('.backdrop')?.click()")
        .await?;
    stage.follow(link).await?;
    until(&format!("{name} is there"), || async {
        let at = stage.fragment().await?;
        ensure!(at.split('?').next() == link.split('?').next(), "the address is {at}");
        ensure!(
            stage.value("document.querySelector('.card h2')?.innerText !== 'Loading…'").await? == "true",
            "still loading"
        );
        ensure!(
            !link.contains("node=") || stage.value("Boolean(document.querySelector('.card'))").await? == "true",
            "no card"
        );
        Ok(())
    })
    .await?;
    if !open.is_empty() {
        stage.browser.script(open).await?;
    }
    stage.holds("document.getAnimations().every(animation => animation.playState !== 'running' || animation.effect.getTiming().iterations === Infinity)").await
}

#[tokio::test]
async fn axe_finds_nothing_serious_on_any_screen_in_any_theme() -> Result<()> {
    let Some(file) = std::env::var_os("SCOPE_AXE") else {
        scope_tests::bail!("SCOPE_AXE does not name axe-core's axe.min.js; `cargo xtask test` installs it");
    };
    let axe = std::fs::read_to_string(Path::new(&file))?;
    let stage = Stage::open("axe", &["recorded-clean", "k8s"]).await?;
    let mut found = Vec::new();
    for theme in ["light", "dark", "contrast"] {
        stage.load("#/containers").await?;
        stage
            .browser
            .script(&format!(
                "localStorage.setItem('scope-theme', '{theme}'); sessionStorage.setItem('scope-theme', '{theme}')"
            ))
            .await?;
        stage.load("#/containers").await?;
        stage.says("document.documentElement.dataset.theme", theme).await?;
        stage.shows(49).await?;
        stage.browser.script(&axe).await?;
        for screen in SCREENS {
            show(&stage, screen).await?;
            let wrong = stage
                .browser
                .promise(
                    "const r = await axe.run({ resultTypes: ['violations'] });
                     return r.violations.filter(v => ['serious', 'critical'].includes(v.impact))
                         .map(v => v.id + ': ' + v.nodes.map(n => n.target.join(' ') + ' (' + (n.any[0]?.message ?? n.all[0]?.message ?? '') + ')').slice(0, 4).join(', ')).join('\\n')",
                )
                .await?;
            if wrong != "" {
                found.push(format!("{} in {theme}: {}", screen.0, wrong.as_str().unwrap_or("axe did not run")));
            }
        }
    }
    ensure!(found.is_empty(), "axe found:\n{}", found.join("\n"));
    Ok(())
}

#[tokio::test]
async fn a_phone_shows_every_screen_without_scrolling_sideways() -> Result<()> {
    let mut stage = Stage::open("phone", &["recorded-clean", "k8s"]).await?;
    stage.browser = Browser::open_sized(390, 844, &["--touch-events=enabled"]).await?;
    stage.load("#/containers").await?;
    stage.shows(49).await?;
    for screen in SCREENS {
        let open = screen.2;
        // Filters are behind a button here.
        let open = if screen.0 == "namespaces" {
            format!("document.querySelector('.only-small').click(); {open}")
        } else {
            open.to_owned()
        };
        show(&stage, (screen.0, screen.1, &open)).await?;
        let wide = stage.value("document.documentElement.scrollWidth - innerWidth").await?;
        ensure!(wide == "0", "{}: {wide} px too wide", screen.0);
        let outside = stage
            .value(
                "[...document.querySelectorAll('button, input, h2')].filter(e => { const b = e.getBoundingClientRect();
                     const scrolls = e.closest('.tabs, .subs, .table-view, .boxes, .metrics, .card-body, .dialog, .networks, .sr-only, .skip, .popover .list');
                     return b.width > 0 && !scrolls && (b.right > innerWidth + 1 || b.left < -1) }).map(e => e.className + ' ' + e.innerText).join('; ')",
            )
            .await?;
        ensure!(outside.is_empty(), "{}: beyond the edge: {outside}", screen.0);
        stage.browser.picture(&format!("phone-{}", screen.0)).await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_theme_is_the_readers_choice_and_stays() -> Result<()> {
    let stage = Stage::open("theme", &["recorded-clean"]).await?;
    stage.load("").await?;
    stage.map().await?;
    // As the system is, until one chooses.
    stage.says("document.documentElement.dataset.theme", "light").await?;
    let canvas = "getComputedStyle(document.body).backgroundColor";
    let light = stage.value(canvas).await?;
    for theme in ["light", "dark", "contrast"] {
        stage.click(".foot [aria-label^=Theme]").await?;
        stage.says("document.documentElement.dataset.theme", theme).await?;
        ensure!(
            (stage.value(canvas).await? == light) == (theme == "light"),
            "the colours of {theme}"
        );
        if theme == "dark" {
            stage.load("").await?;
            stage.says("document.documentElement.dataset.theme", "dark").await?;
        }
    }
    // Tools have all of them side by side; none is in the link.
    stage.click(".foot [aria-label^=Tools]").await?;
    stage
        .browser
        .script("[...document.querySelectorAll('.dialog [aria-label=Theme] button')].find(b => b.innerText === 'Dark').click()")
        .await?;
    stage.says("document.documentElement.dataset.theme", "dark").await?;
    ensure!(!stage.fragment().await?.contains("dark"), "the theme is in the link");
    stage.browser.no_errors().await
}
