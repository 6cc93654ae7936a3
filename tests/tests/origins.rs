//! Whose pages may talk to the server: its own, and those it was told to admit.

use std::path::Path;

use scope_tests::browser::Browser;
use scope_tests::page::{Map, open_details};
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

/// Opens every kind of WebSocket from the page that is open now, with and without a token as the sub-protocol; says which opened.
async fn opened(browser: &Browser, server: &str, token: &str) -> Result<String> {
    let answer = browser
        .promise(&format!(
            "const open = [];
             for (const path of ['api/viewer/ws', 'api/control/ws', 'api/pipe/pipe-1', 'api/pipe/pipe-1/probe'])
               for (const protocols of [[], ['scope', 'bearer.{token}']])
                 await new Promise(done => {{ const s = new WebSocket('ws://{server}/' + path, protocols);
                   s.onopen = () => {{ open.push(path); s.close(); done() }}; s.onerror = done; }});
             return open.join()"
        ))
        .await?;
    Ok(answer.as_str().unwrap_or("an error").to_owned())
}

/// Everything that a page can send without asking first: `fetch` with the types a form has, cookies or not, and forms themselves.
async fn act(browser: &Browser, server: &str) -> Result<String> {
    let answer = browser
        .promise(&format!(
            "const statuses = [];
             for (const path of ['api/control/p/n/docker_stop_container', 'api/pipe/pipe-1', 'api/report', 'api/login', 'api/logout'])
               for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'])
                 for (const mode of ['cors', 'no-cors'])
                   for (const credentials of ['omit', 'include'])
                     try {{
                       const answer = await fetch('http://{server}/' + path, {{ method: 'POST', mode, credentials, body: '{{}}', headers: {{ 'Content-Type': type }} }});
                       if (answer.type !== 'opaque') statuses.push(path + ' ' + answer.status);
                     }} catch (e) {{ /* the browser was told nothing */ }}
             for (const path of ['api/control/p/n/docker_stop_container', 'api/logout', 'api/login']) {{
               const frame = Object.assign(document.createElement('iframe'), {{ name: 'f' }});
               const form = Object.assign(document.createElement('form'), {{ method: 'post', action: 'http://{server}/' + path, target: 'f' }});
               document.body.append(frame, form);
               await new Promise(done => {{ frame.onload = done; setTimeout(done, 2000); form.submit() }});
               frame.remove(); form.remove();
             }}
             return statuses.join()"
        ))
        .await?;
    Ok(answer.as_str().unwrap_or("an error").to_owned())
}

/// Requests that came as far as the handler of a control, by the audit log.
fn attempts(state: &Path) -> Result<Vec<String>> {
    let log = std::fs::read_to_string(state.join("audit.jsonl"))?;
    Ok(log
        .lines()
        .filter(|line| line.contains("\"event\":\"control") || line.contains("logout"))
        .map(str::to_owned)
        .collect())
}

#[tokio::test]
async fn a_page_of_another_origin_opens_no_socket_and_causes_no_action() -> Result<()> {
    let home = tempfile::tempdir()?;
    let path = home.path().to_str().context("a path")?;
    let scope = Scope::server(
        "origins-foreign",
        &[
            "--require-token",
            "--state-dir",
            path,
            "--audit-log",
            &format!("{path}/audit.jsonl"),
        ],
    )
    .await?;
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("index.html"), "<!doctype html><title>elsewhere</title><body>")?;
    let foreign = StaticFiles::serve(folder.path().to_owned()).await?;
    let token = std::fs::read_to_string(home.path().join("operator.token"))?.trim().to_owned();
    let browser = Browser::open().await?;

    // A person who is logged in, and then visits another site: another port of this machine is the same site, so the browser sends the
    // cookie along even though it is strict. Only the origin is left to tell the two pages apart.
    let server = format!("127.0.0.1:{}", scope.port);
    let by_name = format!("localhost:{}", scope.port);
    for server in [&server, &by_name] {
        browser.goto(&format!("http://{server}/login?token={token}")).await?;
        let own = browser
            .promise(
                "const a = await fetch('/api/control/p/n/docker_stop_container', { method: 'POST' }); return a.status + await a.text()",
            )
            .await?;
        ensure!(
            own.as_str().is_some_and(|own| own.contains("not connected")),
            "the server's own page: {own}"
        );
        let open = browser
            .promise(
                "return await new Promise(done => { const s = new WebSocket('ws://' + location.host + '/api/viewer/ws');
                      s.onopen = () => done('opened'); s.onerror = () => done('refused') })",
            )
            .await?;
        ensure!(open == "opened", "the server's own page opens no socket: {open}");
    }
    let before = attempts(home.path())?;
    ensure!(!before.is_empty(), "the log has no attempt of the server's own page");

    browser.goto(&foreign.url()).await?;
    for server in [&server, &by_name] {
        // With the right token, which such a page cannot know, and with a guess.
        for token in [token.as_str(), "guess"] {
            let opened = opened(&browser, server, token).await?;
            ensure!(opened.is_empty(), "a foreign page opened {opened} at {server}");
        }
        let read = act(&browser, server).await?;
        ensure!(read.is_empty(), "a foreign page read answers of {server}: {read}");
    }
    let after = attempts(home.path())?;
    ensure!(
        after == before,
        "a foreign page's requests came through: {:?}",
        after.get(before.len()..)
    );
    // The person is still logged in.
    browser.goto(&format!("http://{server}/login")).await?;
    let session = browser.promise("return (await (await fetch('/api/session')).json()).role").await?;
    ensure!(session == "operate", "logged out by a foreign page: {session}");
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

#[tokio::test]
async fn a_page_from_elsewhere_asks_for_the_token_and_acts_with_it() -> Result<()> {
    let home = tempfile::tempdir()?;
    let state = home.path().to_str().context("a path")?;
    let files = StaticFiles::serve(built_page()?).await?;
    let origin = files.url().trim_end_matches('/').to_owned();
    let arguments = [
        "--require-token",
        "--state-dir",
        state,
        "--allow-origin",
        &origin,
        "--window",
        "30m",
    ];
    let scope = Scope::server("origins-token", &arguments).await?;
    let token = |role: &str| std::fs::read_to_string(home.path().join(format!("{role}.token"))).map(|text| text.trim().to_owned());
    for mut report in recorded::all()? {
        report.headers = report
            .headers
            .replace("Scope-Probe token=", &format!("Scope-Probe token={}", token("probe")?));
        ensure!(report.send(scope.port).await? == 200, "{} was refused", report.name);
    }
    let browser = Browser::open().await?;
    browser
        .goto(&format!("{}?server=http://127.0.0.1:{}", files.url(), scope.port))
        .await?;
    browser.type_into("#token", "a guess\n").await?;
    until("a wrong token is called wrong", || async {
        let text = browser.text(".login").await?;
        ensure!(text.contains("not valid here"), "the form says {text:?}");
        Ok(())
    })
    .await?;
    browser.script("document.getElementById('token').value = ''").await?;
    browser.type_into("#token", &format!("{}\n", token("operator")?)).await?;
    until("the map is shown", || async {
        let map = Map::read(&browser).await?;
        ensure!(map.has("shop_db_1"), "the map shows {:?}", map.labels);
        Ok(())
    })
    .await?;
    // The recorded probe is not connected: an answer of the server's that the page may read.
    open_details(&browser, "shop_db_1").await?;
    browser.click(".card [data-control='docker_pause_container']").await?;
    until("the page says why nothing happened", || async {
        let text = browser.text(".toasts").await?;
        ensure!(text.contains("not connected"), "the page says {text:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_page_that_a_server_serves_sends_people_to_the_other_server_s_own() -> Result<()> {
    let one = Scope::server("origins-one", &[]).await?;
    let other = Scope::server("origins-other", &[]).await?;
    let browser = Browser::open().await?;
    browser
        .goto(&format!(
            "http://127.0.0.1:{}/?server=http://127.0.0.1:{}#/hosts",
            one.port, other.port
        ))
        .await?;
    let link = until("the page says that its policy forbids it", || async {
        let link = browser
            .script("return [...document.querySelectorAll('.banner a')].map(link => link.href)[0]")
            .await?;
        link.as_str().map(str::to_owned).context("no link to the other server's page")
    })
    .await?;
    ensure!(
        link.starts_with(&format!("http://127.0.0.1:{}/#", other.port)),
        "the link leads to {link}"
    );
    let text = browser.text(".banner").await?;
    ensure!(text.contains("its own server only"), "the page says {text:?}");
    browser.picture("other-server").await.map(drop)
}
