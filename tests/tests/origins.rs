//! Whose pages may talk to the server: its own, and those it was told to admit.

use std::path::Path;

use scope_tests::browser::Browser;
use scope_tests::page::Map;
use scope_tests::process::Scope;
use scope_tests::static_files::StaticFiles;
use scope_tests::viewer::Viewer;
use scope_tests::wait::until;
use scope_tests::{Context, Result, ensure, recorded};

fn built_page() -> Result<std::path::PathBuf> {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no workspace")?.join("dist");
    ensure!(dist.join("index.html").is_file(), "the page is not built: cargo xtask page");
    Ok(dist)
}

#[tokio::test]
async fn a_page_of_another_origin_opens_no_socket_and_causes_no_action() -> Result<()> {
    let scope = Scope::server("origins-foreign", &[]).await?;
    let foreign = StaticFiles::serve(tempfile::tempdir()?.keep()).await?;
    let browser = Browser::open().await?;
    browser.goto(&foreign.url()).await?;
    let port = scope.port;
    for path in ["api/viewer/ws", "api/control/ws", "api/pipe/pipe-1", "api/pipe/pipe-1/probe"] {
        let opened = browser
            .promise(&format!(
                "return await new Promise(done => {{ const s = new WebSocket('ws://127.0.0.1:{port}/{path}');
                 s.onopen = () => done('opened'); s.onerror = () => done('refused'); }})"
            ))
            .await?;
        ensure!(opened == "refused", "a foreign page and /{path}: {opened}");
    }
    for path in ["api/control/p/n/docker_stop_container", "api/report"] {
        let status = browser
            .promise(&format!(
                "try {{ const a = await fetch('http://127.0.0.1:{port}/{path}', {{ method: 'POST', mode: 'cors', body: '{{}}' }}); return a.status }}
                 catch (e) {{ return 'refused' }}"
            ))
            .await?;
        ensure!(
            status == "refused" || status.as_u64().is_some_and(|status| status >= 400),
            "a foreign page and /{path}: {status}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn another_host_name_for_this_machine_is_refused() -> Result<()> {
    let scope = Scope::server("origins-rebinding", &[]).await?;
    let request = "GET /api HTTP/1.1\r\nHost: attacker.example\r\nConnection: close\r\n\r\n";
    let status = recorded::exchange(scope.port, request.as_bytes()).await?;
    ensure!((400..500).contains(&status), "a rebound name was answered with {status}");
    ensure!(
        Viewer::connect(scope.port, Some("http://attacker.example")).await.is_err(),
        "a foreign origin opened a viewer's socket"
    );
    Ok(())
}

#[tokio::test]
async fn the_same_files_work_from_another_origin_that_the_server_admits() -> Result<()> {
    let files = StaticFiles::serve(built_page()?).await?;
    let origin = files.url().trim_end_matches('/').to_owned();
    let scope = Scope::server("origins-static", &["--allow-origin", &origin, "--window", "30m"]).await?;
    recorded::replay(scope.port).await?;
    let browser = Browser::open().await?;
    browser
        .goto(&format!("{}?server=http://127.0.0.1:{}", files.url(), scope.port))
        .await?;
    until("the page from elsewhere shows the server's containers", || async {
        let map = Map::read(&browser).await?;
        ensure!(map.labels.len() >= 8, "the map shows {:?}", map.labels);
        Ok(())
    })
    .await?;
    browser.picture("static-page").await?;
    browser.no_errors().await
}
