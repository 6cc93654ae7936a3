//! Plugins, protocol version 1: other programs that add to the report through Unix sockets, written for the original and run unmodified.
//!
//! Each plugin has a task of its own that polls it; the report takes the newest good answer and never waits. A plugin that hangs, dies,
//! answers garbage or too much costs itself its part of the report, and the page says what is wrong with it.

mod client;
mod discover;
mod rewrite;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use scope_shared::control::Response;
use scope_shared::frame::Encoding;
use scope_shared::report::{PluginSpec, Report, SmolStr};
use scope_shared::wire;
use tokio_util::sync::CancellationToken;

use crate::config::Allow;
use crate::controls::{Call, ControlError, Outcome, QUICK, Registry};
use crate::reporter::{Reporter, Tick, system_time};
use crate::spy::Shortcuts;
use client::{Client, PluginError};

/// How often the directory is looked at.
const SCAN: Duration = Duration::from_secs(5);
/// How often a plugin is polled.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// The longest pause after failures: a plugin that comes back shows within this.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// What is known of one plugin.
struct Plugin {
    spec: PluginSpec,
    report: Option<Report>,
    controls: Vec<SmolStr>,
}

struct Running {
    plugin: Arc<Mutex<Plugin>>,
    stop: CancellationToken,
}

type All = Arc<Mutex<BTreeMap<PathBuf, Running>>>;

/// What every plugin's task needs.
#[derive(Clone)]
struct Context {
    probe_id: SmolStr,
    registry: Arc<Registry>,
    shortcuts: Shortcuts,
}

/// Reports what the plugins say.
pub struct Plugins {
    all: All,
}

impl Plugins {
    /// Starts looking for plugins under `root`, which may appear later, until `stop`.
    #[must_use]
    pub fn start(root: PathBuf, probe_id: SmolStr, registry: Arc<Registry>, shortcuts: Shortcuts, stop: CancellationToken) -> Self {
        let all = All::default();
        let context = Context {
            probe_id,
            registry,
            shortcuts,
        };
        tokio::spawn(watch(root, Arc::clone(&all), context, stop));
        Self { all }
    }
}

#[async_trait]
impl Reporter for Plugins {
    fn name(&self) -> &'static str {
        "plugins"
    }

    async fn report(&mut self, _: &Tick) -> Report {
        let mut merged = Report::default();
        let mut specs = BTreeMap::new();
        for running in self.all.lock().values() {
            let plugin = running.plugin.lock();
            if let Some(report) = &plugin.report {
                merged.merge(report);
            }
            specs.insert(plugin.spec.id.clone(), plugin.spec.clone());
        }
        merged.plugins = Some(specs);
        merged
    }
}

/// Starts and stops the plugins' tasks as sockets come and go.
async fn watch(root: PathBuf, all: All, context: Context, stop: CancellationToken) {
    loop {
        let directory = root.clone();
        let found = tokio::task::spawn_blocking(move || discover::sockets(&directory))
            .await
            .unwrap_or_default();
        {
            let mut all = all.lock();
            all.retain(|path, running| {
                let keep = found.contains_key(path);
                if !keep {
                    tracing::info!(plugin = %running.plugin.lock().spec.id, "plugin is gone");
                    running.stop.cancel();
                }
                keep
            });
            for (path, id) in found {
                all.entry(path.clone()).or_insert_with(|| {
                    tracing::info!(plugin = %id, socket = %path.display(), "plugin found");
                    let spec = PluginSpec {
                        label: id.clone(),
                        id,
                        ..PluginSpec::default()
                    };
                    let plugin = Arc::new(Mutex::new(Plugin {
                        spec,
                        report: None,
                        controls: Vec::new(),
                    }));
                    let stop = stop.child_token();
                    let client = Client::new(&path, &context.probe_id);
                    tokio::spawn(serve(client, Arc::clone(&plugin), context.clone(), stop.clone()));
                    Running { plugin, stop }
                });
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(SCAN) => {}
        }
    }
}

/// Polls one plugin until it is gone.
async fn serve(client: Client, plugin: Arc<Mutex<Plugin>>, context: Context, stop: CancellationToken) {
    let mut pause = POLL_EVERY;
    loop {
        let outcome = tokio::select! {
            () = stop.cancelled() => break,
            outcome = poll(&client, &plugin) => outcome,
        };
        match outcome {
            Ok((report, controls)) => {
                pause = POLL_EVERY;
                let mut plugin_now = plugin.lock();
                plugin_now.spec.status = SmolStr::new_static("ok");
                plugin_now.report = Some(report);
                if plugin_now.controls != controls {
                    plugin_now.controls.clone_from(&controls);
                    let id = plugin_now.spec.id.clone();
                    drop(plugin_now);
                    register(&controls, &id, &client, &plugin, &context);
                }
            }
            Err(error) => {
                pause = (pause * 2).min(LONGEST_PAUSE);
                fail(&plugin, &error);
            }
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(pause) => {}
        }
    }
    let id = plugin.lock().spec.id.clone();
    context.registry.remove_prefix(&format!("{id}{}", rewrite::SEPARATOR));
}

fn fail(plugin: &Mutex<Plugin>, error: &PluginError) {
    let mut plugin = plugin.lock();
    let status = format!("error: {error}");
    if plugin.spec.status != status {
        tracing::warn!(plugin = %plugin.spec.id, %error, "a plugin fails; its part is left out of reports");
        plugin.spec.status = status.into();
    }
    plugin.report = None;
}

async fn poll(client: &Client, plugin: &Mutex<Plugin>) -> Result<(Report, Vec<SmolStr>), PluginError> {
    let body = client.report().await?;
    let mut report = decode(&body)?;
    let id = plugin.lock().spec.id.clone();
    let spec = rewrite::take_spec(&mut report, &id)?;
    {
        let status = std::mem::take(&mut plugin.lock().spec.status);
        plugin.lock().spec = PluginSpec { status, ..spec.clone() };
    }
    rewrite::check_spec(&spec)?;
    let controls = rewrite::own_controls(&mut report, &id);
    let controls = if rewrite::implements(&spec, "controller") {
        controls
    } else {
        Vec::new()
    };
    Ok((report, controls))
}

fn decode(body: &[u8]) -> Result<Report, PluginError> {
    wire::decode_report(body, Encoding::Json, false).map_err(|error| PluginError(format!("decoding error: {error}")))
}

/// Replaces the handlers of a plugin's controls.
fn register(controls: &[SmolStr], id: &SmolStr, client: &Client, plugin: &Arc<Mutex<Plugin>>, context: &Context) {
    context.registry.remove_prefix(&format!("{id}{}", rewrite::SEPARATOR));
    for control in controls {
        let (client, plugin, shortcuts) = (client.clone(), Arc::clone(plugin), context.shortcuts.clone());
        context.registry.register_dynamic(control, Allow::Plugins, QUICK, move |call| {
            carry_out(call, client.clone(), Arc::clone(&plugin), shortcuts.clone())
        });
    }
}

async fn carry_out(call: Call, client: Client, plugin: Arc<Mutex<Plugin>>, shortcuts: Shortcuts) -> Outcome {
    let mut request = call.request;
    if let Some((_, own)) = request.control.split_once(rewrite::SEPARATOR) {
        request.control = own.to_owned();
    }
    let body = serde_json::to_vec(&request).map_err(ControlError::new)?;
    let answer = match client.control(body).await {
        Ok(answer) => answer,
        Err(error) => {
            fail(&plugin, &error);
            return Err(ControlError(error.0));
        }
    };
    let mut answer: serde_json::Value =
        serde_json::from_slice(&answer).map_err(|error| ControlError(format!("decoding error: {error}")))?;
    // The documentation of the protocol and the programs disagree about the spelling.
    let shortcut = answer
        .as_object_mut()
        .and_then(|fields| fields.remove("shortcutReport").or_else(|| fields.remove("ShortcutReport")));
    if let Some(shortcut) = shortcut.filter(|shortcut| !shortcut.is_null()) {
        let report = serde_json::to_vec(&shortcut)
            .map_err(ControlError::new)
            .and_then(|body| decode(&body).map_err(|error| ControlError(error.0)));
        let mut report = report?;
        let id = plugin.lock().spec.id.clone();
        report.plugins = None;
        report.ts = system_time();
        rewrite::own_controls(&mut report, &id);
        shortcuts.publish(report);
    }
    let response: Response = serde_json::from_value(answer).map_err(|error| ControlError(format!("decoding error: {error}")))?;
    if response.error.is_empty() {
        Ok(response)
    } else {
        Err(ControlError(response.error))
    }
}
