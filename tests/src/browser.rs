//! A headless Chromium, through ChromeDriver: each [`Browser`] is a new one, with a profile of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::elements::Element;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use url::{ParseError, Url};

use crate::process::{Process, artefacts, free_port};
use crate::wait::until;

/// Flags without which a headless Chromium calls home, or draws nothing without a GPU.
const FLAGS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-dev-shm-usage",
];

/// The font of compared pictures, where Debian's fonts-dejavu-core puts it.
const FONT: &str = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";

/// Settings of fontconfig under which there is one font for everything, plainly drawn; made in `folder`.
fn one_font(folder: &Path) -> Result<PathBuf> {
    let fonts = folder.join("fonts");
    std::fs::create_dir_all(&fonts)?;
    std::fs::copy(FONT, fonts.join("only.ttf")).with_context(|| format!("no {FONT}: install fonts-dejavu-core"))?;
    let flag = |name: &str, value: &str| format!("<edit name=\"{name}\" mode=\"assign\">{value}</edit>");
    let drawn = [
        flag("antialias", "<bool>true</bool>"),
        flag("hinting", "<bool>false</bool>"),
        flag("hintstyle", "<const>hintnone</const>"),
        flag("rgba", "<const>none</const>"),
    ];
    let config = folder.join("fonts.conf");
    let text = format!(
        "<?xml version=\"1.0\"?><fontconfig><dir>{}</dir><cachedir>{}</cachedir><match target=\"font\">{}</match></fontconfig>",
        fonts.display(),
        folder.join("fonts-cache").display(),
        drawn.concat()
    );
    std::fs::write(&config, text)?;
    Ok(config)
}

/// A browser window.
pub struct Browser {
    /// The WebDriver session.
    pub client: Client,
    _driver: Process,
    profile: tempfile::TempDir,
}

impl Drop for Browser {
    /// ChromeDriver leaves its browser behind when it ends before the session does, as it must when a test fails: a browser that draws
    /// with no GPU would then take half a core from every test after it.
    fn drop(&mut self) {
        let profile = self.profile.path().as_os_str().as_encoded_bytes();
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            if command.windows(profile.len()).any(|part| part == profile) {
                // It may have ended by itself meanwhile.
                drop(Command::new("kill").args(["-KILL", &pid.to_string()]).output());
            }
        }
    }
}

impl Browser {
    /// Opens a window of 1280 by 800.
    pub async fn open() -> Result<Self> {
        Self::open_sized(1280, 800, &[]).await
    }

    /// Opens a window of a size, with further flags for Chromium.
    pub async fn open_sized(width: u32, height: u32, flags: &[&str]) -> Result<Self> {
        Self::open_with(width, height, flags, false).await
    }

    /// As `open_sized`; with one font for everything, drawn in one way, whatever fonts and settings this machine has: for pictures that are
    /// compared with those of other machines.
    pub async fn open_with_one_font(width: u32, height: u32, flags: &[&str]) -> Result<Self> {
        Self::open_with(width, height, flags, true).await
    }

    async fn open_with(width: u32, height: u32, flags: &[&str], alike: bool) -> Result<Self> {
        let port = free_port()?;
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={port}"));
        let profile = tempfile::tempdir()?;
        if alike {
            command.env("FONTCONFIG_FILE", one_font(profile.path())?);
        }
        let mut driver = Process::start(command, &format!("chromedriver-{port}"))?;
        let own = [
            format!("--user-data-dir={}", profile.path().display()),
            format!("--window-size={width},{height}"),
        ];
        let arguments: Vec<_> = FLAGS.iter().chain(flags).map(|flag| (*flag).to_owned()).chain(own).collect();
        let mut capabilities = Capabilities::new();
        capabilities.insert("goog:chromeOptions".into(), json!({ "args": arguments }));
        capabilities.insert("goog:loggingPrefs".into(), json!({ "browser": "ALL" }));
        let address = format!("http://127.0.0.1:{port}");
        let client = until("ChromeDriver answers", || {
            let alive = driver.check_alive();
            let (capabilities, address) = (capabilities.clone(), address.clone());
            async move {
                alive?;
                Ok(ClientBuilder::new(HttpConnector::new())
                    .capabilities(capabilities)
                    .connect(&address)
                    .await?)
            }
        })
        .await?;
        Ok(Self {
            client,
            _driver: driver,
            profile,
        })
    }

    /// Loads an address.
    pub async fn goto(&self, address: &str) -> Result<()> {
        self.client.goto(address).await.with_context(|| format!("loading {address}"))
    }

    /// The address bar.
    pub async fn address(&self) -> Result<String> {
        // Not `current_url`, which normalises what the page wrote.
        self.script("return location.href")
            .await?
            .as_str()
            .map(str::to_owned)
            .context("no address")
    }

    /// Runs the body of a JavaScript function and returns what it returns.
    pub async fn script(&self, body: &str) -> Result<Value> {
        Ok(self.client.execute(body, vec![]).await?)
    }

    /// Runs the body of an asynchronous JavaScript function, whose promise's value is returned.
    pub async fn promise(&self, body: &str) -> Result<Value> {
        let wrapped =
            format!("const done = arguments[arguments.length - 1]; (async () => {{ {body} }})().then(done, e => done('error: ' + e))");
        Ok(self.client.execute_async(&wrapped, vec![]).await?)
    }

    /// The first element that matches, once there is one.
    pub async fn find(&self, css: &str) -> Result<Element> {
        until(&format!("the page shows {css}"), || async {
            Ok(self.client.find(Locator::Css(css)).await?)
        })
        .await
    }

    /// Clicks the first element that matches, once it can be clicked.
    pub async fn click(&self, css: &str) -> Result<()> {
        until(&format!("{css} can be clicked"), || async {
            Ok(self.client.find(Locator::Css(css)).await?.click().await?)
        })
        .await
    }

    /// Clicks the first element that matches in one step, for what the page makes anew with every report: between finding such an element
    /// and clicking it, as [`Browser::click`] does, there may be another in its place.
    pub async fn press(&self, css: &str) -> Result<()> {
        let body = format!(
            "const e = document.querySelector({}); e?.click(); return !!e",
            serde_json::to_string(css)?
        );
        until(&format!("{css} can be pressed"), || async {
            ensure!(self.script(&body).await? == true, "it is not there");
            Ok(())
        })
        .await
    }

    /// Types into the first element that matches.
    pub async fn type_into(&self, css: &str, keys: &str) -> Result<()> {
        Ok(self.find(css).await?.send_keys(keys).await?)
    }

    /// Types as hands do, key by key, to the first element that matches: a terminal's own field has no size, so nothing can be sent to it.
    pub async fn type_keys(&self, css: &str, text: &str) -> Result<()> {
        const ENTER: char = '\u{e007}';
        const CONTROL: char = '\u{e009}';
        self.find(css).await?;
        self.script(&format!("document.querySelector({css:?}).focus()")).await?;
        let mut keys = KeyActions::new("keyboard".to_owned());
        for character in text.chars() {
            let (held, value) = match character {
                '\n' => (false, ENTER),
                '\u{1}'..='\u{1a}' => (true, char::from(b'a' - 1 + character as u8)),
                other => (false, other),
            };
            if held {
                keys = keys.then(KeyAction::Down { value: CONTROL });
            }
            keys = keys.then(KeyAction::Down { value }).then(KeyAction::Up { value });
            if held {
                keys = keys.then(KeyAction::Up { value: CONTROL });
            }
        }
        Ok(self.client.perform_actions(keys).await?)
    }

    /// The visible text of the first element that matches.
    pub async fn text(&self, css: &str) -> Result<String> {
        Ok(self.client.find(Locator::Css(css)).await?.text().await?)
    }

    /// Saves a picture as `target/e2e/<name>.png`.
    pub async fn picture(&self, name: &str) -> Result<PathBuf> {
        let file = artefacts()?.join(format!("{name}.png"));
        std::fs::write(&file, self.client.screenshot().await?)?;
        Ok(file)
    }

    /// What the page wrote to its console since the last call, one entry a line.
    pub async fn console(&self) -> Result<Vec<String>> {
        let entries = self.client.issue_cmd(ConsoleLog).await?;
        let entries = entries.as_array().cloned().unwrap_or_default();
        Ok(entries
            .iter()
            .map(|entry| {
                format!(
                    "{} {}",
                    entry["level"].as_str().unwrap_or(""),
                    entry["message"].as_str().unwrap_or("")
                )
            })
            .collect())
    }

    /// Fails if the page has logged an error since the last look at the console.
    pub async fn no_errors(&self) -> Result<()> {
        let errors: Vec<_> = self
            .console()
            .await?
            .into_iter()
            .filter(|line| line.starts_with("SEVERE"))
            .collect();
        ensure!(errors.is_empty(), "the page logged errors:\n{}", errors.join("\n"));
        Ok(())
    }

    /// Closes the window. Dropping closes it as well, later.
    pub async fn close(self) -> Result<()> {
        Ok(self.client.clone().close().await?)
    }
}

/// ChromeDriver's own command for the console.
#[derive(Debug)]
struct ConsoleLog;

impl WebDriverCompatibleCommand for ConsoleLog {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}
