//! Who may do what: every route × role × origin × host, against the status that the table says.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail their test this way"
)]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{Running, start};

/// What a route asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    Nothing,
    AnyToken,
    View,
    Operate,
    Report,
    Either,
}
use Needs::{AnyToken, Either, Nothing, Operate, Report, View};

/// Method (`WS` is a WebSocket), path, what it needs.
const ROUTES: &[(&str, &str, Needs)] = &[
    ("GET", "/", Nothing),
    ("GET", "/no-such-file.js", Nothing),
    ("GET", "/healthz", Nothing),
    ("GET", "/readyz", Nothing),
    ("GET", "/login", Nothing),
    ("GET", "/api/session", Nothing),
    ("POST", "/api/login", Nothing),
    ("POST", "/api/logout", Nothing),
    ("GET", "/api/oidc/start", Nothing),
    ("GET", "/api/oidc/callback", Nothing),
    ("GET", "/api", AnyToken),
    ("GET", "/api/probes", View),
    ("GET", "/metrics", View),
    ("WS", "/api/viewer/ws", View),
    ("GET", "/api/no-such-route", View),
    ("POST", "/api/control/p/n/c", Operate),
    ("WS", "/api/pipe/pipe-1", Operate),
    ("GET", "/api/pipe/pipe-1/check", Either),
    ("DELETE", "/api/pipe/pipe-2", Either),
    ("POST", "/api/pipe/pipe-2", Either),
    ("WS", "/api/pipe/pipe-1/probe", Report),
    ("WS", "/api/control/ws", Report),
    ("POST", "/api/report", Report),
];

/// Whether a path of the table is one of a route's, whose `{…}` are any one part.
fn is_of(path: &str, route: &str) -> bool {
    let (path, route): (Vec<_>, Vec<_>) = (path.split('/').collect(), route.split('/').collect());
    path.len() == route.len() && path.iter().zip(&route).all(|(part, of)| of.starts_with('{') || part == of)
}

#[test]
fn every_route_of_the_router_has_its_row_in_the_table() {
    let routes = scope_server::route_table();
    // A path without parameters is a closer match than one with: `/api/control/ws` is no pipe or control.
    let of = |method: &str, path: &str| {
        let fits = |route: &&(_, &'static str)| is_of(path, route.1) && method == route.0;
        routes.iter().find(fits).map(|route| route.1)
    };
    for (method, route) in &routes {
        let tested = ROUTES.iter().any(|(tested, path, _)| {
            let tested = if *tested == "WS" { "GET" } else { tested };
            of(tested, path) == Some(route) && *method == tested
        });
        assert!(tested, "{method} {route} has no row in this file's table");
    }
}

const ROLES: [&str; 4] = ["nobody", "viewer", "operator", "probe"];

fn admits(needs: Needs, role: &str) -> bool {
    match needs {
        Nothing => true,
        AnyToken => role != "nobody",
        View => matches!(role, "viewer" | "operator"),
        Operate => role == "operator",
        Report => role == "probe",
        Either => matches!(role, "operator" | "probe"),
    }
}

/// The status that the gate gives, or `None` when it lets the request through to its handler.
async fn refused(server: &Running, method: &str, path: &str, headers: &[(&str, &str)]) -> Option<u16> {
    let status = if method == "WS" {
        let mut headers = headers.to_vec();
        headers.push(("X-Scope-Probe-ID", "p"));
        server.socket(path, &headers).await.map_or_else(|status| status, |_| 101)
    } else {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("client");
        let mut request = client.request(method.parse().expect("method"), server.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.expect("answer").status().as_u16()
    };
    // The one handler that answers 401 itself is the login, to a body without a token.
    (status == 403 || status == 401 && path != "/api/login").then_some(status)
}

#[tokio::test]
async fn every_route_asks_for_its_role() {
    let server = start(&["--require-token"]).await;
    for (method, path, needs) in ROUTES {
        for role in ROLES {
            let bearer = if role == "nobody" {
                String::new()
            } else {
                format!("Bearer {}", server.token(role))
            };
            let headers: Vec<_> = (role != "nobody")
                .then_some(("Authorization", bearer.as_str()))
                .into_iter()
                .collect();
            let expected = match (admits(*needs, role), role) {
                (true, _) => None,
                (false, "nobody") => Some(401),
                (false, _) => Some(403),
            };
            assert_eq!(refused(&server, method, path, &headers).await, expected, "{role} {method} {path}");
        }
    }
}

#[tokio::test]
async fn every_route_takes_a_token_wherever_it_may_stand_and_no_wrong_one_anywhere() {
    let server = start(&["--require-token"]).await;
    let basic = |password: &str| format!("Basic {}", STANDARD.encode(format!("admin:{password}")));
    for (method, path, needs) in ROUTES {
        let role = if admits(*needs, "operator") { "operator" } else { "probe" };
        let right = server.token(role);
        // The right one last: it wipes the slate that the wrong ones have filled.
        for (token, is_right) in [("0".repeat(43), false), (right.to_lowercase(), false), (right, true)] {
            let mut places = vec![
                ("Authorization", format!("Bearer {token}")),
                ("Authorization", format!("Scope-Probe token={token}")),
                ("Authorization", basic(&token)),
            ];
            // Pages can name it nowhere else; probes, which set headers, do not need that.
            if *method == "WS" && *needs != Report {
                places.push(("Sec-WebSocket-Protocol", format!("scope, bearer.{token}")));
            }
            for (name, value) in if is_right { places.as_slice() } else { &places[..1] } {
                let expected = (!is_right && *needs != Nothing).then_some(401);
                assert_eq!(
                    refused(&server, method, path, &[(*name, value.as_str())]).await,
                    expected,
                    "{method} {path} {name}: {value}"
                );
            }
            // In an address a token ends up in logs and histories; only the link to log in with has one there.
            if is_right && *method != "WS" && *needs != Nothing {
                let path = format!("{path}?token={token}");
                assert_eq!(refused(&server, method, &path, &[]).await, Some(401), "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn no_route_answers_to_another_host_or_acts_for_another_origin() {
    let server = start(&["--require-token", "--allow-origin", "https://page.example.com"]).await;
    let bearer = format!("Bearer {}", server.token("operator"));
    let own = server.url("");
    for (method, path, needs) in ROUTES {
        if !admits(*needs, "operator") {
            continue;
        }
        let with = |name: &'static str, value: &str| vec![("Authorization", bearer.clone()), (name, value.to_owned())];
        for (name, value, foreign) in [
            ("Host", "evil.example", true),
            ("Host", "localhost.evil.example:4040", true),
            ("Origin", "http://evil.example", true),
            ("Origin", "null", true),
            ("Origin", own.as_str(), false),
            ("Origin", "https://page.example.com", false),
        ] {
            let headers = with(name, value);
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            // A file is no secret and a health check acts on nothing: other origins may load them, as from any web server.
            let file = name == "Origin" && *method == "GET" && *needs == Nothing && !path.starts_with("/api/");
            let expected = (foreign && !file).then_some(403);
            assert_eq!(
                refused(&server, method, path, &headers).await,
                expected,
                "{method} {path} {name}: {value}"
            );
        }
    }
}

#[tokio::test]
async fn loopback_asks_nobody_but_refuses_other_hosts_and_origins() {
    let server = start(&[]).await;
    for (method, path, needs) in ROUTES {
        assert_eq!(refused(&server, method, path, &[]).await, None, "{method} {path}");
        assert_eq!(
            refused(&server, method, path, &[("Host", "evil.example")]).await,
            Some(403),
            "{method} {path}"
        );
        if *needs != Nothing {
            let evil = [("Origin", "http://evil.example")];
            assert_eq!(refused(&server, method, path, &evil).await, Some(403), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_cookie_is_believed_only_with_an_origin_and_until_its_owner_logs_out() {
    let server = start(&["--require-token"]).await;
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("client");
    let link = server.url(&format!("/login?token={}", server.token("operator")));
    let answer = client.get(link).send().await.expect("answer");
    assert_eq!(answer.status(), 303);
    let cookie = answer.headers()["set-cookie"].to_str().expect("text").to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().expect("pair").to_owned();
    let own = server.url("");
    let control = "/api/control/p/n/c";
    assert_eq!(
        refused(&server, "POST", control, &[("Cookie", &cookie)]).await,
        Some(403),
        "no origin"
    );
    let with_origin = [("Cookie", cookie.as_str()), ("Origin", own.as_str())];
    assert_eq!(refused(&server, "POST", control, &with_origin).await, None);
    assert!(server.socket("/api/viewer/ws", &with_origin).await.is_ok());
    let logout = client
        .post(server.url("/api/logout"))
        .header("Cookie", &cookie)
        .header("Origin", &own);
    assert_eq!(logout.send().await.expect("answer").status(), 204);
    assert_eq!(refused(&server, "POST", control, &with_origin).await, Some(401), "logged out");
    let log = std::fs::read_to_string(server.state.path().join("audit.jsonl")).expect("audit log");
    assert!(log.contains("\"event\":\"login\"") && log.contains("\"event\":\"logout\""), "{log}");
}

#[tokio::test]
async fn guessing_tokens_is_slowed_down() {
    let server = start(&["--require-token"]).await;
    let client = reqwest::Client::new();
    let mut statuses = Vec::new();
    for guess in ["same", "same", "same", "same", "1", "2", "3", "4", "5"] {
        let answer = client
            .post(server.url("/api/login"))
            .json(&std::collections::BTreeMap::from([("token", guess)]))
            .send()
            .await;
        statuses.push(answer.expect("answer").status().as_u16());
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 401, 401, 429, 429]);
    // Programs are slowed apart from people, and a probe with an old token costs the others at its address nothing.
    let old = [("Authorization", "Bearer an-old-token-of-a-probe")];
    for _ in 0..20 {
        assert_eq!(refused(&server, "GET", "/api/probes", &old).await, Some(401));
    }
    let right = format!("Bearer {}", server.token("viewer"));
    assert_eq!(
        refused(&server, "GET", "/api/probes", &[("Authorization", right.as_str())]).await,
        None
    );
}

#[tokio::test]
async fn an_allowed_origin_gets_its_preflight_answered_and_others_do_not() {
    let server = start(&["--require-token", "--allow-origin", "https://page.example.com"]).await;
    let client = reqwest::Client::new();
    for (origin, status) in [("https://page.example.com", 204), ("https://evil.example", 403)] {
        let request = client
            .request(reqwest::Method::OPTIONS, server.url("/api/probes"))
            .header("Origin", origin);
        let answer = request.header("Access-Control-Request-Method", "GET").send().await.expect("answer");
        assert_eq!(answer.status(), status, "{origin}");
        assert_eq!(answer.headers().contains_key("access-control-allow-origin"), status == 204);
    }
}

#[tokio::test]
async fn an_allowed_origin_can_read_why_it_is_refused() {
    let server = start(&["--require-token", "--allow-origin", "https://page.example.com"]).await;
    let client = reqwest::Client::new();
    for (origin, status, readable) in [("https://page.example.com", 401, true), ("https://evil.example", 403, false)] {
        let answer = client
            .get(server.url("/api"))
            .header("Origin", origin)
            .send()
            .await
            .expect("answer");
        assert_eq!(answer.status(), status, "{origin}");
        let told = answer
            .headers()
            .get("access-control-allow-origin")
            .map(|value| value.to_str().expect("text"));
        assert_eq!(told, readable.then_some(origin));
    }
}

#[tokio::test]
async fn answers_carry_a_policy_without_inline_scripts() {
    let server = start(&[]).await;
    let answer = reqwest::get(server.url("/")).await.expect("answer");
    let policy = answer.headers()["content-security-policy"].to_str().expect("text");
    let scripts = policy
        .split(';')
        .find(|part| part.trim().starts_with("script-src"))
        .expect("script-src");
    assert!(
        !scripts.contains("unsafe-inline") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
}
