//! What could be typed next, from what the view's nodes really have.

use scope_shared::sort::SmallSort as _;
use smol_str::{SmolStr, format_smolstr};

use super::grammar::{Text, strip};
use super::names::Names;
use crate::letters::lower;
use crate::model::NodeSummary;
use crate::protocol::Suggestion;

const MAX_SUGGESTIONS: usize = 8;

/// Three examples made of a real node: its first word, one of its fields, and a metric comparison.
#[must_use]
pub fn examples(node: Option<&NodeSummary>) -> Vec<Suggestion> {
    let mut examples = Vec::new();
    if let Some(node) = node {
        let word = first_word(&node.label);
        if !word.is_empty() {
            examples.push(suggestion(word, "name"));
        }
        if let Some(row) = node.metadata.iter().find(|row| !first_word(&row.value).is_empty()) {
            examples.push(suggestion(
                format_smolstr!("{}:{}", strip(&row.template.label), first_word(&row.value)),
                "field",
            ));
        }
    }
    let metric = node.and_then(|node| node.metrics.iter().find(|metric| !metric.value_empty));
    let name = metric.map_or_else(|| "cpu".into(), |metric| strip(&metric.template.label));
    let value = if metric.is_some_and(|metric| metric.template.format == "filesize") {
        "10mb"
    } else {
        "2%"
    };
    examples.push(suggestion(format_smolstr!("{name} > {value}"), "metric"));
    examples
}

fn first_word(text: &str) -> SmolStr {
    let word = text
        .split(['.', ' ', '/', ',', ':', '@'])
        .find(|word| !word.is_empty())
        .unwrap_or_default();
    lower(&word.chars().take(12).collect::<String>()).into()
}

/// Completions of a query that is being typed: names of fields and metrics that begin so, values of a field after its colon, names of nodes.
#[must_use]
pub fn suggest<'a>(typed: &str, names: &Names, nodes: impl Iterator<Item = &'a NodeSummary>) -> Vec<Suggestion> {
    let typed = typed.trim_start();
    if let Some((prefix, value)) = typed.split_once(':') {
        return values(prefix.trim(), value.trim(), names, nodes);
    }
    let stem = strip(typed);
    if stem.is_empty() || typed.contains(['<', '>', '=', '|', '(']) {
        return Vec::new();
    }
    let mut suggestions: Vec<Suggestion> = names
        .compared()
        .iter()
        .filter(|name| name.starts_with(stem.as_str()))
        .map(|name| suggestion(format_smolstr!("{name} > "), "metric"))
        .chain(
            names
                .fields()
                .iter()
                .filter(|name| name.starts_with(stem.as_str()))
                .take(4)
                .map(|name| suggestion(format_smolstr!("{name}:"), "field")),
        )
        .collect();
    let begins = Text::plain(typed);
    let mut labels: Vec<&SmolStr> = nodes
        .map(|node| &node.label)
        .filter(|label| begins.is_at_the_start_of(label))
        .take(200)
        .collect();
    labels.order();
    labels.dedup();
    suggestions.extend(
        labels
            .into_iter()
            .filter(|name| !name.contains([':', '<', '>', '=']))
            .map(|name| suggestion(name.clone(), "name")),
    );
    suggestions.truncate(MAX_SUGGESTIONS);
    suggestions
}

fn values<'a>(prefix: &str, value: &str, names: &Names, nodes: impl Iterator<Item = &'a NodeSummary>) -> Vec<Suggestion> {
    let stem = strip(prefix);
    // Labels are taken apart once, not once a node.
    let wanted: foldhash::HashSet<&SmolStr> = names.labels().filter(|label| strip(label) == stem).collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let value = Text::plain(value);
    let mut counted: foldhash::HashMap<&str, u32> = foldhash::HashMap::default();
    for node in nodes {
        let metadata = node
            .metadata
            .iter()
            .filter(|row| wanted.contains(&row.template.label))
            .map(|row| &row.value);
        let parents = node.parents.iter().filter(|parent| wanted.contains(&parent.topology_id));
        let rows = node.tables.iter().flat_map(|table| &table.rows);
        let listed = rows.filter(|row| row.entries.get("label").is_some_and(|label| wanted.contains(label)));
        let texts = metadata
            .chain(parents.map(|parent| &parent.label))
            .chain(listed.filter_map(|row| row.entries.get("value")));
        for text in texts.filter(|text| !text.is_empty() && !text.contains(':') && (value.is_empty() || value.is_in(text))) {
            *counted.entry(text).or_default() += 1;
        }
    }
    let mut ranked: Vec<(&str, u32)> = counted.into_iter().collect();
    ranked.order_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    ranked
        .into_iter()
        .take(MAX_SUGGESTIONS)
        .map(|(text, count)| Suggestion {
            query: format_smolstr!("{prefix}:{text}"),
            kind: "value".into(),
            count: Some(count),
        })
        .collect()
}

fn suggestion(query: SmolStr, kind: &str) -> Suggestion {
    Suggestion {
        query,
        kind: kind.into(),
        count: None,
    }
}
