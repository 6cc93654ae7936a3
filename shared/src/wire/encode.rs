//! Reports to bytes: the original's fields in the original's order, maps sorted, what is unknown to this build last.

use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::json_writer::JsonWriter;
use super::msgpack_writer::MsgpackWriter;
use super::writer::Writer;
use crate::report::{
    Column, Control, DnsRecord, Extra, Latest, MetadataTemplate, Metric, MetricTemplate, Node, PluginSpec, Report, Sample, StringSet,
    TableTemplate, Topology, VecMap,
};

/// Writes a report as msgpack (old raw dialect), not compressed.
#[must_use]
pub fn encode_msgpack(report: &Report) -> Vec<u8> {
    let mut writer = MsgpackWriter::default();
    write_report(&mut writer, report);
    writer.out
}

/// Writes a report as msgpack, gzip'd at `level` (0 to 9), without ever having the whole of it in memory uncompressed.
#[must_use]
pub fn encode_msgpack_gzip(report: &Report, level: u32) -> Vec<u8> {
    let mut writer = MsgpackWriter::compressing(level);
    write_report(&mut writer, report);
    writer.compressed()
}

/// Writes a report as compact JSON, not compressed.
#[must_use]
pub fn encode_json(report: &Report) -> Vec<u8> {
    let mut writer = JsonWriter::default();
    write_report(&mut writer, report);
    writer.out
}

/// A map that leaves fields out: counts the fields that will be written, then writes them.
macro_rules! structure {
    ($writer:expr, $extra:expr, { $($key:literal if $present:expr => $write:expr;)* }) => {{
        let extra: Option<&Extra> = $extra;
        let fields = [$($present),*].iter().filter(|present| **present).count();
        $writer.map(fields + extra.map_or(0, |extra| extra.iter().count()));
        $(if $present {
            $writer.key($key);
            $write;
        })*
        if let Some(extra) = extra {
            for (key, value) in extra.iter() {
                $writer.key(key);
                $writer.value(value);
            }
        }
        $writer.end_map();
    }};
}

fn write_report<W: Writer>(w: &mut W, report: &Report) {
    let has_dns = !report.dns.is_empty();
    let has_removed = !report.removed.is_empty();
    let fields =
        6 + report.topologies.len() + usize::from(has_dns) + usize::from(has_removed) + report.others.len() + report.extra.iter().count();
    w.map(fields);
    w.key("TS");
    w.time(report.ts);
    for (key, topology) in report.iter().take(report.topologies.len()) {
        w.key(key);
        write_topology(w, topology);
    }
    if has_dns {
        w.key("DNS");
        write_tree(w, &report.dns, write_dns);
    }
    w.key("Sampling");
    structure!(w, None, {
        "Count" if true => w.uint(report.sampling.count);
        "Total" if true => w.uint(report.sampling.total);
    });
    w.key("Window");
    w.int(report.window);
    w.key("Shortcut");
    w.boolean(report.shortcut);
    w.key("Plugins");
    write_optional(w, report.plugins.as_ref().map(BTreeMap::values), write_plugin);
    w.key("ID");
    w.string(&report.id);
    if has_removed {
        w.key("Removed");
        write_tree(w, &report.removed, |w, ids| write_strings(w, ids));
    }
    for (key, topology) in &report.others {
        w.key(key);
        write_topology(w, topology);
    }
    for (key, value) in report.extra.iter() {
        w.key(key);
        w.value(value);
    }
    w.end_map();
}

fn write_topology<W: Writer>(w: &mut W, topology: &Topology) {
    structure!(w, Some(&topology.extra), {
        "shape" if !topology.shape.is_empty() => w.string(&topology.shape);
        "tag" if !topology.tag.is_empty() => w.string(&topology.tag);
        "label" if !topology.label.is_empty() => w.string(&topology.label);
        "label_plural" if !topology.label_plural.is_empty() => w.string(&topology.label_plural);
        "nodes" if !topology.nodes.is_empty() => write_tree(w, &topology.nodes, |w, node| write_node(w, node));
        "controls" if !topology.controls.is_empty() => write_tree(w, &topology.controls, write_control);
        "metadata_templates" if !topology.metadata_templates.is_empty() => write_tree(w, &topology.metadata_templates, write_metadata_template);
        "metric_templates" if !topology.metric_templates.is_empty() => write_tree(w, &topology.metric_templates, write_metric_template);
        "table_templates" if !topology.table_templates.is_empty() => write_tree(w, &topology.table_templates, write_table_template);
    });
}

fn write_node<W: Writer>(w: &mut W, node: &Node) {
    structure!(w, Some(&node.extra), {
        "id" if !node.id.is_empty() => w.string(&node.id);
        "topology" if !node.topology.is_empty() => w.string(&node.topology);
        "sets" if true => write_sets(w, &node.sets);
        "adjacency" if !node.adjacency.is_empty() => write_strings(w, node.adjacency.as_slice());
        "latest" if !node.latest.is_empty() => write_map(w, &node.latest, write_latest);
        "metrics" if !node.metrics.is_empty() => write_map(w, &node.metrics, write_metric);
        "parents" if true => write_sets(w, &node.parents);
        "children" if true => write_optional(w, some_if_any(&node.children), write_node);
        "dropped_latest" if !node.dropped_latest.is_empty() => write_strings(w, &node.dropped_latest);
    });
}

fn write_latest<W: Writer>(w: &mut W, latest: &Latest) {
    structure!(w, None, {
        "timestamp" if true => w.time(latest.timestamp);
        "value" if true => w.string(&latest.value);
    });
}

fn write_metric<W: Writer>(w: &mut W, metric: &Metric) {
    structure!(w, None, {
        "samples" if !metric.samples.is_empty() => write_optional(w, Some(metric.samples.iter()), write_sample);
        "min" if true => w.float(metric.min);
        "max" if true => w.float(metric.max);
    });
}

fn write_sample<W: Writer>(w: &mut W, sample: &Sample) {
    structure!(w, None, {
        "date" if true => w.time(sample.date);
        "value" if true => w.float(sample.value);
    });
}

fn write_dns<W: Writer>(w: &mut W, record: &DnsRecord) {
    structure!(w, None, {
        "forward" if !record.forward.is_empty() => write_strings(w, record.forward.as_slice());
        "reverse" if !record.reverse.is_empty() => write_strings(w, record.reverse.as_slice());
    });
}

fn write_control<W: Writer>(w: &mut W, control: &Control) {
    structure!(w, None, {
        "id" if true => w.string(&control.id);
        "human" if true => w.string(&control.human);
        "icon" if true => w.string(&control.icon);
        "confirmation" if !control.confirmation.is_empty() => w.string(&control.confirmation);
        "rank" if true => w.int(control.rank);
        "probeId" if !control.probe_id.is_empty() => w.string(&control.probe_id);
    });
}

fn write_metadata_template<W: Writer>(w: &mut W, template: &MetadataTemplate) {
    structure!(w, None, {
        "id" if true => w.string(&template.id);
        "label" if !template.label.is_empty() => w.string(&template.label);
        "truncate" if template.truncate != 0 => w.int(template.truncate);
        "dataType" if !template.data_type.is_empty() => w.string(&template.data_type);
        "priority" if template.priority != 0.0 => w.float(template.priority);
        "from" if !template.from.is_empty() => w.string(&template.from);
    });
}

fn write_metric_template<W: Writer>(w: &mut W, template: &MetricTemplate) {
    structure!(w, None, {
        "id" if true => w.string(&template.id);
        "label" if !template.label.is_empty() => w.string(&template.label);
        "format" if !template.format.is_empty() => w.string(&template.format);
        "group" if !template.group.is_empty() => w.string(&template.group);
        "priority" if template.priority != 0.0 => w.float(template.priority);
    });
}

fn write_table_template<W: Writer>(w: &mut W, template: &TableTemplate) {
    structure!(w, None, {
        "id" if true => w.string(&template.id);
        "label" if true => w.string(&template.label);
        "prefix" if true => w.string(&template.prefix);
        "type" if true => w.string(&template.kind);
        "columns" if true => write_optional(w, template.columns.as_ref().map(|columns| columns.iter()), write_column);
        "fixedRows" if true => match &template.fixed_rows {
            Some(rows) => write_tree(w, rows, |w, label| w.string(label)),
            None => w.null(),
        };
    });
}

fn write_column<W: Writer>(w: &mut W, column: &Column) {
    structure!(w, None, {
        "id" if true => w.string(&column.id);
        "label" if true => w.string(&column.label);
        "dataType" if true => w.string(&column.data_type);
    });
}

fn write_plugin<W: Writer>(w: &mut W, plugin: &PluginSpec) {
    structure!(w, None, {
        "id" if true => w.string(&plugin.id);
        "label" if true => w.string(&plugin.label);
        "description" if !plugin.description.is_empty() => w.string(&plugin.description);
        "interfaces" if true => write_optional(w, plugin.interfaces.as_ref().map(|interfaces| interfaces.iter()), |w, interface| w.string(interface));
        "api_version" if !plugin.api_version.is_empty() => w.string(&plugin.api_version);
        "status" if !plugin.status.is_empty() => w.string(&plugin.status);
    });
}

fn write_tree<W: Writer, V>(w: &mut W, map: &BTreeMap<SmolStr, V>, mut write: impl FnMut(&mut W, &V)) {
    w.map(map.len());
    for (key, value) in map {
        w.key(key);
        write(w, value);
    }
    w.end_map();
}

fn write_map<W: Writer, V>(w: &mut W, map: &VecMap<V>, mut write: impl FnMut(&mut W, &V)) {
    w.map(map.len());
    for (key, value) in map {
        w.key(key);
        write(w, value);
    }
    w.end_map();
}

/// Sets and parents: `null` when there are none, and `null` for a key without members.
fn write_sets<W: Writer>(w: &mut W, sets: &VecMap<StringSet>) {
    if sets.is_empty() {
        w.null();
        return;
    }
    write_map(w, sets, |w, set| {
        if set.is_empty() {
            w.null()
        } else {
            write_strings(w, set.as_slice())
        }
    });
}

fn write_strings<W: Writer>(w: &mut W, strings: &[SmolStr]) {
    w.array(strings.len());
    for text in strings {
        w.item();
        w.string(text);
    }
    w.end_array();
}

fn some_if_any<T>(items: &[T]) -> Option<std::slice::Iter<'_, T>> {
    if items.is_empty() { None } else { Some(items.iter()) }
}

/// An array, or `null`.
fn write_optional<'v, W: Writer, V: 'v>(w: &mut W, items: Option<impl ExactSizeIterator<Item = &'v V>>, mut write: impl FnMut(&mut W, &V)) {
    let Some(items) = items else {
        w.null();
        return;
    };
    w.array(items.len());
    for item in items {
        w.item();
        write(w, item);
    }
    w.end_array();
}
