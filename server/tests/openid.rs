//! Login through OpenID Connect, against a provider that signs real tokens: who gets in, as what, and everything that must not.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail their test this way"
)]

mod common;
#[path = "common/issuer.rs"]
mod issuer;

use std::sync::Arc;

use common::{Running, start};
use issuer::{CLIENT, Issuer, SECRET, Wrong};
use serde_json::{Value, json};

/// Where the provider sends people back to: a name, since the server's port is not known before it starts. The browser of these tests
/// finds the server behind it.
const PUBLIC: &str = "https://scope.example.com";

/// A browser: it keeps cookies and follows nothing by itself.
struct Browser {
    client: reqwest::Client,
    cookies: Vec<(String, String)>,
}

/// What a request came to.
struct Answer {
    status: u16,
    location: String,
    body: String,
}

impl Browser {
    fn new() -> Self {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
        Self {
            client: client.expect("client"),
            cookies: Vec::new(),
        }
    }

    async fn get(&mut self, url: &str) -> Answer {
        let mut request = self.client.get(url);
        if !self.cookies.is_empty() {
            let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("Cookie", cookies.join("; "));
        }
        let answer = request.send().await.expect("answer");
        for cookie in answer.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().expect("text");
            let (name, value) = cookie.split(';').next().expect("pair").split_once('=').expect("pair");
            self.cookies.retain(|(known, _)| known != name);
            if !cookie.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        let text = |name: &str| {
            let value = answer.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let (status, location) = (answer.status().as_u16(), text("location"));
        Answer {
            status,
            location,
            body: answer.text().await.expect("body"),
        }
    }

    /// Goes to the provider and comes back with its answer; the callback's address is returned, not visited.
    async fn go(&mut self, server: &Running) -> String {
        let to_provider = self.get(&server.url("/api/oidc/start")).await;
        assert_eq!(to_provider.status, 303, "{}", to_provider.body);
        let back = self.get(&to_provider.location).await;
        assert_eq!(back.status, 303, "the provider: {}", back.body);
        server.url(back.location.strip_prefix(PUBLIC).expect("back to the server"))
    }

    async fn log_in(&mut self, server: &Running) -> Answer {
        let callback = self.go(server).await;
        self.get(&callback).await
    }

    /// Role and name by the server's word.
    async fn session(&mut self, server: &Running) -> (String, Value) {
        let session: Value = serde_json::from_str(&self.get(&server.url("/api/session")).await.body).expect("JSON");
        (session["role"].as_str().expect("role").to_owned(), session["who"].clone())
    }
}

async fn world() -> (Arc<Issuer>, Running) {
    let issuer = Issuer::start().await;
    let redirect = format!("{PUBLIC}/api/oidc/callback");
    let server = start(&[
        "--oidc-issuer",
        &issuer.url,
        "--oidc-client-id",
        CLIENT,
        "--oidc-client-secret",
        SECRET,
        "--oidc-redirect",
        &redirect,
        "--operators",
        "boss@example.com,operators",
        "--viewers",
        "staff",
    ])
    .await;
    (issuer, server)
}

fn audit(server: &Running) -> String {
    std::fs::read_to_string(server.state.path().join("audit.jsonl")).expect("audit log")
}

#[tokio::test]
async fn people_get_the_role_that_the_lists_give_their_names() {
    let (issuer, server) = world().await;
    for (person, role, who) in [
        (
            json!({"sub": "1", "email": "boss@example.com", "email_verified": true}),
            "operate",
            "boss@example.com",
        ),
        (
            json!({"sub": "2", "preferred_username": "ann", "groups": ["dev", "operators"]}),
            "operate",
            "ann",
        ),
        (
            json!({"sub": "3", "email": "v@example.com", "email_verified": true, "groups": ["staff"]}),
            "view",
            "v@example.com",
        ),
        // Known to the provider, but on no list.
        (json!({"sub": "4", "email": "x@example.com", "email_verified": true}), "none", ""),
        // Somebody's address that is not proved to be theirs, or that they chose as their user name.
        (json!({"sub": "5", "email": "boss@example.com"}), "none", ""),
        (
            json!({"sub": "6", "email": "boss@example.com", "email_verified": false}),
            "none",
            "",
        ),
        (json!({"sub": "7", "preferred_username": "boss@example.com"}), "none", ""),
    ] {
        *issuer.person.lock() = person.clone();
        let mut browser = Browser::new();
        let answer = browser.log_in(&server).await;
        let (got, name) = browser.session(&server).await;
        assert_eq!(
            (got.as_str(), name.as_str().unwrap_or_default()),
            (role, who),
            "{person}: {}",
            answer.body
        );
        assert_eq!(answer.status, if role == "none" { 403 } else { 303 }, "{person}");
        let acts = browser
            .client
            .post(server.url("/api/control/p/n/c"))
            .header("Origin", server.url(""));
        let cookies: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let status = acts.header("Cookie", cookies.join("; ")).send().await.expect("answer").status();
        let expected = match role {
            "operate" => 400,
            "view" => 403,
            _ => 401,
        };
        assert_eq!(
            status, expected,
            "{person}: an operator learns that there is no such probe, others nothing"
        );
    }
    let log = audit(&server);
    assert!(log.contains(r#""who":"boss@example.com""#) && log.contains("not listed"), "{log}");
    assert!(issuer.refused.lock().is_empty(), "{:?}", issuer.refused.lock());
}

#[tokio::test]
async fn a_token_with_anything_wrong_lets_nobody_in() {
    let (issuer, server) = world().await;
    *issuer.person.lock() = json!({"sub": "1", "email": "boss@example.com", "email_verified": true});
    for wrong in [
        Wrong::Nonce,
        Wrong::NoNonce,
        Wrong::Audience,
        Wrong::Issuer,
        Wrong::Expired,
        Wrong::Signature,
        Wrong::Claims,
        Wrong::Unsigned,
        Wrong::NoToken,
    ] {
        *issuer.wrong.lock() = wrong;
        let mut browser = Browser::new();
        let answer = browser.log_in(&server).await;
        assert_eq!(answer.status, 401, "{wrong:?}");
        assert_eq!(browser.session(&server).await.0, "none", "{wrong:?}");
    }
    *issuer.wrong.lock() = Wrong::Nothing;
    assert_eq!(Browser::new().log_in(&server).await.status, 303, "and with nothing wrong it does");
}

#[tokio::test]
async fn an_answer_counts_once_and_only_in_the_browser_that_asked() {
    let (issuer, server) = world().await;
    *issuer.person.lock() = json!({"sub": "1", "email": "boss@example.com", "email_verified": true});
    let mut browser = Browser::new();
    let callback = browser.go(&server).await;

    // An attacker's answer in somebody else's browser, or one that lost its cookie.
    let mut stranger = Browser::new();
    assert_eq!(stranger.get(&callback).await.status, 401);
    stranger.go(&server).await;
    assert_eq!(stranger.get(&callback).await.status, 401, "another login is under way there");
    // A state that fits its cookie and that this server never gave out.
    let mut forger = Browser::new();
    forger.cookies.push(("scope_oidc".to_owned(), "made-up".to_owned()));
    assert_eq!(
        forger.get(&server.url("/api/oidc/callback?code=code-0&state=made-up")).await.status,
        401
    );
    // The state of the browser's own login with a code that is no code.
    let mut guesser = Browser::new();
    let own = guesser.go(&server).await;
    let (address, _) = own.split_once("code=").expect("code");
    let (_, state) = own.split_once("&state=").expect("state");
    assert_eq!(guesser.get(&format!("{address}code=guess&state={state}")).await.status, 401);
    assert_eq!(issuer.refused.lock().drain(..).collect::<Vec<_>>(), ["no such code"]);
    assert_eq!(guesser.get(&own).await.status, 401, "a state is spent by the first answer");

    let kept = browser.cookies.clone();
    assert_eq!(browser.get(&callback).await.status, 303);
    assert_eq!(browser.session(&server).await.0, "operate");
    browser.cookies = kept;
    assert_eq!(browser.get(&callback).await.status, 401, "the same answer again");
    // What the provider says went wrong is shown as text.
    let mut refused = Browser::new();
    let own = refused.go(&server).await;
    let (_, state) = own.split_once("&state=").expect("state");
    let answer = refused
        .get(&server.url(&format!("/api/oidc/callback?error=%3Cscript%3E&state={state}")))
        .await;
    assert!(
        answer.status == 401 && answer.body.contains("&lt;script&gt;") && !answer.body.contains("<script>"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn a_provider_that_is_down_says_so_and_others_still_get_in() {
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let issuer = format!("http://{}", nobody.local_addr().expect("address"));
    drop(nobody);
    let server = start(&[
        "--oidc-issuer",
        &issuer,
        "--oidc-client-id",
        CLIENT,
        "--oidc-redirect",
        "https://scope.example.com/api/oidc/callback",
    ])
    .await;
    let mut browser = Browser::new();
    let answer = browser.get(&server.url("/api/oidc/start")).await;
    assert!(answer.status == 401 && answer.body.contains("cannot be reached"), "{}", answer.body);
    let link = format!("/login?token={}", server.token("viewer"));
    assert_eq!(browser.get(&server.url(&link)).await.status, 303);
    assert_eq!(browser.session(&server).await.0, "view");
}
