//! What the nodes of a view can be asked for by name: their fields and metrics, gathered in one pass.

use scope_shared::sort::SmallSort as _;
use smol_str::SmolStr;

use super::grammar::strip;
use crate::model::NodeSummary;

/// A field, a metric or a parent's view: its id and its label, as nodes have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name {
    /// Id; of a parent its view.
    pub id: SmolStr,
    /// Shown to people.
    pub label: SmolStr,
    /// How its values are read, e.g. `number`; empty for text.
    pub data_type: SmolStr,
}

/// Names of all nodes together, each once, in no order that means anything.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Rows of metadata.
    pub metadata: Vec<Name>,
    /// Views of parents.
    pub parents: Vec<SmolStr>,
    /// Metrics that have a value somewhere.
    pub metrics: Vec<Name>,
    /// Labels of property lists and of tables' columns.
    listed: foldhash::HashSet<SmolStr>,
}

impl Names {
    /// Adds what a node has. Nodes of a view are mostly alike, so what is at a place is most likely what the one before had there.
    pub fn add(&mut self, node: &NodeSummary) {
        for (at, row) in node.metadata.iter().map(|row| &*row.template).enumerate() {
            if !is_known(&self.metadata, at, |known| known.id == row.id && known.label == row.label) {
                self.metadata.push(Name {
                    id: row.id.clone(),
                    label: row.label.clone(),
                    data_type: row.data_type.clone(),
                });
            }
        }
        for (at, parent) in node.parents.iter().enumerate() {
            if !is_known(&self.parents, at, |known| *known == parent.topology_id) {
                self.parents.push(parent.topology_id.clone());
            }
        }
        for (at, metric) in node.metrics.iter().enumerate().filter(|(_, metric)| !metric.value_empty) {
            let metric = &*metric.template;
            if !is_known(&self.metrics, at, |known| known.id == metric.id && known.label == metric.label) {
                self.metrics.push(Name {
                    id: metric.id.clone(),
                    label: metric.label.clone(),
                    data_type: SmolStr::default(),
                });
            }
        }
        for table in &node.tables {
            if table.kind == "property-list" {
                table
                    .rows
                    .iter()
                    .filter_map(|row| row.entries.get("label"))
                    .for_each(|label| self.list(label));
            } else {
                table.columns.iter().flatten().for_each(|column| self.list(&column.label));
            }
        }
    }

    fn list(&mut self, label: &SmolStr) {
        if !self.listed.contains(label) {
            self.listed.insert(label.clone());
        }
    }

    /// The labels of all fields as they are, some twice.
    pub fn labels(&self) -> impl Iterator<Item = &SmolStr> {
        let metadata = self.metadata.iter().map(|name| &name.label);
        metadata.chain(&self.parents).chain(&self.listed)
    }

    /// The fields' names as a query has them, ascending.
    #[must_use]
    pub fn fields(&self) -> Vec<SmolStr> {
        let all = self.labels().map(|label| strip(label).into());
        ascending(all.chain(["label".into(), "labelminor".into()]).collect())
    }

    /// The metrics' names as a query has them, ascending.
    #[must_use]
    pub fn compared(&self) -> Vec<SmolStr> {
        ascending(self.metrics.iter().map(|metric| strip(&metric.label).into()).collect())
    }
}

impl<'a> FromIterator<&'a NodeSummary> for Names {
    fn from_iter<I: IntoIterator<Item = &'a NodeSummary>>(nodes: I) -> Self {
        let mut names = Self::default();
        nodes.into_iter().for_each(|node| names.add(node));
        names
    }
}

/// Whether one of these is what `is` asks for, looked for at the place `at` first.
fn is_known<T>(known: &[T], at: usize, is: impl Fn(&T) -> bool) -> bool {
    let (before, after) = known.split_at(at.min(known.len()));
    after.iter().chain(before).any(is)
}

fn ascending(mut names: Vec<SmolStr>) -> Vec<SmolStr> {
    names.order();
    names.dedup();
    names
}
