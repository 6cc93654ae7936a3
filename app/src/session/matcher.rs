//! Searches over whole views, remembered by node: when a report changes ten nodes of ten thousand, ten are searched again.

use std::sync::{Arc, Weak};

use smol_str::SmolStr;

use crate::model::NodeSummary;
use crate::search::{Asked, Found, Query, find, holds, parse};
use crate::view::View;

/// What is known of a node. Where it matches is found out when somebody wants to see it.
#[derive(Clone, Debug)]
enum Hit {
    No,
    Yes(Option<Arc<Found>>),
}

/// A view as it was searched, with what came of each of its nodes. The view itself is not kept: one that nobody else holds is mended in place.
#[derive(Debug)]
struct Searched {
    topology: SmolStr,
    view: Weak<View>,
    nodes: Vec<Arc<NodeSummary>>,
    hits: Vec<Hit>,
}

/// One query and what it found so far.
#[derive(Debug, Default)]
pub struct Matcher {
    text: String,
    query: Option<Query>,
    asked: Asked,
    /// One a view's id.
    searched: Vec<Searched>,
}

impl Matcher {
    /// A query; see [`Matcher::set`].
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut matcher = Self::default();
        matcher.set(text);
        matcher
    }

    /// Sets the query; another one forgets what the last one found. True when it is another one.
    pub fn set(&mut self, text: &str) -> bool {
        if self.text == text {
            return false;
        }
        self.text = text.to_owned();
        self.query = parse(text);
        self.asked = Asked::default();
        self.searched.clear();
        true
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

    /// Whether a node matches, without remembering it.
    #[must_use]
    pub fn holds(&mut self, node: &NodeSummary) -> bool {
        self.query.as_ref().is_some_and(|query| holds(query, node, &mut self.asked))
    }

    /// Whether each node of a view matches, by place; nothing of them without a query.
    pub fn marks(&mut self, view: &Arc<View>) -> Option<Vec<bool>> {
        let searched = self.look(view)?;
        Some(searched.hits.iter().map(|hit| matches!(hit, Hit::Yes(_))).collect())
    }

    /// How many nodes of a view match; `None` without a query.
    pub fn count(&mut self, view: &Arc<View>) -> Option<u32> {
        let searched = self.look(view)?;
        let count = searched.hits.iter().filter(|hit| matches!(hit, Hit::Yes(_))).count();
        Some(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Where the node at a place of a view matches; `None` when it does not or there is no query.
    pub fn found(&mut self, view: &Arc<View>, at: usize) -> Option<Arc<Found>> {
        self.look(view)?;
        let query = self.query.as_ref()?;
        let searched = self.searched.iter_mut().find(|searched| searched.topology == view.topology)?;
        match searched.hits.get_mut(at)? {
            Hit::No => None,
            Hit::Yes(Some(found)) => Some(found.clone()),
            Hit::Yes(known) => {
                *known = find(query, view.nodes.get(at)?).map(Arc::new);
                known.clone()
            }
        }
    }

    /// Searches a view, but for the nodes that were searched already.
    fn look(&mut self, view: &Arc<View>) -> Option<&Searched> {
        let query = self.query.as_ref()?;
        let at = match self.searched.iter().position(|known| known.topology == view.topology) {
            Some(at) => at,
            None => {
                self.searched.push(Searched {
                    topology: view.topology.clone(),
                    view: Weak::new(),
                    nodes: Vec::new(),
                    hits: Vec::new(),
                });
                self.searched.len() - 1
            }
        };
        let searched = self.searched.get_mut(at)?;
        if searched.view.as_ptr() != Arc::as_ptr(view) {
            let mut known = Known {
                nodes: &searched.nodes,
                hits: &searched.hits,
            };
            let hits = view.nodes.iter().map(|node| match known.hit(node) {
                Some(hit) => hit.clone(),
                None if holds(query, node, &mut self.asked) => Hit::Yes(None),
                None => Hit::No,
            });
            searched.hits = hits.collect();
            searched.nodes.clone_from(&view.nodes);
            searched.view = Arc::downgrade(view);
        }
        Some(searched)
    }
}

/// Goes along the nodes that were searched beside those of a newer view; both are in the order of ids.
struct Known<'a> {
    nodes: &'a [Arc<NodeSummary>],
    hits: &'a [Hit],
}

impl<'a> Known<'a> {
    /// What came of a node, if it is the same as then.
    fn hit(&mut self, node: &Arc<NodeSummary>) -> Option<&'a Hit> {
        while let ([known, nodes @ ..], [hit, hits @ ..]) = (self.nodes, self.hits) {
            let is_same = Arc::ptr_eq(known, node);
            if !is_same && known.id > node.id {
                return None;
            }
            (self.nodes, self.hits) = (nodes, hits);
            if is_same {
                return Some(hit);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Matcher;
    use crate::model::NodeSummary;
    use crate::view::View;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    fn view(nodes: &BTreeMap<u8, Arc<NodeSummary>>) -> Arc<View> {
        Arc::new(View {
            topology: "containers".into(),
            nodes: nodes.values().cloned().collect(),
            ..View::default()
        })
    }

    proptest! {
        #[test]
        fn what_is_remembered_is_what_a_fresh_search_finds(steps in proptest::collection::vec((any::<bool>(), 0u8..12, "[ab]{0,2}"), 1..40)) {
            let (mut matcher, mut nodes) = (Matcher::new("a"), BTreeMap::new());
            for (there, id, label) in steps {
                if there {
                    nodes.insert(id, Arc::new(NodeSummary { id: format!("{id:03}").into(), label: label.into(), ..NodeSummary::default() }));
                } else {
                    nodes.remove(&id);
                }
                let view = view(&nodes);
                let expected: Vec<bool> = nodes.values().map(|node| node.label.contains('a')).collect();
                prop_assert_eq!(matcher.count(&view), Some(expected.iter().filter(|hit| **hit).count() as u32));
                for (at, hit) in expected.iter().enumerate() {
                    prop_assert_eq!(matcher.found(&view, at).is_some(), *hit);
                }
                prop_assert_eq!(matcher.marks(&view), Some(expected));
            }
        }
    }

    #[test]
    fn an_incomplete_query_finds_and_hides_nothing() {
        let mut matcher = Matcher::new("cpu >");
        assert!(!matcher.is_active());
        assert_eq!((matcher.marks(&Arc::default()), matcher.count(&Arc::default())), (None, None));
        assert!(!matcher.set("cpu >") && matcher.set("cpu > 1"));
    }
}
