//! Reports that are wrong in every way: each is refused with a reason, and nobody else notices.

use std::time::Duration;

use reqwest::{Client, StatusCode};
use scope_tests::process::Scope;
use scope_tests::viewer::Viewer;
use scope_tests::{Result, ensure, recorded};

/// What the issue of this product promises to survive.
const MANY: usize = 10_000;
/// Far above what a relay of two probes needs, far below what one gzip bomb would take.
const MEMORY: u64 = 400 << 20;

struct Bad {
    what: &'static str,
    kind: &'static str,
    gzip: bool,
    body: Vec<u8>,
}

fn bad(what: &'static str, kind: &'static str, gzip: bool, body: impl Into<Vec<u8>>) -> Bad {
    Bad {
        what,
        kind,
        gzip,
        body: body.into(),
    }
}

const MSGPACK: &str = "application/msgpack";
const JSON: &str = "application/json";

fn collection() -> Result<Vec<Bad>> {
    let good = recorded::all()?.remove(0).body;
    let half = good[..good.len() / 2].to_vec();
    let flipped = good
        .iter()
        .enumerate()
        .map(|(at, byte)| if at == good.len() / 2 { byte ^ 0xff } else { *byte })
        .collect::<Vec<_>>();
    let nested = [[0x81, 0xa1, b'a'].repeat(2_000), vec![0xc0]].concat();
    Ok(vec![
        bad("an empty body", MSGPACK, true, []),
        bad("text that claims to be gzip", MSGPACK, true, "not gzip at all"),
        bad("a truncated report", MSGPACK, true, half),
        bad("a report with a flipped byte", MSGPACK, true, flipped),
        bad("gzip that claims not to be", MSGPACK, false, good.clone()),
        bad("msgpack that claims to be JSON", JSON, true, good),
        bad("JSON cut short", JSON, false, r#"{"Container": {"nodes""#),
        bad("JSON that is no map", JSON, false, "[1, 2, 3]"),
        bad("a number", MSGPACK, false, [0x2a]),
        bad("msgpack with an unknown marker", MSGPACK, false, [0x81, 0xc1, 0xc1]),
        bad(
            "a map that promises four billion entries",
            MSGPACK,
            false,
            [0xdf, 0xff, 0xff, 0xff, 0xff],
        ),
        bad(
            "a string that promises four gigabytes",
            MSGPACK,
            false,
            [0x81, 0xdb, 0xff, 0xff, 0xff, 0xff, b'a'],
        ),
        bad("maps nested two thousand deep", MSGPACK, false, nested),
        bad("a type nobody sends", "text/html", false, "<html>"),
    ])
}

async fn send(client: &Client, scope: &Scope, report: &Bad) -> Result<(StatusCode, String)> {
    let mut request = client
        .post(format!("{}api/report", scope.url()))
        .header("Content-Type", report.kind);
    request = request.header("X-Scope-Probe-ID", "bad").header("X-Scope-Probe-Version", "1.13.2");
    if report.gzip {
        request = request.header("Content-Encoding", "gzip");
    }
    let answer = request.body(report.body.clone()).send().await?;
    Ok((answer.status(), answer.text().await?))
}

#[tokio::test]
async fn each_is_refused_with_a_reason() -> Result<()> {
    let scope = Scope::server("bad-each", &[]).await?;
    let client = Client::new();
    for report in collection()? {
        let (status, reason) = send(&client, &scope, &report).await?;
        ensure!(status.is_client_error(), "{} was answered with {status}", report.what);
        ensure!(reason.trim().len() > 10, "{}: the reason is {reason:?}", report.what);
    }
    Ok(())
}

#[tokio::test]
async fn a_gzip_bomb_is_refused_before_it_goes_off() -> Result<()> {
    let scope = Scope::server("bad-bomb", &[]).await?;
    let bomb = Bad {
        what: "a bomb",
        kind: MSGPACK,
        gzip: true,
        body: zeroes(1 << 30)?,
    };
    let client = Client::new();
    for _ in 0..5 {
        let (status, reason) = send(&client, &scope, &bomb).await?;
        ensure!(status.is_client_error(), "a bomb was answered with {status}: {reason}");
    }
    ensure!(
        scope.process.memory()? < MEMORY,
        "the server holds {} MB",
        scope.process.memory()? >> 20
    );
    Ok(())
}

/// Some gigabytes of zeroes, as gzip makes them small.
fn zeroes(count: u64) -> Result<Vec<u8>> {
    let mut zero = std::process::Command::new("head")
        .args(["-c", &count.to_string(), "/dev/zero"])
        .stdout(std::process::Stdio::piped())
        .spawn()?;
    let input = zero.stdout.take().map_or_else(std::process::Stdio::null, Into::into);
    let small = std::process::Command::new("gzip").arg("-1").stdin(input).output()?;
    ensure!(zero.wait()?.success() && small.status.success(), "gzip failed");
    Ok(small.stdout)
}

#[tokio::test]
async fn a_body_above_the_cap_is_refused() -> Result<()> {
    let scope = Scope::server("bad-oversized", &[]).await?;
    let head = "POST /api/report HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/msgpack\r\nX-Scope-Probe-ID: bad\r\n";
    let status = recorded::exchange(scope.port, format!("{head}Content-Length: 4000000000\r\n\r\n").as_bytes()).await?;
    ensure!((400..500).contains(&status), "a body of four gigabytes was answered with {status}");
    Ok(())
}

#[tokio::test]
async fn ten_thousand_of_them_disturb_nobody() -> Result<()> {
    let scope = Scope::server("bad-many", &[]).await?;
    let mut viewer = Viewer::connect(scope.port, None).await?;
    let client = Client::builder().timeout(Duration::from_secs(30)).build()?;
    let bad = collection()?;
    let good = recorded::all()?;
    for turn in 0..MANY {
        let report = &bad[turn % bad.len()];
        let (status, reason) = send(&client, &scope, report).await?;
        ensure!(
            status.is_client_error(),
            "after {turn}: {} was answered with {status}: {reason}",
            report.what
        );
        if turn % 1_000 == 0 {
            let sent = &good[turn / 1_000];
            ensure!(sent.send(scope.port).await? == 200, "after {turn}: a good report was refused");
            ensure!(
                viewer.next_report().await?.ends_with(&sent.body),
                "after {turn}: the viewer got something else"
            );
        }
    }
    ensure!(
        scope.process.memory()? < MEMORY,
        "the server holds {} MB",
        scope.process.memory()? >> 20
    );
    Ok(())
}
