//! A text about one object, for people: what it is, its status and specification, and its recent events.

#![allow(clippy::let_underscore_must_use, reason = "writing to a string cannot fail")]

use std::fmt::Write as _;

use k8s_openapi::api::core::v1::Event;
use kube::api::{DynamicObject, ListParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, Client};
use scope_shared::report::Kind;
use serde_json::Value;

use super::snapshots;
use super::store::Place;

/// Events in one text. `kubectl` shows all; a crash loop can have thousands.
const MAX_EVENTS: u32 = 100;
/// Nesting shown before a value is written on one line.
const MAX_DEPTH: usize = 12;

fn resource(kind: Kind) -> Option<ApiResource> {
    let (group, version, name, plural) = match kind {
        Kind::Pod => ("", "v1", "Pod", "pods"),
        Kind::Service => ("", "v1", "Service", "services"),
        Kind::Deployment => ("apps", "v1", "Deployment", "deployments"),
        Kind::DaemonSet => ("apps", "v1", "DaemonSet", "daemonsets"),
        Kind::StatefulSet => ("apps", "v1", "StatefulSet", "statefulsets"),
        Kind::CronJob => ("batch", "v1", "CronJob", "cronjobs"),
        Kind::Job => ("batch", "v1", "Job", "jobs"),
        Kind::PersistentVolume => ("", "v1", "PersistentVolume", "persistentvolumes"),
        Kind::PersistentVolumeClaim => ("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
        Kind::StorageClass => ("storage.k8s.io", "v1", "StorageClass", "storageclasses"),
        Kind::VolumeSnapshot | Kind::VolumeSnapshotData => return Some(snapshots::resource(kind)),
        _ => return None,
    };
    Some(ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk(group, version, name),
        plural,
    ))
}

/// The text about the object of this kind at this place.
///
/// # Errors
/// When the kind cannot be described, or the API server refuses or does not have it (any more).
pub async fn describe(client: &Client, kind: Kind, place: &Place) -> Result<String, String> {
    let resource = resource(kind).ok_or_else(|| format!("A {} cannot be described", kind.name()))?;
    let api: Api<DynamicObject> = if place.namespace.is_empty() {
        Api::all_with(client.clone(), &resource)
    } else {
        Api::namespaced_with(client.clone(), &place.namespace, &resource)
    };
    let object = api
        .get(&place.name)
        .await
        .map_err(|error| format!("The API server did not give {}: {error}", place.name))?;
    let events = events_of(client, &object, place).await;
    Ok(text(&resource.kind, &object, events))
}

async fn events_of(client: &Client, object: &DynamicObject, place: &Place) -> Result<Vec<Event>, kube::Error> {
    let Some(uid) = &object.metadata.uid else { return Ok(Vec::new()) };
    let api: Api<Event> = if place.namespace.is_empty() {
        Api::all(client.clone())
    } else {
        Api::namespaced(client.clone(), &place.namespace)
    };
    let listed = api
        .list(&ListParams::default().fields(&format!("involvedObject.uid={uid}")).limit(MAX_EVENTS))
        .await?;
    let mut events = listed.items;
    events.sort_by(|a, b| a.last_timestamp.cmp(&b.last_timestamp));
    Ok(events)
}

fn text(kind: &str, object: &DynamicObject, events: Result<Vec<Event>, kube::Error>) -> String {
    let mut out = String::new();
    let meta = &object.metadata;
    line(&mut out, "Kind", kind);
    line(&mut out, "Name", meta.name.as_deref().unwrap_or_default());
    line(&mut out, "Namespace", meta.namespace.as_deref().unwrap_or("<none>"));
    if let Some(created) = &meta.creation_timestamp {
        line(&mut out, "Created", &created.0.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    }
    for (title, entries) in [("Labels", &meta.labels), ("Annotations", &meta.annotations)] {
        let mut title = title;
        for (key, value) in entries.iter().flatten() {
            line(&mut out, title, &format!("{key}={value}"));
            title = "";
        }
    }
    for owner in meta.owner_references.iter().flatten() {
        line(&mut out, "Controlled by", &format!("{}/{}", owner.kind, owner.name));
    }
    if let Some(fields) = object.data.as_object() {
        for (key, value) in fields
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), "apiVersion" | "kind" | "metadata"))
        {
            let _ = writeln!(out, "{}:", title_case(key));
            tree(&mut out, value, 1);
        }
    }
    match events {
        Ok(events) if events.is_empty() => out.push_str("Events:  <none>\n"),
        Ok(events) => {
            out.push_str("Events:\n");
            for event in events {
                let when = event
                    .last_timestamp
                    .map(|time| time.0.format("%Y-%m-%dT%H:%M:%SZ").to_string())
                    .unwrap_or_default();
                let _ = writeln!(
                    out,
                    "  {when:<20}  {:<8}  {:>4}x  {:<18}  {}",
                    event.type_.unwrap_or_default(),
                    event.count.unwrap_or(1),
                    event.reason.unwrap_or_default(),
                    event.message.unwrap_or_default().trim()
                );
            }
        }
        Err(error) => {
            let _ = writeln!(out, "Events:  not readable: {error}");
        }
    }
    out
}

fn line(out: &mut String, title: &str, value: &str) {
    let title = if title.is_empty() { String::new() } else { format!("{title}:") };
    let _ = writeln!(out, "{title:<16}{value}");
}

fn title_case(key: &str) -> String {
    let mut letters = key.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

/// Writes a value as an indented tree, one field a line.
fn tree(out: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    let entry = |out: &mut String, key: &str, value: &Value| match value {
        Value::Object(_) | Value::Array(_) if depth < MAX_DEPTH && !is_empty(value) => {
            let _ = writeln!(out, "{indent}{key}");
            tree(out, value, depth + 1);
        }
        Value::String(text) => {
            let _ = writeln!(out, "{indent}{key} {}", text.replace('\n', &format!("\n{indent}  ")));
        }
        other => {
            let _ = writeln!(out, "{indent}{key} {other}");
        }
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| entry(out, &format!("{key}:"), value)),
        Value::Array(items) => items.iter().for_each(|value| entry(out, "-", value)),
        other => entry(out, "", other),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}
