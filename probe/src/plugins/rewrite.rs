//! What is checked and changed in a plugin's report before it becomes part of ours. Pure.

use std::sync::Arc;

use scope_shared::report::{PluginSpec, Report, SmolStr, Topology};
use smol_str::format_smolstr;

use super::client::PluginError;

/// The version of the protocol that is spoken.
const API_VERSION: &str = "1";
/// What separates a plugin's id from its control's.
pub const SEPARATOR: char = '~';

/// Takes the plugin's description out of its report and checks it.
///
/// # Errors
/// With the original's words for what is wrong.
pub fn take_spec(report: &mut Report, id: &str) -> Result<PluginSpec, PluginError> {
    let specs = report.plugins.take().unwrap_or_default();
    let found = specs.len();
    let mut specs = specs.into_values();
    let (Some(spec), None) = (specs.next(), specs.next()) else {
        return Err(PluginError(format!("report must contain exactly one plugin (found {found})")));
    };
    if spec.id != id {
        return Err(PluginError(format!(
            "plugin must not change its id (is {:?}, should be {id:?})",
            spec.id
        )));
    }
    Ok(spec)
}

/// Checks what a plugin says of itself.
///
/// # Errors
/// With the original's words for what is wrong.
pub fn check_spec(spec: &PluginSpec) -> Result<(), PluginError> {
    if spec.api_version != API_VERSION {
        return Err(PluginError(format!(
            "incorrect API version: expected {API_VERSION:?}, got {:?}",
            spec.api_version
        )));
    }
    if spec.label.is_empty() {
        return Err(PluginError("spec must contain a label".to_owned()));
    }
    if !implements(spec, "reporter") {
        return Err(PluginError("spec must implement the \"reporter\" interface".to_owned()));
    }
    Ok(())
}

/// Whether a plugin has an interface.
#[must_use]
pub fn implements(spec: &PluginSpec, interface: &str) -> bool {
    spec.interfaces.iter().flatten().any(|own| own == interface)
}

/// Puts the plugin's id before its controls' ids, gives every node its id, and returns the controls' new ids.
pub fn own_controls(report: &mut Report, plugin: &str) -> Vec<SmolStr> {
    let mut ids = Vec::new();
    for topology in report.topologies.iter_mut().chain(report.others.values_mut()) {
        own_topology(topology, plugin, &mut ids);
    }
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn own_topology(topology: &mut Topology, plugin: &str, ids: &mut Vec<SmolStr>) {
    let own = |id: &str| format_smolstr!("{plugin}{SEPARATOR}{id}");
    let before = std::mem::take(&mut topology.controls);
    for (key, node) in &mut topology.nodes {
        let node = Arc::make_mut(node);
        node.id = key.clone();
        if let Some(active) = node.latest.get_mut("active_controls") {
            let rewritten: Vec<SmolStr> = active
                .value
                .split(';')
                .filter(|id| !id.is_empty())
                .map(|id| if before.contains_key(id) { own(id) } else { SmolStr::new(id) })
                .collect();
            active.value = rewritten.join(";").into();
        }
    }
    for (id, mut control) in before {
        control.id = own(&id);
        ids.push(control.id.clone());
        topology.controls.insert(control.id.clone(), control);
    }
}

#[cfg(test)]
mod tests {
    use scope_shared::frame::Encoding;
    use scope_shared::report::Kind;
    use scope_shared::wire;

    use super::*;

    fn report(json: &str) -> Report {
        wire::decode_report(json.as_bytes(), Encoding::Json, false).unwrap()
    }

    #[test]
    fn controls_get_the_plugins_name_and_foreign_ones_stay() {
        let mut report = report(
            r#"{"Host":{"controls":{"on":{"id":"on","human":"On","icon":"fa-x","rank":1}},"nodes":{"h;<host>":
                {"latest":{"active_controls":{"timestamp":"2026-01-01T00:00:00Z","value":"on;host_exec"}}},"i;<host>":{}}}}"#,
        );
        assert_eq!(own_controls(&mut report, "iowait"), ["iowait~on"]);
        let topology = report.topology(Kind::Host);
        assert_eq!(topology.controls["iowait~on"].id, "iowait~on");
        let node = &topology.nodes["h;<host>"];
        assert_eq!(
            (node.id.as_str(), node.latest("active_controls")),
            ("h;<host>", Some("iowait~on;host_exec"))
        );
        assert_eq!(
            topology.nodes["i;<host>"].latest("active_controls"),
            None,
            "a node without controls does not lose the probe's"
        );
    }

    #[test]
    fn wrong_descriptions_are_refused_in_the_originals_words() {
        let one = |spec: &str| {
            let mut report = report(&format!(r#"{{"Plugins":[{spec}]}}"#));
            take_spec(&mut report, "a")
                .and_then(|spec| check_spec(&spec))
                .map_err(|error| error.0)
        };
        assert_eq!(one(""), Err("report must contain exactly one plugin (found 0)".into()));
        assert_eq!(
            one(r#"{"id":"a","label":"A"},{"id":"b","label":"B"}"#),
            Err("report must contain exactly one plugin (found 2)".into())
        );
        assert_eq!(
            one(r#"{"id":"b"}"#),
            Err(r#"plugin must not change its id (is "b", should be "a")"#.into())
        );
        assert_eq!(
            one(r#"{"id":"a","api_version":"2"}"#),
            Err(r#"incorrect API version: expected "1", got "2""#.into())
        );
        assert_eq!(one(r#"{"id":"a","api_version":"1"}"#), Err("spec must contain a label".into()));
        assert_eq!(
            one(r#"{"id":"a","api_version":"1","label":"A","interfaces":["controller"]}"#),
            Err("spec must implement the \"reporter\" interface".into())
        );
        assert_eq!(one(r#"{"id":"a","api_version":"1","label":"A","interfaces":["reporter"]}"#), Ok(()));
    }
}
