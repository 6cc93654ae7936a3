//! The names that parents go by: a summary depends on other nodes in nothing else, so as long as none of these changes, a node that did not
//! change looks as it did.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::BuildHasher as _;
use std::sync::Arc;

use foldhash::fast::FixedState;
use scope_shared::report::{Kind, Node, SmolStr};

use super::PARENTS;
use super::basic::label;
use crate::model::{NodeSummary, Parent};
use crate::view::state::State;

/// Names of the nodes that can be parents.
#[derive(Debug, Default)]
pub(crate) struct Labels {
    /// By kind, as [`PARENTS`] lists them, and id.
    known: [HashMap<SmolStr, SmolStr, FixedState>; PARENTS.len()],
    /// Whether the names are known.
    found: bool,
    version: u64,
    /// Who got another name at which version, oldest first; nothing is missing since `complete`.
    renamed: VecDeque<(u64, SmolStr)>,
    complete: u64,
}

/// How many changes of names are remembered; who is further behind looks at every name.
const MAX_RENAMED: usize = 4096;

/// Who got another name since some version.
#[derive(Debug)]
pub(crate) enum Renamed {
    /// Perhaps everybody.
    All,
    /// These ids, and their marks: of each if they are few, of all together if they are many.
    Some(HashSet<SmolStr, FixedState>, Vec<Marks>),
}

/// How many ids are told apart by their marks.
const FEW_RENAMED: usize = 16;

/// Four of 64 bits for each of some ids: whoever lacks one of an id's bits does not have the id, and needs not be looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(u64);

impl Marks {
    /// Of the parents of a row.
    pub(crate) fn of(parents: &[Parent]) -> Self {
        parents.iter().fold(Self::default(), |marks, parent| marks.with(&parent.id))
    }

    fn with(self, id: &str) -> Self {
        let hash = FixedState::default().hash_one(id);
        let bits = [0, 6, 12, 18].map(|from| 1 << (hash >> from & 63));
        Self(bits.into_iter().fold(self.0, |marks, bit| marks | bit))
    }
}

impl Renamed {
    /// Whether there is no one.
    pub(crate) fn is_nobody(&self) -> bool {
        matches!(self, Self::Some(ids, _) if ids.is_empty())
    }

    /// Whether the names of a row's parents, which have these marks, may differ from what they were.
    pub(crate) fn concerns(&self, marks: Marks, row: &NodeSummary) -> bool {
        match self {
            Self::All => true,
            Self::Some(ids, all) => {
                let has = |one: &Marks| match ids.len() {
                    0..=FEW_RENAMED => marks.0 & one.0 == one.0,
                    _ => marks.0 & one.0 != 0,
                };
                all.iter().any(has) && row.parents.iter().any(|parent| ids.contains(&parent.id))
            }
        }
    }
}

impl Labels {
    /// Goes up with every change.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// For a state of which nothing is known yet: [`Labels::find`] finds the names.
    pub(crate) fn forget(&mut self) {
        self.version += 1;
        self.renamed.clear();
        self.complete = self.version;
        self.found = false;
        self.known.iter_mut().for_each(HashMap::clear);
    }

    /// Finds the names in a state, unless they are kept already: whoever only counts nodes has no use for them.
    pub(crate) fn find(&mut self, state: State<'_>) {
        if std::mem::replace(&mut self.found, true) {
            return;
        }
        for (kind, known) in PARENTS.into_iter().zip(&mut self.known) {
            known.reserve(state.topology(kind).nodes.len());
            state.for_each(kind, true, |id, node| {
                known.insert(id.clone(), label(node, state));
            });
        }
    }

    /// The name of a node of the kind that [`PARENTS`] has at `place`, or what its id says of one that no report describes.
    pub(super) fn of(&self, state: State<'_>, place: usize, id: &SmolStr) -> SmolStr {
        let known = self.known[place].get(id).cloned();
        known.unwrap_or_else(|| label(&Node::new(id.clone(), PARENTS[place].name()), state))
    }

    /// Takes in what may have changed.
    pub(crate) fn update(&mut self, state: State<'_>, nodes: &[(Kind, &SmolStr, Option<&Arc<Node>>)]) {
        if !self.found {
            return;
        }
        self.version += 1;
        let described = |kind: Kind, id: &SmolStr| label(&Node::new(id.clone(), kind.name()), state);
        for &(kind, id, node) in nodes {
            let Some((_, known)) = PARENTS.iter().zip(&mut self.known).find(|(parent, _)| **parent == kind) else {
                continue;
            };
            let now = node.map_or_else(|| described(kind, id), |node| label(node, state));
            let before = known.get(id).cloned();
            if before.unwrap_or_else(|| described(kind, id)) != now {
                self.renamed.push_back((self.version, id.clone()));
            }
            if node.is_some() {
                known.insert(id.clone(), now);
            } else {
                // Gone: it goes by what its id says from now on.
                known.remove(id);
            }
        }
        while self.renamed.len() > MAX_RENAMED {
            self.complete = self.renamed.pop_front().map_or(self.version, |(version, _)| version);
        }
    }

    /// Who got another name since `version`.
    pub(crate) fn since(&self, version: u64) -> Renamed {
        if version < self.complete {
            return Renamed::All;
        }
        let later = self.renamed.iter().rev().take_while(|(at, _)| *at > version);
        let ids: HashSet<SmolStr, FixedState> = later.map(|(_, id)| id.clone()).collect();
        let marks = match ids.len() {
            0..=FEW_RENAMED => ids.iter().map(|id| Marks::default().with(id)).collect(),
            _ => vec![ids.iter().fold(Marks::default(), |marks, id| marks.with(id))],
        };
        Renamed::Some(ids, marks)
    }
}
