//! Differences between reports, so that a probe need not say the same thing every second.
//!
//! A delta of ours ([`diff`]) is relative to the newest *full* report, never to the delta before: full plus newest delta is the state, a lost
//! delta heals with the next, a late viewer needs two reports. It is itself a valid sparse report, so that anyone who only knows how to merge
//! still learns what changed. The original's kind of difference, which only ever adds, is [`sparse()`].
//!
//! What a delta says, beyond holding only what changed:
//!
//! - `Removed` lists what the base has and the new report has not, by section: a topology's wire key for its nodes, `<key>.controls`,
//!   `<key>.metadata_templates`, `<key>.metric_templates`, `<key>.table_templates`, `<key>.extra`, and `DNS`, `Plugins`, `Topologies`, `extra`.
//! - What is in `Removed` *and* in the delta is replaced whole.
//! - Of a node whose base is there: `sets`, `adjacency`, `parents` and `children` replace the base's if they hold anything; `latest` and
//!   `metrics` replace key by key, and `dropped_latest` lists the keys of `latest` that are gone.
//! - A `latest` entry whose value did not change is not sent, and keeps the timestamp it has in the base: it says when the value was learnt.

mod section;
mod sparse;

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::{SmolStr, format_smolstr};

use crate::report::{Extra, Kind, Latest, Node, Nodes, Report, Topology, VecMap};
use section::{Removed, apply_map, diff_map, remove_all};
pub use sparse::sparse;

const TOPOLOGIES: &str = "Topologies";
const DNS: &str = "DNS";
const PLUGINS: &str = "Plugins";
const EXTRA: &str = "extra";

/// What has changed from the full report `base` to `now`. [`apply`] undoes it.
#[must_use]
pub fn diff(base: &Report, now: &Report) -> Report {
    let mut removed = Removed::new();
    let mut delta = Report {
        ts: now.ts,
        sampling: now.sampling,
        window: now.window,
        shortcut: now.shortcut,
        id: now.id.clone(),
        dns: diff_map(&base.dns, &now.dns, || DNS.into(), &mut removed),
        extra: diff_extra(&base.extra, &now.extra, || EXTRA.into(), &mut removed),
        ..Report::default()
    };
    for kind in Kind::ALL {
        *delta.topology_mut(kind) = diff_topology(base.topology(kind), now.topology(kind), kind.wire_key(), &mut removed);
    }
    // Topologies of unknown kinds are few: one that changed is replaced whole.
    delta.others = diff_map(&base.others, &now.others, || TOPOLOGIES.into(), &mut removed);
    for changed in delta.others.keys().filter(|key| base.others.contains_key(*key)) {
        removed.entry(TOPOLOGIES.into()).or_default().push(changed.clone());
    }
    let none = BTreeMap::new();
    delta.plugins = now
        .plugins
        .as_ref()
        .map(|plugins| diff_map(base.plugins.as_ref().unwrap_or(&none), plugins, || PLUGINS.into(), &mut removed));
    delta.removed = removed;
    delta
}

/// The report that `delta` was made from, given the full report it was made against.
#[must_use]
pub fn apply(base: &Report, delta: &Report) -> Report {
    let removed = &delta.removed;
    let mut report = Report {
        ts: delta.ts,
        topologies: base.topologies.clone(),
        others: base.others.clone(),
        dns: base.dns.clone(),
        sampling: delta.sampling,
        window: delta.window,
        shortcut: delta.shortcut,
        plugins: delta.plugins.as_ref().map(|_| base.plugins.clone().unwrap_or_default()),
        id: delta.id.clone(),
        removed: BTreeMap::new(),
        extra: apply_extra(&base.extra, &delta.extra, removed, EXTRA),
    };
    for kind in Kind::ALL {
        apply_topology(report.topology_mut(kind), delta.topology(kind), kind.wire_key(), removed);
    }
    apply_map(&mut report.others, &delta.others, removed, TOPOLOGIES);
    apply_map(&mut report.dns, &delta.dns, removed, DNS);
    if let (Some(plugins), Some(changed)) = (&mut report.plugins, &delta.plugins) {
        apply_map(plugins, changed, removed, PLUGINS);
    }
    report
}

fn diff_topology(base: &Topology, now: &Topology, key: &str, removed: &mut Removed) -> Topology {
    let section = |name: &'static str| move || format_smolstr!("{key}.{name}");
    Topology {
        // Always said: what is left out reads as the default, not as the base's.
        shape: now.shape.clone(),
        tag: now.tag.clone(),
        label: now.label.clone(),
        label_plural: now.label_plural.clone(),
        nodes: diff_nodes(&base.nodes, &now.nodes, key, removed),
        controls: diff_map(&base.controls, &now.controls, section("controls"), removed),
        metadata_templates: diff_map(
            &base.metadata_templates,
            &now.metadata_templates,
            section("metadata_templates"),
            removed,
        ),
        metric_templates: diff_map(&base.metric_templates, &now.metric_templates, section("metric_templates"), removed),
        table_templates: diff_map(&base.table_templates, &now.table_templates, section("table_templates"), removed),
        extra: diff_extra(&base.extra, &now.extra, section("extra"), removed),
    }
}

fn apply_topology(topology: &mut Topology, delta: &Topology, key: &str, removed: &Removed) {
    topology.shape.clone_from(&delta.shape);
    topology.tag.clone_from(&delta.tag);
    topology.label.clone_from(&delta.label);
    topology.label_plural.clone_from(&delta.label_plural);
    remove_all(&mut topology.nodes, removed, key);
    for (id, changed) in &delta.nodes {
        match topology.nodes.get_mut(id) {
            Some(node) => *node = Arc::new(apply_node(node, changed)),
            None => {
                topology.nodes.insert(id.clone(), Arc::clone(changed));
            }
        }
    }
    let section = |name: &str| format_smolstr!("{key}.{name}");
    apply_map(&mut topology.controls, &delta.controls, removed, &section("controls"));
    apply_map(
        &mut topology.metadata_templates,
        &delta.metadata_templates,
        removed,
        &section("metadata_templates"),
    );
    apply_map(
        &mut topology.metric_templates,
        &delta.metric_templates,
        removed,
        &section("metric_templates"),
    );
    apply_map(
        &mut topology.table_templates,
        &delta.table_templates,
        removed,
        &section("table_templates"),
    );
    topology.extra = apply_extra(&topology.extra, &delta.extra, removed, &section("extra"));
}

fn diff_nodes(base: &Nodes, now: &Nodes, key: &str, removed: &mut Removed) -> Nodes {
    let mut changed = Vec::new();
    let mut gone: Vec<SmolStr> = Vec::new();
    // Both are sorted: side by side, instead of a look-up for each.
    let mut before = base.iter().peekable();
    for (id, node) in now {
        while let Some((old, _)) = before.next_if(|(old, _)| *old < id) {
            gone.push(old.clone());
        }
        match before.next_if(|(old, _)| *old == id) {
            None => changed.push((id.clone(), Arc::clone(node))),
            Some((_, before)) if Arc::ptr_eq(before, node) => {}
            Some((_, before)) => match diff_node(before, node) {
                Change::None => {}
                Change::Parts(parts) => changed.push((id.clone(), Arc::from(parts))),
                Change::Whole => {
                    gone.push(id.clone());
                    changed.push((id.clone(), Arc::clone(node)));
                }
            },
        }
    }
    gone.extend(before.map(|(id, _)| id.clone()));
    if !gone.is_empty() {
        removed.insert(key.into(), gone);
    }
    changed.into_iter().collect()
}

/// How a node differs from its base.
enum Change {
    None,
    /// These parts are other or new.
    Parts(Box<Node>),
    /// In a way that parts cannot say: something is gone.
    Whole,
}

fn diff_node(base: &Node, now: &Node) -> Change {
    let emptied = (now.sets.is_empty() && !base.sets.is_empty())
        || (now.adjacency.is_empty() && !base.adjacency.is_empty())
        || (now.parents.is_empty() && !base.parents.is_empty())
        || (now.children.is_empty() && !base.children.is_empty())
        || base.metrics.iter().any(|(key, _)| !now.metrics.contains_key(key));
    if emptied || base.id != now.id || base.topology != now.topology || base.extra != now.extra {
        return Change::Whole;
    }
    let mut parts = Box::<Node>::default();
    if base.sets != now.sets {
        parts.sets = now.sets.clone();
    }
    if base.adjacency != now.adjacency {
        parts.adjacency = now.adjacency.clone();
    }
    if base.parents != now.parents {
        parts.parents = now.parents.clone();
    }
    if base.children != now.children {
        parts.children = now.children.clone();
    }
    parts.latest = now
        .latest
        .iter()
        .filter(|(key, entry)| is_news(&base.latest, key, entry))
        .cloned()
        .collect();
    parts.metrics = now
        .metrics
        .iter()
        .filter(|(key, metric)| base.metrics.get(key) != Some(metric))
        .cloned()
        .collect();
    parts.dropped_latest = base
        .latest
        .iter()
        .map(|(key, _)| key)
        .filter(|key| !now.latest.contains_key(key))
        .cloned()
        .collect();
    if *parts == Node::default() {
        Change::None
    } else {
        Change::Parts(parts)
    }
}

/// Whether the base does not have this value under this key, whenever it was learnt.
fn is_news(base: &VecMap<Latest>, key: &str, entry: &Latest) -> bool {
    base.get(key).is_none_or(|before| before.value != entry.value)
}

fn apply_node(base: &Node, changed: &Node) -> Node {
    let mut latest = base.latest.joined(&changed.latest, |_, new| new.clone());
    if !changed.dropped_latest.is_empty() {
        latest.retain(|key, _| !changed.dropped_latest.contains(key));
    }
    let or = |ours: &SmolStr, theirs: &SmolStr| if ours.is_empty() { theirs.clone() } else { ours.clone() };
    Node {
        id: or(&changed.id, &base.id),
        topology: or(&changed.topology, &base.topology),
        sets: if changed.sets.is_empty() {
            base.sets.clone()
        } else {
            changed.sets.clone()
        },
        adjacency: if changed.adjacency.is_empty() {
            base.adjacency.clone()
        } else {
            changed.adjacency.clone()
        },
        latest,
        metrics: base.metrics.joined(&changed.metrics, |_, new| new.clone()),
        parents: if changed.parents.is_empty() {
            base.parents.clone()
        } else {
            changed.parents.clone()
        },
        children: if changed.children.is_empty() {
            base.children.clone()
        } else {
            changed.children.clone()
        },
        dropped_latest: Vec::new(),
        extra: if changed.extra.is_empty() {
            base.extra.clone()
        } else {
            changed.extra.clone()
        },
    }
}

/// Unknown fields are replaced together, because their order is kept.
fn diff_extra(base: &Extra, now: &Extra, section: impl FnOnce() -> SmolStr, removed: &mut Removed) -> Extra {
    if base == now {
        return Extra::default();
    }
    if !base.is_empty() {
        removed.insert(section(), base.iter().map(|(key, _)| key.clone()).collect());
    }
    now.clone()
}

fn apply_extra(base: &Extra, changed: &Extra, removed: &Removed, section: &str) -> Extra {
    if removed.contains_key(section) || !changed.is_empty() {
        changed.clone()
    } else {
        base.clone()
    }
}
