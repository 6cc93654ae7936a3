//! `POST /api/control/{probe}/{node}/{control}`: reads the request, asks the policy, and has the probe carry it out.

use std::collections::BTreeMap;

use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use scope_shared::control::Request;
use scope_shared::limits::CONTROL_BYTES;
use serde_json::Value;
use tokio::time::Instant;

use super::Kind;
use crate::audit::{Event, What};
use crate::auth::{Client, Identity};
use crate::pipe::{End, Terminal};
use crate::refusal::{self, Refusal};
use crate::server::Shared;

/// What is asked, and of whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) probe: String,
    pub(crate) node: String,
    pub(crate) control: String,
}

/// Who asks, from where, for what: what audit records need.
struct Caller<'a> {
    identity: &'a Identity,
    client: &'a Client,
    what: &'a What,
}

/// The handler.
pub(crate) async fn post_control(
    State(server): State<Shared>,
    Extension(identity): Extension<Identity>,
    Extension(client): Extension<Client>,
    uri: Uri,
    body: Body,
) -> Result<Response, Refusal> {
    let target = Target::from_path(uri.path()).ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "no such control path"))?;
    let started = Instant::now();
    let what = What {
        probe: target.probe.clone(),
        node: target.node.clone(),
        control: target.control.clone(),
        pipe: String::new(),
    };
    let caller = Caller {
        identity: &identity,
        client: &client,
        what: &what,
    };
    let outcome = carry_out(&server, &target, &caller, body).await;
    let mut event = Event::new("control", &identity.who, client.address)
        .on(what.clone())
        .took(started.elapsed());
    server
        .audit
        .note(event.result(outcome.as_ref().map_or_else(|refusal| refusal.reason.as_str(), |_| "ok")));
    if let Err(refusal) = &outcome {
        server.metrics.refused("control", refusal.status);
    }
    outcome.map(|value| refusal::json(StatusCode::OK, &value))
}

async fn carry_out(server: &Shared, target: &Target, caller: &Caller<'_>, body: Body) -> Result<Value, Refusal> {
    let kind = Kind::of(&target.control);
    if !server.policy.allows(kind) {
        return Err(Refusal::forbidden(format!(
            "this server does not pass on controls of the kind {} (--allow, --no-controls)",
            kind.name()
        )));
    }
    let body = to_bytes(body, CONTROL_BYTES)
        .await
        .map_err(|_| Refusal::too_large("the control's arguments are larger than a megabyte"))?;
    let arguments = arguments(&body)?;
    if let Some(size) = arguments.as_ref().filter(|_| target.control.contains("resize")) {
        let value = |key: &str| size.get(key).map(String::as_str).unwrap_or_default();
        server.terminals.resized(value("pipeID"), value("width"), value("height"));
    }
    // Before anything happens: with --audit-required, what cannot be recorded does not.
    server
        .audit
        .require(&Event::new("control asked", &caller.identity.who, caller.client.address).on(caller.what.clone()))?;
    let request = Request {
        app_id: String::new(),
        node_id: target.node.clone(),
        control: target.control.clone(),
        control_args: arguments,
    };
    let answer = server.controls.call(&target.probe, request).await?;
    if let Some(pipe) = answer.get("pipe").and_then(Value::as_str).filter(|pipe| !pipe.is_empty()) {
        opened(server, caller, pipe)?;
    }
    Ok(answer)
}

/// The control opened a terminal: it is recorded from here on, or closed again if it must be and cannot.
fn opened(server: &Shared, caller: &Caller<'_>, pipe: &str) -> Result<(), Refusal> {
    let recording = server.audit.record(pipe).inspect_err(|_| {
        server.pipes.forbid(pipe, &End::closed(), Instant::now());
    })?;
    let what = What {
        pipe: pipe.to_owned(),
        ..caller.what.clone()
    };
    server.terminals.opened(Terminal {
        who: caller.identity.who.clone(),
        from: caller.client.address,
        what,
        opened: Instant::now(),
        recording,
    });
    Ok(())
}

fn arguments(body: &[u8]) -> Result<Option<BTreeMap<String, String>>, Refusal> {
    if body.is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(body)
        .map_err(|error| Refusal::bad_request(format!("a control's arguments are a JSON object of strings: {error}")))
}

impl Target {
    /// Splits the raw path at its slashes, then decodes each part as the original does (`%2F` is a slash within a part, `+` a space).
    fn from_path(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix("/api/control/")?.split('/').map(segment);
        let target = Self {
            probe: parts.next()?,
            node: parts.next()?,
            control: parts.next()?,
        };
        parts.next().is_none().then_some(target)
    }
}

/// Decodes one raw segment of a path.
pub(crate) fn segment(raw: &str) -> String {
    percent_encoding::percent_decode_str(&raw.replace('+', " "))
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_split_raw_and_then_decoded() {
        let target = Target::from_path("/api/control/p/a%2Fb%3B%3Ccontainer%3E+x/docker_stop_container").expect("target");
        assert_eq!(target.node, "a/b;<container> x");
        assert_eq!(Target::from_path("/api/control/p/n"), None);
        assert_eq!(Target::from_path("/api/control/p/n/c/d"), None);
    }

    #[test]
    fn arguments_are_an_object_of_strings_or_nothing() {
        assert_eq!(arguments(b"").expect("none"), None);
        assert_eq!(arguments(br#"{"width":"80"}"#).expect("map").map(|map| map.len()), Some(1));
        assert!(arguments(br#"{"width":80}"#).is_err() && arguments(b"[]").is_err());
    }
}
