//! Searches over whole views, remembered by node: when a report changes ten nodes of ten thousand, ten are searched again.

use std::collections::HashMap;
use std::sync::Arc;

use smol_str::SmolStr;

use crate::model::NodeSummary;
use crate::search::{Found, Query, find, parse};
use crate::view::View;

/// Each node as it was when it was searched, and what was found in it; by id.
type Searched = HashMap<SmolStr, (Arc<NodeSummary>, Option<Arc<Found>>)>;

/// One query and what it found so far.
#[derive(Debug, Default)]
pub struct Matcher {
    text: String,
    query: Option<Query>,
    found: HashMap<SmolStr, Searched>,
}

impl Matcher {
    /// Sets the query; another one forgets what the last one found.
    pub fn set(&mut self, text: &str) {
        if self.text != text {
            self.text = text.to_owned();
            self.query = parse(text);
            self.found.clear();
        }
    }

    /// Whether there is a complete query.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.query.is_some()
    }

    /// The query as typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What was found in a node; `None` when it does not match or there is no query.
    pub fn node(&mut self, topology: &str, node: &Arc<NodeSummary>) -> Option<Arc<Found>> {
        let query = self.query.as_ref()?;
        let known = match self.found.get_mut(topology) {
            Some(known) => known,
            None => self.found.entry(topology.into()).or_default(),
        };
        if let Some((searched, found)) = known.get(&node.id)
            && Arc::ptr_eq(searched, node)
        {
            return found.clone();
        }
        let found = find(query, node).map(Arc::new);
        known.insert(node.id.clone(), (node.clone(), found.clone()));
        found
    }

    /// How many nodes of a view match; `None` without a query.
    pub fn count(&mut self, view: &View) -> Option<u32> {
        self.query.as_ref()?;
        self.shrink(view);
        let count = view.nodes.iter().filter(|node| self.node(&view.topology, node).is_some()).count();
        Some(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Forgets nodes that left a view, once they are the larger part.
    fn shrink(&mut self, view: &View) {
        if let Some(known) = self.found.get_mut(&view.topology)
            && known.len() > 2 * view.nodes.len() + 64
        {
            known.retain(|id, _| view.get(id).is_some());
        }
    }
}
