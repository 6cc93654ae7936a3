//! The command palette's nodes: every node of every view by name, the best first.

use scope_shared::sort::SmallSort as _;
use std::sync::Arc;

use smol_str::SmolStr;

use super::colours;
use crate::protocol::Jump;
use crate::view::View;

const MAX_JUMPS: usize = 12;

/// Nodes whose name contains all words typed, names that begin with them first, each name once a view.
#[must_use]
pub fn jumps(typed: &str, views: &[(SmolStr, Arc<View>)]) -> Vec<Jump> {
    let typed = typed.trim().to_lowercase();
    if typed.is_empty() {
        return Vec::new();
    }
    let words: Vec<&str> = typed.split_whitespace().collect();
    let mut ranked: Vec<(usize, usize, Jump)> = Vec::new();
    for (order, (name, view)) in views.iter().enumerate() {
        for node in &view.nodes {
            let label = node.label.to_lowercase();
            let minor = node.label_minor.to_lowercase();
            if !words.iter().all(|word| label.contains(word) || minor.contains(word)) {
                continue;
            }
            let score = if label == typed {
                0
            } else if label.starts_with(&typed) {
                1
            } else if words.iter().all(|word| label.contains(word)) {
                2
            } else {
                3
            };
            ranked.push((
                score,
                order,
                Jump {
                    topology: view.topology.clone(),
                    view: name.clone(),
                    id: node.id.clone(),
                    label: node.label.clone(),
                    minor: node.label_minor.clone(),
                    colour: colours::node(&node.rank, &node.label, node.pseudo),
                },
            ));
        }
    }
    ranked.order_by(|a, b| (a.0, a.1, &a.2.label, &a.2.id).cmp(&(b.0, b.1, &b.2.label, &b.2.id)));
    ranked.into_iter().take(MAX_JUMPS).map(|(_, _, jump)| jump).collect()
}

#[cfg(test)]
mod tests {
    use super::jumps;
    use crate::model::NodeSummary;
    use crate::view::View;
    use std::sync::Arc;

    #[test]
    fn exact_names_come_before_beginnings_before_middles() {
        let node = |label: &str| {
            Arc::new(NodeSummary {
                id: label.into(),
                label: label.into(),
                label_minor: "host-a".into(),
                ..NodeSummary::default()
            })
        };
        let view = Arc::new(View {
            topology: "containers".into(),
            nodes: vec![node("my-web"), node("web"), node("web-1"), node("db")],
            ..View::default()
        });
        let views = [("Containers".into(), view)];
        let labels = |typed: &str| {
            jumps(typed, &views)
                .into_iter()
                .map(|jump| jump.label.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(labels("web"), ["web", "web-1", "my-web"]);
        assert_eq!(labels("host db"), ["db"]);
        assert!(labels(" ").is_empty());
    }
}
