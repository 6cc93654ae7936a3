//! What can be done on request: handlers by control id, behind the probe's own policy.
//!
//! A handler that the policy forbids is never entered into the registry and its control is never advertised, so that a hostile server
//! cannot reach it however it asks. Every call has a time-out, and the number of calls at once is bounded.

pub mod socket;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use scope_shared::control::{Request, Response};
use scope_shared::report::{Control, SmolStr, Topology};

use crate::config::{Allow, Policy};
use crate::publish::Server;

/// For controls that answer at once.
pub const QUICK: Duration = Duration::from_secs(10);
/// For controls that wait for something to stop or start; longer than Docker's grace of 10 s.
pub const SLOW: Duration = Duration::from_secs(30);

/// A control to carry out, and the server that asks.
#[derive(Clone)]
pub struct Call {
    /// What is asked.
    pub request: Request,
    /// Who asks: pipes are opened back to it.
    pub server: Arc<Server>,
}

impl Call {
    /// The first part of a node id that must end in `;<tag>`.
    ///
    /// # Errors
    /// When the node is of another kind.
    pub fn node_of(&self, tag: &str) -> Result<&str, ControlError> {
        self.request
            .node_id
            .split_once(';')
            .and_then(|(id, rest)| (rest.strip_prefix('<')?.strip_suffix('>')? == tag && !id.is_empty()).then_some(id))
            .ok_or_else(|| ControlError(format!("Invalid ID: {}", self.request.node_id)))
    }

    /// An argument.
    ///
    /// # Errors
    /// When it is missing.
    pub fn argument(&self, name: &str) -> Result<&str, ControlError> {
        let arguments = self.request.control_args.as_ref();
        arguments
            .and_then(|all| all.get(name))
            .map(String::as_str)
            .ok_or_else(|| ControlError(format!("Missing argument: {name}")))
    }

    /// The arguments of a resize: pipe, height, width.
    ///
    /// # Errors
    /// When one is missing or no number.
    pub fn resize(&self) -> Result<(&str, u16, u16), ControlError> {
        let number = |name| {
            let text = self.argument(name)?;
            text.parse::<u16>()
                .map_err(|error| ControlError(format!("Bad parameter: {name} ({text:?}): {error}")))
        };
        Ok((self.argument("pipeID")?, number("height")?, number("width")?))
    }
}

/// Why a control was not carried out, in words for the person who asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ControlError(pub String);

impl ControlError {
    /// From anything that can be said.
    pub fn new(text: impl ToString) -> Self {
        Self(text.to_string())
    }
}

/// What a handler returns.
pub type Outcome = Result<Response, ControlError>;
/// A handler at work.
pub type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;
type Handler = Arc<dyn Fn(Call) -> Running + Send + Sync>;

/// A control as a source declares it.
#[derive(Clone, Copy, Debug)]
pub struct Declared {
    /// Id on the wire.
    pub id: &'static str,
    /// Shown to people; empty for controls that are never listed (resizes).
    pub human: &'static str,
    /// Font Awesome class.
    pub icon: &'static str,
    /// A question to ask first; empty for none.
    pub confirmation: &'static str,
    /// Lower comes first.
    pub rank: i64,
    /// What must be allowed for it.
    pub kind: Allow,
    /// How long it may take.
    pub timeout: Duration,
}

#[derive(Clone)]
struct Entry {
    timeout: Duration,
    handler: Handler,
}

/// The handlers there are.
pub struct Registry {
    policy: Policy,
    entries: RwLock<BTreeMap<SmolStr, Entry>>,
}

impl Registry {
    /// An empty registry under a policy.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            entries: RwLock::new(BTreeMap::new()),
        }
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> Policy {
        self.policy
    }

    /// Enters a handler, if the policy allows its kind.
    pub fn register<F, R>(&self, control: &Declared, handler: F)
    where
        F: Fn(Call) -> R + Send + Sync + 'static,
        R: Future<Output = Outcome> + Send + 'static,
    {
        self.register_dynamic(control.id, control.kind, control.timeout, handler);
    }

    /// Enters a handler under an id known only now (plugins).
    pub fn register_dynamic<F, R>(&self, id: &str, kind: Allow, timeout: Duration, handler: F)
    where
        F: Fn(Call) -> R + Send + Sync + 'static,
        R: Future<Output = Outcome> + Send + 'static,
    {
        if !self.policy.allows(kind) {
            return;
        }
        let handler: Handler = Arc::new(move |call| Box::pin(handler(call)));
        self.entries.write().insert(SmolStr::new(id), Entry { timeout, handler });
    }

    /// Takes handlers out whose id starts with `prefix`.
    pub fn remove_prefix(&self, prefix: &str) {
        self.entries.write().retain(|id, _| !id.starts_with(prefix));
    }

    /// Carries a control out; always answers, within the control's time-out.
    pub async fn handle(&self, call: Call) -> Response {
        let control = call.request.control.clone();
        let entry = self.entries.read().get(control.as_str()).cloned();
        let Some(Entry { timeout, handler }) = entry else {
            let text = if self.policy.allows_something() {
                format!("Control \"{control}\" not recognised")
            } else {
                "this probe executes nothing (--no-controls)".to_owned()
            };
            return Response {
                error: text,
                ..Response::default()
            };
        };
        let node = call.request.node_id.clone();
        tracing::info!(control, node, server = call.server.app_id, "carrying out a control");
        // In a task of its own: a panic in a handler becomes an answer, not the end of the probe.
        let mut running = tokio::spawn(handler(call));
        let outcome = match tokio::time::timeout(timeout, &mut running).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(ControlError::new("the control failed inside the probe; its log says why")),
            Err(_) => {
                running.abort();
                Err(ControlError(format!(
                    "the control did not finish within {} s and was given up",
                    timeout.as_secs()
                )))
            }
        };
        metrics::counter!("scope_probe_controls", "outcome" => if outcome.is_ok() { "ok" } else { "failed" }).increment(1);
        outcome.unwrap_or_else(|error| {
            tracing::info!(control, node, %error, "a control failed");
            Response {
                error: error.0,
                ..Response::default()
            }
        })
    }

    /// The ids among `controls` that the policy allows, as `active_controls` wants them.
    pub fn active<'a>(&self, controls: impl IntoIterator<Item = &'a Declared>) -> String {
        let ids: Vec<&str> = controls
            .into_iter()
            .filter(|control| self.policy.allows(control.kind))
            .map(|control| control.id)
            .collect();
        ids.join(";")
    }

    /// Declares on `topology` the controls that the policy allows and people are to see.
    pub fn declare<'a>(&self, topology: &mut Topology, controls: impl IntoIterator<Item = &'a Declared>) {
        for control in controls
            .into_iter()
            .filter(|control| !control.human.is_empty() && self.policy.allows(control.kind))
        {
            let id = SmolStr::new_static(control.id);
            topology.controls.insert(
                id.clone(),
                Control {
                    id,
                    human: SmolStr::new_static(control.human),
                    icon: SmolStr::new_static(control.icon),
                    confirmation: SmolStr::new_static(control.confirmation),
                    rank: control.rank,
                    probe_id: SmolStr::default(),
                },
            );
        }
    }
}
