//! What can be done to a container, done through the page, and seen in the engine and on the map; shells, attaching and logs.
//!
//! Two tests, each with one browser: what changes a container's state, and what opens a terminal.

use scope_tests::browser::Browser;
use scope_tests::docker::{LABEL, docker, inspect, make_image, remove, state};
use scope_tests::page::{Map, details, open_details};
use scope_tests::process::Scope;
use scope_tests::wait::until;
use scope_tests::world::World;
use scope_tests::{Result, ensure};

const NAME: &str = "shop-worker";
/// Stopped containers as well, so that one can be followed to its end.
const ALL: &str = "#!/state/{\"topologyId\":\"containers\",\"topologyOptions\":{\"containers\":{\"stopped\":[\"both\"]}}}";

async fn open(browser: &Browser, scope: &Scope, name: &str) -> Result<()> {
    browser.goto("about:blank").await?;
    browser.goto(&format!("{}{ALL}", scope.url())).await?;
    until("the map has the container", || open_details(browser, name)).await?;
    until("the details open", || async {
        ensure!(details(browser).await?.contains(name), "no details yet");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_is_done_to_a_container_shows_in_the_engine_and_on_every_page() -> Result<()> {
    let world = World::start()?;
    let scope = Scope::launch("controls", &[]).await?;
    let (browser, second) = (Browser::open().await?, Browser::open().await?);
    open(&browser, &scope, NAME).await?;
    open(&second, &scope, NAME).await?;

    press(&browser, "docker_pause_container").await?;
    engine_says("paused").await?;
    says(&browser, "Paused", "docker_unpause_container").await?;
    says(&second, "Paused", "docker_unpause_container").await?;
    second.close().await?;
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
    press(&browser, "docker_stop_container").await?;
    engine_says("exited").await?;
    says(&browser, "Exited", "docker_start_container").await?;
    press(&browser, "docker_start_container").await?;
    engine_says("running").await?;
    says(&browser, "Up", "docker_stop_container").await?;
    press(&browser, "docker_stop_container").await?;
    engine_says("exited").await?;

    // Removing asks first, and saying no keeps the container.
    browser.press("[data-control=docker_remove_container]:not([disabled])").await?;
    browser.find("[role=dialog] [data-testid=confirm]").await?;
    ensure!(state(NAME)? == "exited", "it is gone before anybody agreed");
    browser.click("[role=dialog] [data-testid=confirm]").await?;
    until("the container is gone from the engine and the map", || async {
        ensure!(inspect(NAME, "{{.Id}}").is_err(), "the engine still has it");
        ensure!(!Map::read(&browser).await?.has(NAME), "the map still has it");
        Ok(())
    })
    .await?;
    drop(world);
    Ok(())
}

/// Presses a control's button, and agrees if the page asks.
async fn press(browser: &Browser, control: &str) -> Result<()> {
    browser.press(&format!("[data-control={control}]:not([disabled])")).await?;
    browser
        .script("document.querySelector('[role=dialog] [data-testid=confirm]')?.click()")
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

/// The details say this of the container, and offer what can be done next.
async fn says(browser: &Browser, word: &str, control: &str) -> Result<()> {
    until(&format!("the page says {word}"), || async {
        let text = details(browser).await?;
        ensure!(text.contains(word), "{text}");
        browser
            .client
            .find(fantoccini::Locator::Css(&format!("[data-control={control}]")))
            .await?;
        Ok(())
    })
    .await
}

/// A container of a test's own.
struct Own(&'static str);

impl Own {
    fn run(name: &'static str, options: &[&str], command: &str) -> Result<Self> {
        remove(name);
        make_image("shop/terminal")?;
        let fixed = ["run", "--detach", "--label", LABEL, "--name", name];
        let rest = ["shop/terminal", "sh", "-c", command];
        docker(&fixed.iter().chain(options).chain(&rest).copied().collect::<Vec<_>>())?;
        Ok(Self(name))
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        remove(self.0);
    }
}

/// What the front terminal shows.
async fn screen(browser: &Browser) -> Result<String> {
    browser.text(".dock-pane:not(.hidden) .xterm-rows").await
}

async fn shows(browser: &Browser, wanted: &str) -> Result<String> {
    until(&format!("the terminal shows {wanted}"), || async {
        let screen = screen(browser).await?;
        ensure!(screen.contains(wanted), "the terminal shows: {screen}");
        Ok(screen)
    })
    .await
}

async fn enter(browser: &Browser, keys: &str) -> Result<()> {
    browser.type_keys(".dock-pane:not(.hidden) .xterm-helper-textarea", keys).await
}

/// Columns and rows that the page says the terminal has, once they are no longer `other`.
async fn size(browser: &Browser, other: &str) -> Result<String> {
    until("the terminal has a new size", || async {
        let size = browser.text(".dock-pane:not(.hidden) .pane-foot .minor").await?;
        ensure!(size.contains('×') && size != other, "its size is {size:?}");
        Ok(size)
    })
    .await
}

/// Asks the shell for its size until it says what the page says: the size goes another way than what is typed.
async fn shell_says_size(browser: &Browser, size: &str) -> Result<()> {
    let (columns, rows) = size.split_once('×').unwrap_or_default();
    enter(
        browser,
        &format!("until [ \"$(stty size)\" = '{rows} {columns}' ]; do sleep 0.2; done; echo fits=$((20+22))\n"),
    )
    .await?;
    shows(browser, "fits=42").await?;
    enter(browser, "clear\n").await?;
    // The shell reads on only once that is done; what is typed before may be lost to it.
    until("the terminal is clear", || async {
        let screen = screen(browser).await?;
        ensure!(!screen.contains("fits") && screen.contains('#'), "the terminal shows: {screen}");
        Ok(())
    })
    .await
}

async fn ended(browser: &Browser, wanted: &str) -> Result<()> {
    until("the page says how it ended", || async {
        let text = browser.text(".dock-pane:not(.hidden) [data-pipe=closed]").await?;
        ensure!(text.contains(wanted), "it says {text}");
        Ok(())
    })
    .await
}

async fn close_terminal(browser: &Browser) -> Result<()> {
    browser.press(".dock-tab.chosen button.plain").await
}

#[tokio::test]
async fn shells_attaching_and_logs_work_through_the_page() -> Result<()> {
    const LINES: u32 = 100_000;
    let _shell = Own::run("shop-shell", &[], "exec sleep 100000")?;
    let _echo = Own::run(
        "shop-echo",
        &["--interactive", "--tty"],
        "while read line; do echo got=$line; done; exit 3",
    )?;
    let _chatty = Own::run(
        "shop-chatty",
        &[],
        &format!("until [ -f /go ]; do sleep 0.2; done; seq 1 {LINES}; exec sleep 100000"),
    )?;
    let scope = Scope::launch("terminals", &["--ebpf=false"]).await?;
    let browser = Browser::open().await?;

    open(&browser, &scope, "shop-shell").await?;
    browser.press("[data-control=docker_exec_container]:not([disabled])").await?;
    browser.find(".dock-pane .xterm-helper-textarea").await?;
    // The answer is not in what is typed, so the echo of the line cannot be taken for it.
    enter(&browser, "echo answer=$((6*7))-é\n").await?;
    shows(&browser, "answer=42-é").await?;
    enter(&browser, "ps\n").await?;
    shows(&browser, "sleep 100000").await?;
    let first = size(&browser, "").await?;
    shell_says_size(&browser, &first).await?;
    browser.client.set_window_size(900, 700).await?;
    let second = size(&browser, &first).await?;
    shell_says_size(&browser, &second).await?;
    browser.picture("terminal").await?;
    enter(&browser, "exit 7\n").await?;
    ended(&browser, "exit code 7").await?;
    close_terminal(&browser).await?;
    browser.client.set_window_size(1280, 800).await?;

    open(&browser, &scope, "shop-echo").await?;
    browser.press("[data-control=docker_attach_container]:not([disabled])").await?;
    browser.find(".dock-pane .xterm-helper-textarea").await?;
    enter(&browser, "hello\n").await?;
    shows(&browser, "got=hello").await?;
    // The end of its input: the main process ends, and the container with it.
    enter(&browser, "\u{4}").await?;
    ended(&browser, "exit code 3").await?;
    close_terminal(&browser).await?;

    open(&browser, &scope, "shop-chatty").await?;
    browser.press("[data-control=docker_logs_container]:not([disabled])").await?;
    browser.find("[data-pipe=live]").await?;
    docker(&["exec", "shop-chatty", "touch", "/go"])?;
    until("all lines are there", || async {
        let count = browser.text("[data-testid=log-count]").await?;
        ensure!(count == format!("{LINES} lines"), "{count}");
        Ok(())
    })
    .await?;
    // What is saved is what was received, in order and whole; only the lines on screen are elements.
    browser
        .script(
            "window.saved = null; const make = URL.createObjectURL.bind(URL);
             URL.createObjectURL = blob => { blob.text().then(text => window.saved = text); return make(blob); };
             document.querySelector('.logs-bar [title^=Save]').click()",
        )
        .await?;
    until("the log is saved", || async {
        let right = browser
            .script(&format!(
                "return window.saved && window.saved === Array.from({{length: {LINES}}}, (_, i) => i + 1 + '\\n').join('')"
            ))
            .await?;
        ensure!(right == true, "{right}");
        Ok(())
    })
    .await?;
    let elements = browser.script("return document.querySelectorAll('.logs .line').length").await?;
    ensure!(
        elements.as_u64().is_some_and(|count| (1..200).contains(&count)),
        "{elements} lines are elements"
    );
    browser.picture("logs").await?;
    // The console is not judged here: a change of size may cross the end of a shell, and is answered with 400 then.
    Ok(())
}
