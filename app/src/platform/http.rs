//! Requests, from the page and from the worker alike.

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, RequestCredentials, RequestInit, RequestMode, Response};

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// HTTP status; 0 for an opaque answer.
    pub status: u16,
    /// Body as text.
    pub text: String,
}

impl Answer {
    /// Whether it is a success.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// A request.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Method; empty is `GET`.
    pub method: &'static str,
    /// Body, sent as JSON; empty for none.
    pub body: String,
    /// Sent as `Authorization: Bearer`; `None` leaves it to the cookie.
    pub token: Option<String>,
    /// Ask only whether anything answers: no headers, and the answer cannot be read.
    pub blind: bool,
}

/// Sends a request.
///
/// # Errors
/// A sentence of the browser's when nothing answered, or the answer may not be read.
pub async fn send(url: &str, request: Request) -> Result<Answer, String> {
    let init = RequestInit::new();
    init.set_method(if request.method.is_empty() { "GET" } else { request.method });
    init.set_credentials(RequestCredentials::SameOrigin);
    if request.blind {
        init.set_mode(RequestMode::NoCors);
    } else {
        let headers = Headers::new().map_err(text)?;
        if let Some(token) = &request.token {
            headers.set("authorization", &format!("Bearer {token}")).map_err(text)?;
        }
        if !request.body.is_empty() {
            headers.set("content-type", "application/json").map_err(text)?;
            init.set_body(&JsValue::from_str(&request.body));
        }
        init.set_headers(&headers);
    }
    let fetch = js_sys::Reflect::get(&js_sys::global(), &"fetch".into()).map_err(text)?;
    let fetch: js_sys::Function = fetch.dyn_into().map_err(text)?;
    let promise: js_sys::Promise = fetch
        .call2(&JsValue::UNDEFINED, &url.into(), &init)
        .map_err(text)?
        .dyn_into()
        .map_err(text)?;
    let response: Response = JsFuture::from(promise).await.map_err(text)?.dyn_into().map_err(text)?;
    let body = match response.text() {
        Ok(promise) => JsFuture::from(promise)
            .await
            .ok()
            .and_then(|body| body.as_string())
            .unwrap_or_default(),
        Err(_) => String::new(),
    };
    Ok(Answer {
        status: response.status(),
        text: body,
    })
}

fn text(error: JsValue) -> String {
    error
        .dyn_ref::<js_sys::Error>()
        .map_or_else(|| format!("{error:?}"), |error| String::from(error.message()))
}
