//! The names that parents go by: a summary depends on other nodes in nothing else, so as long as none of these changes, a node that did not
//! change looks as it did.

use std::collections::{HashMap, HashSet, VecDeque};

use foldhash::fast::FixedState;
use scope_shared::report::{Kind, Node, SmolStr};

use super::{PARENTS, basic};
use crate::model::Parent;
use crate::view::state::State;

/// Names of the nodes that can be parents.
#[derive(Debug, Default)]
pub(crate) struct Labels {
    known: HashMap<(Kind, SmolStr), SmolStr, FixedState>,
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
    /// These ids.
    Some(HashSet<SmolStr, FixedState>),
}

impl Renamed {
    /// Whether the names of these parents may differ from what they were.
    pub(crate) fn concerns(&self, parents: &[Parent]) -> bool {
        match self {
            Self::All => true,
            Self::Some(ids) => !ids.is_empty() && parents.iter().any(|parent| ids.contains(&parent.id)),
        }
    }
}

impl Labels {
    /// Goes up with every change.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Takes in a state of which nothing is known.
    pub(crate) fn all(&mut self, state: State<'_>) {
        self.version += 1;
        self.renamed.clear();
        self.complete = self.version;
        self.known.clear();
        for kind in PARENTS {
            for (id, _) in state.nodes(kind) {
                self.known.insert((kind, id.clone()), label(state, kind, id));
            }
        }
    }

    /// Takes in what may have changed.
    pub(crate) fn update(&mut self, state: State<'_>, nodes: &[(Kind, &SmolStr)]) {
        self.version += 1;
        for &(kind, id) in nodes.iter().filter(|(kind, _)| PARENTS.contains(kind)) {
            let now = label(state, kind, id);
            let before = self.known.insert((kind, id.clone()), now.clone());
            if before.unwrap_or_else(|| of(&Node::new(id.clone(), kind.name()), state)) != now {
                self.renamed.push_back((self.version, id.clone()));
            }
            if state.node(kind, id).is_none() {
                // Gone: it goes by what its id says from now on.
                self.known.remove(&(kind, id.clone()));
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
        Renamed::Some(later.map(|(_, id)| id.clone()).collect())
    }
}

/// The name of a node, or what its id says of one that no report describes.
pub(super) fn label(state: State<'_>, kind: Kind, id: &SmolStr) -> SmolStr {
    match state.node(kind, id) {
        Some(node) => of(node, state),
        None => of(&Node::new(id.clone(), kind.name()), state),
    }
}

fn of(node: &Node, state: State<'_>) -> SmolStr {
    basic(node, state).unwrap_or_default().label
}
