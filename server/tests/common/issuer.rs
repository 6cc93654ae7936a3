//! A small OpenID Connect provider: discovery, keys, the authorization code flow with PKCE, and tokens that are really signed. It answers
//! wrongly on request. Nobody is asked who they are: the next login is [`Issuer::person`]'s.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openidconnect::core::{CoreJsonWebKeySet, CoreJwsSigningAlgorithm, CoreRsaPrivateSigningKey};
use openidconnect::{JsonWebKeyId, PrivateSigningKey as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Signs the tokens of this file and nothing else.
const KEY: &str = include_str!("../data/issuer-key.pem");
pub const CLIENT: &str = "scope";
pub const SECRET: &str = "the client's secret";

/// What the next token has wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    Nothing,
    Nonce,
    NoNonce,
    Audience,
    Issuer,
    Expired,
    Signature,
    /// Claims changed after signing.
    Claims,
    Unsigned,
    NoToken,
}

/// A login that the provider has begun.
struct Begun {
    nonce: String,
    challenge: String,
    redirect: String,
}

pub struct Issuer {
    pub url: String,
    key: CoreRsaPrivateSigningKey,
    /// Claims about whoever logs in next.
    pub person: parking_lot::Mutex<Value>,
    pub wrong: parking_lot::Mutex<Wrong>,
    begun: parking_lot::Mutex<BTreeMap<String, Begun>>,
    /// Why the token endpoint refused, for messages.
    pub refused: parking_lot::Mutex<Vec<&'static str>>,
}

impl Issuer {
    /// Starts one on a free port of loopback; it ends with the test's runtime.
    pub async fn start() -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = Arc::new(Self {
            url: format!("http://{}", listener.local_addr().expect("address")),
            key: CoreRsaPrivateSigningKey::from_pem(KEY, Some(JsonWebKeyId::new("k1".to_owned()))).expect("key"),
            person: parking_lot::Mutex::new(json!({})),
            wrong: parking_lot::Mutex::new(Wrong::Nothing),
            begun: parking_lot::Mutex::default(),
            refused: parking_lot::Mutex::default(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(describe))
            .route("/jwks", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .with_state(Arc::clone(&issuer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        issuer
    }

    fn sign(&self, nonce: &str) -> Option<String> {
        let wrong = *self.wrong.lock();
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("after the epoch")
            .as_secs();
        let mut claims = json!({
            "iss": if wrong == Wrong::Issuer { "https://other.example.com" } else { &self.url },
            "aud": if wrong == Wrong::Audience { "another-client" } else { CLIENT },
            "exp": if wrong == Wrong::Expired { now - 60 } else { now + 300 },
            "iat": now - 120,
            "nonce": if wrong == Wrong::Nonce { "another" } else { nonce },
        });
        let fields = claims.as_object_mut().expect("object");
        fields.extend(self.person.lock().as_object().expect("object").clone());
        if wrong == Wrong::NoNonce {
            fields.remove("nonce");
        }
        let algorithm = if wrong == Wrong::Unsigned { "none" } else { "RS256" };
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": algorithm, "typ": "JWT", "kid": "k1"})), part(&claims));
        let mut signature = self
            .key
            .sign(&CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256, signed.as_bytes())
            .expect("signature");
        match wrong {
            Wrong::NoToken => return None,
            Wrong::Unsigned => signature.clear(),
            Wrong::Signature => signature[0] ^= 1,
            Wrong::Claims => {
                claims["sub"] = json!("somebody else");
                let (head, _) = signed.split_once('.').expect("two parts");
                return Some(format!("{head}.{}.{}", part(&claims), URL_SAFE_NO_PAD.encode(signature)));
            }
            _ => {}
        }
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

async fn describe(State(issuer): State<Arc<Issuer>>) -> Response {
    let at = |path: &str| format!("{}/{path}", issuer.url);
    axum::Json(json!({
        "issuer": issuer.url, "authorization_endpoint": at("authorize"), "token_endpoint": at("token"), "jwks_uri": at("jwks"),
        "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "none"],
    }))
    .into_response()
}

async fn keys(State(issuer): State<Arc<Issuer>>) -> Response {
    axum::Json(CoreJsonWebKeySet::new(vec![issuer.key.as_verification_key()])).into_response()
}

/// Where the browser is sent to log in: it comes straight back with a code.
async fn authorize(State(issuer): State<Arc<Issuer>>, Query(asked): Query<BTreeMap<String, String>>) -> Response {
    let value = |name: &str| asked.get(name).cloned().unwrap_or_default();
    let proper = value("response_type") == "code"
        && value("client_id") == CLIENT
        && value("code_challenge_method") == "S256"
        && value("scope").split(' ').any(|scope| scope == "openid");
    if !proper {
        return (StatusCode::BAD_REQUEST, format!("{asked:?}")).into_response();
    }
    let mut begun = issuer.begun.lock();
    let code = format!("code-{}", begun.len());
    let redirect = value("redirect_uri");
    let place = format!("{redirect}?code={code}&state={}", value("state"));
    begun.insert(
        code,
        Begun {
            nonce: value("nonce"),
            challenge: value("code_challenge"),
            redirect,
        },
    );
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response()
}

/// Changes a code for a token, once, for the client that proves to be the one that began.
async fn token(State(issuer): State<Arc<Issuer>>, headers: HeaderMap, body: String) -> Response {
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let value = |name: &str| form.get(name).cloned().unwrap_or_default();
    let refuse = |why: &'static str| {
        issuer.refused.lock().push(why);
        (
            StatusCode::BAD_REQUEST,
            axum::Json(json!({"error": "invalid_grant", "error_description": why})),
        )
            .into_response()
    };
    // Both are form-encoded before they become a basic password (RFC 6749, 2.3.1).
    let secret: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let credentials = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{secret}")));
    if headers.get(header::AUTHORIZATION).is_none_or(|sent| sent != credentials.as_str()) {
        return refuse("another client");
    }
    let Some(begun) = issuer.begun.lock().remove(&value("code")) else {
        return refuse("no such code");
    };
    if URL_SAFE_NO_PAD.encode(Sha256::digest(value("code_verifier"))) != begun.challenge {
        return refuse("not who began");
    }
    if value("redirect_uri") != begun.redirect {
        return refuse("another redirect");
    }
    let mut answer = json!({"access_token": "unused", "token_type": "Bearer", "expires_in": 300});
    if let Some(token) = issuer.sign(&begun.nonce) {
        answer["id_token"] = json!(token);
    }
    axum::Json(answer).into_response()
}
