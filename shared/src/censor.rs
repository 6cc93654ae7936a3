//! Leaving command-line arguments and environment variables out of what is shown: both hold secrets more often than they should.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::report::{Node, Report, keys};

/// What to leave out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Censor {
    /// Command lines end at their first blank.
    pub arguments: bool,
    /// Environment variables are dropped.
    pub environment: bool,
}

impl Censor {
    /// Whether nothing is left out.
    #[must_use]
    pub const fn is_none(self) -> bool {
        !self.arguments && !self.environment
    }

    /// A node without what is to be left out; `None` if it has nothing of the kind. Its children are not looked at.
    #[must_use]
    pub fn censored(self, node: &Node) -> Option<Node> {
        let cut = |node: &Node, key: &str| {
            node.latest(key)
                .and_then(|line| line.split_once(' '))
                .map(|(program, _)| SmolStr::new(program))
        };
        let mut censored = None;
        if self.environment && node.latest.with_prefix(keys::DOCKER_ENV_PREFIX).next().is_some() {
            let node = censored.get_or_insert_with(|| node.clone());
            node.latest.retain(|key, _| !key.starts_with(keys::DOCKER_ENV_PREFIX));
        }
        if self.arguments {
            for key in [keys::CMDLINE, keys::DOCKER_CONTAINER_COMMAND] {
                let Some(program) = cut(node, key) else { continue };
                if let Some(entry) = censored.get_or_insert_with(|| node.clone()).latest.get_mut(key) {
                    entry.value = program;
                }
            }
        }
        censored
    }

    /// Censors every node of a report.
    pub fn apply(self, report: &mut Report) {
        if self.is_none() {
            return;
        }
        for topology in report.topologies.iter_mut().chain(report.others.values_mut()) {
            for node in topology.nodes.values_mut() {
                if let Some(censored) = self.censored(node) {
                    *node = Arc::new(censored);
                }
            }
        }
    }
}
