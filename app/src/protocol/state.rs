//! What a person looks at: everything that a link carries. The page owns it, the worker renders it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// How a view is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Mode {
    /// The map.
    #[default]
    Graph,
    /// One row a node.
    Table,
    /// Stacked boxes by CPU or memory.
    Resources,
}

/// One details card: a node of a view. The id may be a stable name (see [`ViewState::resolve`]).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CardRef {
    /// The view.
    pub topology: SmolStr,
    /// The node.
    pub id: SmolStr,
}

/// How the table is sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sort {
    /// Column id; `label` is the first column.
    pub column: SmolStr,
    /// Direction; `None` is the column's own first direction.
    pub descending: Option<bool>,
}

/// A terminal that a link opens again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipeRef {
    /// The pipe's id.
    pub id: String,
    /// The node it belongs to.
    pub node: String,
    /// The probe that holds its other end; needed to resize it.
    pub probe: String,
    /// The control that resizes it; empty when it has none.
    pub resize: String,
    /// Whether it carries a raw terminal (no line-end translation).
    pub raw: bool,
    /// Shown as the terminal's title.
    pub title: String,
    /// The control that opened it, e.g. `docker_get_logs`.
    pub control: String,
}

/// Chosen values by option group, by the *top-level* view they belong to.
pub type ChosenOptions = BTreeMap<SmolStr, BTreeMap<SmolStr, Vec<SmolStr>>>;

/// The whole view state. The default value is what an empty link means.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewState {
    /// The view; empty lets the worker choose.
    pub topology: SmolStr,
    /// How it is shown.
    pub mode: Mode,
    /// Options that differ from their defaults.
    pub options: ChosenOptions,
    /// The node in focus.
    pub selected: Option<SmolStr>,
    /// Open details cards, the last on top.
    pub cards: Vec<CardRef>,
    /// Label of the pinned metric.
    pub metric: Option<SmolStr>,
    /// The live search.
    pub query: String,
    /// Pinned searches.
    pub pins: Vec<String>,
    /// Whether the networks overlay is on.
    pub networks: bool,
    /// The pinned network.
    pub network: Option<SmolStr>,
    /// The table's order; `None` is the view's own.
    pub sort: Option<Sort>,
    /// When it was paused, RFC 3339; `None` is live.
    pub paused_at: Option<String>,
    /// An open terminal.
    pub pipe: Option<PipeRef>,
}

impl ViewState {
    /// A click on a node of the current view: the only card, or none if it was the only one already.
    pub fn click_node(&mut self, id: &str) {
        let topology = self.topology.clone();
        let was_alone = self.selected.as_deref() == Some(id) && self.cards.len() <= 1;
        self.cards.clear();
        self.selected = None;
        if !was_alone {
            self.focus(&topology, id);
        }
    }

    /// Makes a node of the current view the selected one, with its card alone.
    pub fn focus(&mut self, topology: &str, id: &str) {
        self.cards = vec![CardRef {
            topology: topology.into(),
            id: id.into(),
        }];
        self.selected = Some(id.into());
    }

    /// Follows a link to a relative: its card comes on top, the selection stays.
    pub fn push_card(&mut self, topology: &str, id: &str) {
        let card = CardRef {
            topology: topology.into(),
            id: id.into(),
        };
        self.cards.retain(|open| *open != card);
        self.cards.push(card);
    }

    /// Closes one card. With the last one, or the selected node's, the selection goes.
    pub fn close_card(&mut self, card: &CardRef) {
        self.cards.retain(|open| open != card);
        if self.cards.is_empty() || self.selected.as_ref() == Some(&card.id) {
            self.selected = None;
        }
    }

    /// Closes all cards.
    pub fn close_all(&mut self) {
        self.cards.clear();
        self.selected = None;
    }

    /// Shows a card's node in its own view.
    pub fn show_in_view(&mut self, card: &CardRef) {
        if self.topology != card.topology {
            self.topology = card.topology.clone();
            self.sort = None;
        }
        if self.mode == Mode::Resources {
            self.mode = Mode::Graph;
        }
        self.focus(&card.topology, &card.id);
    }

    /// Goes to another view; the current one only closes its cards.
    pub fn switch_topology(&mut self, id: &str) {
        self.close_all();
        if self.topology != id {
            self.topology = id.into();
            self.sort = None;
        }
    }

    /// Replaces an id by another everywhere: a stable name by the node it means now.
    pub fn resolve(&mut self, from: &str, to: &str) {
        if self.selected.as_deref() == Some(from) {
            self.selected = Some(to.into());
        }
        for card in self.cards.iter_mut().filter(|card| card.id == from) {
            card.id = to.into();
        }
    }

    /// Chooses a value of an option group of a top-level view. `union` groups toggle; the empty value clears them.
    pub fn choose(&mut self, parent: &str, group: &str, value: &str, union: bool, default: &str) {
        let groups = self.options.entry(parent.into()).or_default();
        let chosen = groups.entry(group.into()).or_insert_with(|| vec![default.into()]);
        if union && !value.is_empty() {
            chosen.retain(|one| !one.is_empty());
            match chosen.iter().position(|one| one == value) {
                Some(at) => drop(chosen.remove(at)),
                None => chosen.push(value.into()),
            }
        } else {
            *chosen = vec![value.into()];
        }
        if chosen.is_empty() || (chosen.len() == 1 && chosen.first().is_some_and(|one| one == default)) {
            groups.remove(group);
        }
        if groups.is_empty() {
            self.options.remove(parent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ViewState;

    #[test]
    fn clicking_the_only_selected_node_again_releases_it() {
        let mut state = ViewState {
            topology: "containers".into(),
            ..ViewState::default()
        };
        state.click_node("a");
        assert_eq!(state.selected.as_deref(), Some("a"));
        state.click_node("a");
        assert_eq!((state.selected.as_deref(), state.cards.len()), (None, 0));
    }

    #[test]
    fn clicking_the_selected_node_under_other_cards_keeps_it_alone() {
        let mut state = ViewState {
            topology: "containers".into(),
            ..ViewState::default()
        };
        state.click_node("a");
        state.push_card("hosts", "h");
        state.click_node("a");
        assert_eq!((state.selected.as_deref(), state.cards.len()), (Some("a"), 1));
    }

    #[test]
    fn a_default_choice_leaves_no_trace_and_union_groups_toggle() {
        let mut state = ViewState::default();
        state.choose("containers", "system", "all", false, "application");
        assert_eq!(state.options["containers"]["system"], ["all"]);
        state.choose("containers", "system", "application", false, "application");
        assert!(state.options.is_empty());
        state.choose("pods", "namespace", "a", true, "");
        state.choose("pods", "namespace", "b", true, "");
        assert_eq!(state.options["pods"]["namespace"], ["a", "b"]);
        state.choose("pods", "namespace", "a", true, "");
        state.choose("pods", "namespace", "b", true, "");
        assert!(state.options.is_empty());
    }
}
