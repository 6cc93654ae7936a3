//! What can be done to a container, done through the page, and seen in the engine and on the map; a shell in a container.

use scope_tests::browser::Browser;
use scope_tests::docker::{inspect, state};
use scope_tests::page::{Map, details, open_details};
use scope_tests::process::Scope;
use scope_tests::wait::until;
use scope_tests::world::World;
use scope_tests::{Result, ensure};

const NAME: &str = "shop-worker";

#[tokio::test]
async fn controls_and_a_shell_work_through_the_page() -> Result<()> {
    let world = World::start()?;
    let scope = Scope::launch("controls", &[]).await?;
    let browser = Browser::open().await?;
    browser.goto(&scope.url()).await?;
    until("the map has the container", || open_details(&browser, NAME)).await?;
    until("the details open", || async {
        ensure!(details(&browser).await?.contains(NAME), "no details yet");
        Ok(())
    })
    .await?;

    press(&browser, "docker_pause_container").await?;
    engine_says("paused").await?;
    press(&browser, "docker_unpause_container").await?;
    engine_says("running").await?;
    let first_start = inspect(NAME, "{{.State.StartedAt}}")?;
    press(&browser, "docker_restart_container").await?;
    until("the container was started again", || async {
        ensure!(inspect(NAME, "{{.State.StartedAt}}")? != first_start, "still the first start");
        ensure!(state(NAME)? == "running", "not running");
        Ok(())
    })
    .await?;

    press(&browser, "docker_exec_container").await?;
    // The answer is not in what is typed, so the echo of the line cannot be taken for it.
    browser.find(".xterm-helper-textarea").await?;
    until("the shell answers", || async {
        browser.type_into(".xterm-helper-textarea", "echo answer=$((6*7))-é\n").await?;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        let screen = browser.text(".xterm-rows").await?;
        ensure!(screen.contains("answer=42-é"), "the terminal shows: {screen}");
        Ok(())
    })
    .await?;
    browser.picture("terminal").await?;

    press(&browser, "docker_stop_container").await?;
    engine_says("exited").await?;
    until("the stopped container leaves the default view", || async {
        ensure!(!Map::read(&browser).await?.has(NAME), "still there");
        Ok(())
    })
    .await?;
    drop(world);
    Ok(())
}

/// Presses a control's button, and agrees if the page asks.
async fn press(browser: &Browser, control: &str) -> Result<()> {
    browser.click(&format!("[data-control={control}]:not([disabled])")).await?;
    browser
        .script("document.querySelector('[role=alertdialog] button.danger, [role=dialog] button.danger')?.click()")
        .await?;
    Ok(())
}

async fn engine_says(wanted: &str) -> Result<()> {
    until(&format!("the engine says {wanted}"), || async {
        let now = state(NAME)?;
        ensure!(now == wanted, "the engine says {now}");
        Ok(())
    })
    .await
}
