//! Links from metrics to graphs kept elsewhere (a Prometheus front end), where whoever started the viewer gave their address.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use scope_shared::report::{Kind, MetricTemplate, Node};
use smol_str::SmolStr;

use crate::model::{MetricRow, NodeSummary};
use crate::view::state::State;

const CPU: &str = "docker_cpu_total_usage";
const MEMORY: &str = "docker_memory_usage";
/// What form encoding leaves as it is.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Where the graphs are: an address, in which `:query` is replaced, or after which a query is put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricLinks {
    template: String,
}

impl MetricLinks {
    /// Links made from this address.
    #[must_use]
    pub fn new(template: impl Into<String>) -> Self {
        Self { template: template.into() }
    }

    /// Puts links into a summary's metric rows, and rows without value for the linked metrics that it lacks.
    pub(crate) fn apply(&self, summary: &mut NodeSummary, node: &Node, state: State<'_>) {
        let Some(kind) = Kind::from_name(&node.topology) else { return };
        for at in 0..summary.metrics.len() {
            let id = summary.metrics[at].template.id.clone();
            if let Some(query) = query(kind, &id, summary, node, state) {
                summary.metrics[at].url = self.url(&query);
            }
        }
        let mut priority = summary.metrics.iter().map(|row| row.template.priority).fold(0.0, f64::max);
        for (id, label) in [(CPU, "CPU"), (MEMORY, "Memory")] {
            if summary.metrics.iter().any(|row| row.template.id == id) {
                continue;
            }
            if let Some(query) = query(kind, id, summary, node, state) {
                priority += 1.0;
                let template = MetricTemplate {
                    id: SmolStr::new_static(id),
                    label: SmolStr::new_static(label),
                    priority,
                    ..MetricTemplate::default()
                };
                summary.metrics.push(MetricRow {
                    template: Arc::new(template),
                    value_empty: true,
                    url: self.url(&query),
                    ..MetricRow::default()
                });
            }
        }
    }

    fn url(&self, query: &str) -> SmolStr {
        if self.template.contains(":query") {
            return SmolStr::from(self.template.replace(":query", &form(query)));
        }
        let slash = if self.template.ends_with('/') { "" } else { "/" };
        let quoted = go_json(query);
        SmolStr::from(format!(
            "{}{slash}{}",
            self.template,
            form(&format!(r#"{{"cells":[{{"queries":[{quoted}]}}]}}"#))
        ))
    }
}

/// Form encoding of text whose blanks are already `%20`, which it encodes again: so the original's links are.
fn form(text: &str) -> String {
    utf8_percent_encode(&text.replace(' ', "%20"), FORM).to_string()
}

/// A JSON string as the original writes it: `<`, `>` and `&` escaped, too.
fn go_json(text: &str) -> String {
    let plain = serde_json::to_string(text).unwrap_or_default();
    plain
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

/// The query for a metric of a node, or `None` if its kind has none.
fn query(kind: Kind, metric: &str, summary: &NodeSummary, node: &Node, state: State<'_>) -> Option<String> {
    let memory = match metric {
        MEMORY => true,
        CPU => false,
        _ => return None,
    };
    let label = summary.label.as_str();
    let namespace = node.latest("kubernetes_namespace").unwrap_or("");
    let selector = match kind {
        Kind::Container => format!(r#"name="{}""#, node.latest("docker_container_name").unwrap_or("")),
        Kind::ContainerImage => format!(r#"image="{label}""#),
        Kind::Pod => format!(r#"pod_name="{label}",namespace="{namespace}""#),
        Kind::DaemonSet => format!(r#"pod_name=~"^{label}-[^-]+$",namespace="{namespace}""#),
        Kind::Deployment | Kind::StatefulSet | Kind::CronJob => format!(r#"pod_name=~"^{label}-[^-]+-[^-]+$",namespace="{namespace}""#),
        Kind::Service => return Some(service_query(memory, &service_label(node, label, state), namespace)),
        _ => return None,
    };
    Some(if memory {
        format!("sum(container_memory_usage_bytes{{{selector}}})")
    } else {
        format!("sum(rate(container_cpu_usage_seconds_total{{{selector}}}[1m]))/count(container_cpu_usage_seconds_total{{{selector}}})*100")
    })
}

fn service_query(memory: bool, label: &str, namespace: &str) -> String {
    let metric = if memory {
        "container_memory_usage_bytes"
    } else {
        "container_cpu_usage_seconds_total"
    };
    let selector = format!(r#"image!="",namespace="{namespace}",_weave_pod_name="{label}",job="cadvisor",container_name!="POD""#);
    format!("sum(rate({metric}{{{selector}}}[5m]))")
}

/// A service's metrics go under the name of its pods' only deployment, where there is one.
fn service_label(node: &Node, label: &str, state: State<'_>) -> String {
    let pod = state.nodes(Kind::Pod).map(|(_, pod)| pod).find(|pod| {
        pod.parents.get("service").is_some_and(|services| services.contains(&node.id)) && pod.parents.contains_key("deployment")
    });
    let deployments = pod.and_then(|pod| pod.parents.get("deployment"));
    let name = match deployments.map(|set| set.as_slice()) {
        Some([only]) => state
            .node(Kind::Deployment, only)
            .and_then(|deployment| deployment.latest("kubernetes_name")),
        _ => None,
    };
    name.filter(|name| !name.is_empty()).unwrap_or(label).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use scope_shared::report::{Latest, Report};

    #[test]
    fn a_pod_without_metrics_gets_linked_rows_without_values() {
        let mut node = Node::new("p1;<pod>", "pod");
        node.latest.insert(
            "kubernetes_namespace",
            Latest {
                value: "ns1".into(),
                ..Latest::default()
            },
        );
        let mut summary = NodeSummary {
            label: "p1".into(),
            ..NodeSummary::default()
        };
        MetricLinks::new("/prom/nb").apply(&mut summary, &node, State(&Report::default()));
        let ids: Vec<_> = summary
            .metrics
            .iter()
            .map(|row| (row.template.id.as_str(), row.template.priority, row.value_empty))
            .collect();
        assert_eq!(ids, [(CPU, 1.0, true), (MEMORY, 2.0, true)]);
        assert_eq!(
            summary.metrics[1].url,
            "/prom/nb/%7B%22cells%22%3A%5B%7B%22queries%22%3A%5B%22sum%28container_memory_usage_bytes%7Bpod_name%3D%5C%22p1%5C%22%2Cnamespace%3D%5C%22ns1%5C%22%7D%29%22%5D%7D%5D%7D"
        );
    }
}
