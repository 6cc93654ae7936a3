//! Plain states: each way of seeing nothing, or of having no connection, says why and what to do, and the button does it.

use std::path::{Path, PathBuf};

use scope_tests::browser::Browser;
use scope_tests::process::{Scope, free_port};
use scope_tests::static_files::StaticFiles;
use scope_tests::wait::until;
use scope_tests::{Context, Result, ensure, recorded};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Stage;

/// Waits until the strip or the form over the view says this.
async fn warns(stage: &Stage, words: &str) -> Result<()> {
    until(&format!("the page says {words:?}"), || async {
        let said = stage.texts(".stage > .banner, .login").await?.join("\n");
        ensure!(said.contains(words), "it says {said:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn whatever_is_missing_the_page_says_what_and_what_to_do() -> Result<()> {
    let mut stage = Stage::open("states", &[]).await?;
    // No probe: how to start one, with this server's address.
    stage.load("").await?;
    stage.says("document.querySelector('.empty')?.dataset.cause", "NoProbes").await?;
    let port = stage.scope.port;
    ensure!(
        stage.browser.text(".empty pre").await? == format!("scope probe http://127.0.0.1:{port}"),
        "another command"
    );

    // Reports come: the view is there without another load, and knows the namespaces.
    recorded::post_golden(port, "recorded-clean").await?;
    stage.shows(27).await?;

    // Options that leave nothing: the number hidden, and the button that shows all.
    stage.follow("#/containers?system=system&stopped=stopped").await?;
    stage.says("document.querySelector('.empty')?.dataset.cause", "Options").await?;
    stage.click(".empty button.primary").await?;
    stage.shows(33).await?;
    // Nothing of a kind: not the options' fault.
    stage.follow("#/weave").await?;
    stage
        .says("document.querySelector('.empty')?.dataset.cause", "NothingReported")
        .await?;
    // A view that does not exist is the default one.
    stage.follow("#/no-such-view").await?;
    stage.at("#/containers").await?;

    // The server goes and comes back: the last picture stays, and the page returns by itself.
    stage.shows(27).await?;
    let answer = stage.browser.script("return performance.timeOrigin").await?;
    stage.scope.process.kill()?;
    warns(&stage, "The connection was lost").await?;
    stage.shows(27).await?;
    stage.scope = Scope::server_on("page-states-again", port, &super::WINDOW).await?;
    recorded::post_golden(port, "recorded-clean").await?;
    until("the page is connected again", || async {
        let said = stage.browser.text(".connection").await?;
        ensure!(said == "Connected", "it says {said:?}");
        Ok(())
    })
    .await?;
    ensure!(
        stage.browser.script("return performance.timeOrigin").await? == answer,
        "the page was loaded again"
    );

    // From a plain file server: a server that is not there, and one that is of the original's generation.
    let files = StaticFiles::serve(dist()?).await?;
    let origin = files.url().trim_end_matches('/').to_owned();
    let elsewhere = async |server: String| {
        stage.browser.goto("about:blank").await?;
        stage.browser.goto(&format!("{}?server={server}", files.url())).await
    };
    let nobody = free_port()?;
    elsewhere(format!("http://127.0.0.1:{nobody}")).await?;
    warns(&stage, &format!("Nothing answers at http://127.0.0.1:{nobody}/")).await?;
    elsewhere(format!("http://127.0.0.1:{}", old_server().await?)).await?;
    warns(&stage, "too old for this page").await?;
    // One that does not admit this page's origin says the flag that would.
    elsewhere(format!("http://127.0.0.1:{port}")).await?;
    warns(&stage, &format!("--allow-origin {origin}")).await?;
    // An address that speaks no TLS.
    elsewhere(format!("https://127.0.0.1:{port}")).await?;
    warns(&stage, "No trusted connection").await?;
    Ok(())
}

#[tokio::test]
async fn the_static_page_follows_a_link_live_opens_dropped_reports_and_explains_mixed_content() -> Result<()> {
    let files = StaticFiles::serve(dist()?).await?;
    let origin = files.url().trim_end_matches('/').to_owned();
    let scope = Scope::server("page-static", &["--allow-origin", &origin, "--window", "30m"]).await?;
    let reports = recorded::all()?;
    let (first, rest) = reports.split_at(reports.len() / 2);
    for report in first {
        ensure!(report.send(scope.port).await? == 200, "{} was refused", report.name);
    }
    let stage = Stage {
        scope,
        browser: Browser::open_sized(1400, 900, &[]).await?,
    };
    let server = format!("http://127.0.0.1:{}", stage.scope.port);
    // A deep link to a container by its lasting name, from another origin; then the probes report on.
    stage
        .browser
        .goto(&format!("{}?server={server}#/containers?node=@shop/web/1", files.url()))
        .await?;
    stage.says("document.querySelector('.card h2')?.innerText", "shop_web_1").await?;
    let state = "document.querySelector('.card [data-row=docker_container_uptime] .value')?.innerText";
    let before = stage.texts(".card .card-body").await?;
    for report in rest {
        ensure!(report.send(stage.scope.port).await? == 200, "{} was refused", report.name);
    }
    until("the card follows", || async {
        ensure!(
            stage.texts(".card .card-body").await? != before,
            "the card still says {}",
            stage.value(state).await?
        );
        Ok(())
    })
    .await?;
    stage.browser.no_errors().await?;

    // Without any server: a report dropped on the page.
    stage.browser.goto("about:blank").await?;
    stage.browser.goto(&format!("{}?server=none", files.url())).await?;
    stage.says("document.querySelector('.empty')?.dataset.cause", "NoSource").await?;
    // The first reports of a probe know less than the third.
    let whole = reports.iter().find(|report| report.name == "host-a-02");
    let body = whole.map(|report| report.body.clone()).context("no report")?;
    let bytes: Vec<String> = body.iter().map(u8::to_string).collect();
    stage
        .browser
        .script(&format!(
            "const file = new File([new Uint8Array([{}])], 'host-a.msgpack.gz'), transfer = new DataTransfer();
             transfer.items.add(file);
             document.body.dispatchEvent(new DragEvent('drop', {{ bubbles: true, cancelable: true, dataTransfer: transfer }}))",
            bytes.join(",")
        ))
        .await?;
    let map = stage.map().await?;
    ensure!(map.has("shop_web_1"), "the dropped report has {:?}", map.labels);
    stage
        .says("document.querySelector('.connection').innerText", "Recorded reports")
        .await?;
    // What is no report says so and leaves the rest alone.
    stage
        .browser
        .script(
            "const transfer = new DataTransfer(); transfer.items.add(new File(['no report'], 'notes.json'));
             document.body.dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: transfer }))",
        )
        .await?;
    stage
        .holds("[...document.querySelectorAll('.toast')].some(toast => toast.innerText.includes('notes.json was not opened'))")
        .await?;
    ensure!(stage.map().await?.has("shop_web_1"), "the first report is gone");

    // A page that came by https and a server that is plain http.
    let secure = Scope::server("page-secure", &["--tls-self-signed", "--no-auth"]).await?;
    let browser = Browser::open_sized(1400, 900, &["--ignore-certificate-errors"]).await?;
    browser
        .goto(&format!("https://127.0.0.1:{}/?server=http://scope.example:4040", secure.port))
        .await?;
    until("mixed content is explained", || async {
        let said = browser.text(".stage > .banner").await?;
        ensure!(
            said.contains("The browser blocks this server") && said.contains("--tls-cert"),
            "it says {said:?}"
        );
        Ok(())
    })
    .await
}

/// The built page.
fn dist() -> Result<PathBuf> {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist");
    ensure!(dist.join("index.html").is_file(), "the page is not built: `cargo xtask page`");
    Ok(dist)
}

/// A server of the original's generation, admitting any page: it answers `/api`, and has no viewer socket.
async fn old_server() -> Result<u16> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = vec![0; 4096];
                let read = stream.read(&mut request).await.unwrap_or_default();
                let text = String::from_utf8_lossy(request.get(..read).unwrap_or_default()).into_owned();
                let origin = text
                    .lines()
                    .find_map(|line| line.strip_prefix("Origin: "))
                    .unwrap_or("null")
                    .to_owned();
                let (status, body) = if text.starts_with("GET /api HTTP") {
                    ("200 OK", r#"{"id":"1","version":"1.13.2","hostname":"old"}"#)
                } else {
                    ("404 Not Found", "")
                };
                let answer = format!(
                    "HTTP/1.1 {status}\r\nAccess-Control-Allow-Origin: {origin}\r\nAccess-Control-Allow-Credentials: true\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
                stream.write_all(answer.as_bytes()).await.unwrap_or_default();
            });
        }
    });
    Ok(port)
}
