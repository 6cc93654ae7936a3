//! Names for links that outlive a node's id: `@project/service/number` of a composed container, `@namespace/name` of a pod, `@host/name` of any
//! other container, `@name` of a host. Other nodes have ids that last, or nothing that does.

use smol_str::{SmolStr, format_smolstr};

use crate::model::NodeSummary;

/// What such a name begins with; no node id does.
pub const MARK: char = '@';

/// The lasting name of a node of a view, if it has one.
#[must_use]
pub fn name(topology: &str, node: &NodeSummary) -> Option<SmolStr> {
    if node.pseudo {
        return None;
    }
    match topology {
        "containers" => composed(node).or_else(|| {
            let host = node.parents.iter().find(|parent| parent.topology_id == "hosts")?;
            Some(format_smolstr!("@{}/{}", host.label, node.label))
        }),
        "pods" => {
            let namespace = node.metadata.iter().find(|row| row.template.id == "kubernetes_namespace")?;
            Some(format_smolstr!("@{}/{}", namespace.value, node.label))
        }
        "hosts" => Some(format_smolstr!("@{}", node.label)),
        _ => None,
    }
}

fn composed(node: &NodeSummary) -> Option<SmolStr> {
    let (project, service) = (
        label(node, "com.docker.compose.project")?,
        label(node, "com.docker.compose.service")?,
    );
    let number = label(node, "com.docker.compose.container-number").unwrap_or_else(|| "1".into());
    Some(format_smolstr!("@{project}/{service}/{number}"))
}

fn label(node: &NodeSummary, name: &str) -> Option<SmolStr> {
    node.tables
        .iter()
        .flat_map(|table| &table.rows)
        .find(|row| row.entries.get("label").is_some_and(|label| label == name))
        .and_then(|row| row.entries.get("value"))
        .filter(|value| !value.is_empty())
        .cloned()
}

#[cfg(test)]
mod tests {
    use super::name;
    use crate::model::{NodeSummary, Parent, Table, TableRow};

    #[test]
    fn composed_containers_are_named_by_service_and_others_by_host() {
        let mut node = NodeSummary {
            label: "web".into(),
            parents: vec![Parent {
                id: "h;<host>".into(),
                label: "host-a".into(),
                topology_id: "hosts".into(),
            }],
            ..NodeSummary::default()
        };
        assert_eq!(name("containers", &node).as_deref(), Some("@host-a/web"));
        let row = |label: &str, value: &str| TableRow {
            id: label.into(),
            entries: [("label".into(), label.into()), ("value".into(), value.into())].into(),
        };
        node.tables.push(Table {
            rows: vec![row("com.docker.compose.project", "shop"), row("com.docker.compose.service", "web")],
            ..Table::default()
        });
        assert_eq!(name("containers", &node).as_deref(), Some("@shop/web/1"));
        assert_eq!(name("processes", &node), None);
        node.pseudo = true;
        assert_eq!(name("containers", &node), None);
    }
}
