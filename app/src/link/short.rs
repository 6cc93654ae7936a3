//! Our links: `#/containers/table?system=all&node=@shop/web/1&q=cpu%20%3E%202%25`.
//!
//! Path: the view, then `table` or `resources`. Parameters: option groups of the current view by their own names; those of other views as
//! `view.group`; the rest is listed in [`RESERVED`]. Values are percent-encoded once; commas join lists, a comma inside of a value is encoded.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use smol_str::SmolStr;

use super::Link;
use crate::protocol::{CardRef, Mode, PipeRef, Sort, ViewState};

/// Parameters that are not option groups. `nets` shows the overlay, `net` also pins a network.
const RESERVED: [&str; 10] = ["node", "card", "q", "pin", "metric", "nets", "net", "sort", "paused", "term"];

/// Left as they are: what neither browsers nor chat clients change, and what keeps names readable.
const KEEP: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'/')
    .remove(b'@')
    .remove(b':')
    .remove(b';')
    .remove(b'~');

/// The fragment of a state, with its `#`. The default state is `#/`.
#[must_use]
pub fn write(state: &ViewState) -> String {
    let mut link = format!("#/{}", encode(&state.topology));
    match state.mode {
        Mode::Graph => {}
        Mode::Table => link.push_str("/table"),
        Mode::Resources => link.push_str("/resources"),
    }
    let mut separator = '?';
    for (key, value) in parameters(state) {
        link.push(separator);
        link.push_str(&key);
        if !value.is_empty() {
            link.push('=');
            link.push_str(&value);
        }
        separator = '&';
    }
    link
}

/// The fragment of a window that shows one terminal.
#[must_use]
pub fn terminal(pipe: &PipeRef) -> String {
    format!("#/terminal?term={}", pipe_value(pipe))
}

fn parameters(state: &ViewState) -> Vec<(String, String)> {
    let mut parameters = Vec::new();
    let mut add = |key: &str, value: String| parameters.push((key.to_owned(), value));
    for (parent, groups) in &state.options {
        for (group, values) in groups {
            // Only under the view's own name is an option certain to be read back under the right view.
            let bare = *parent == state.topology && !RESERVED.contains(&group.as_str());
            let key = if bare {
                encode(group)
            } else {
                format!("{}.{}", encode(parent), encode(group))
            };
            add(&key, values.iter().map(|value| encode(value)).collect::<Vec<_>>().join(","));
        }
    }
    if let Some(node) = &state.selected {
        add("node", encode(node));
    }
    let usual = state
        .selected
        .as_ref()
        .is_some_and(|node| matches!(state.cards.as_slice(), [card] if card.id == *node && card.topology == state.topology));
    if !usual {
        for card in &state.cards {
            add("card", format!("{},{}", encode(&card.topology), encode(&card.id)));
        }
        if state.cards.is_empty() && state.selected.is_some() {
            add("card", String::new());
        }
    }
    if !state.query.is_empty() {
        add("q", encode(&state.query));
    }
    for pin in &state.pins {
        add("pin", encode(pin));
    }
    if let Some(metric) = &state.metric {
        add("metric", encode(metric));
    }
    match &state.network {
        Some(network) if state.networks => add("net", encode(network)),
        _ if state.networks => add("nets", String::new()),
        _ => {}
    }
    if let Some(sort) = &state.sort {
        let sign = match sort.descending {
            Some(true) => "-",
            Some(false) => "~",
            None => "",
        };
        add("sort", format!("{sign}{}", encode(&sort.column)));
    }
    if let Some(at) = &state.paused_at {
        add("paused", encode(at));
    }
    if let Some(pipe) = &state.pipe {
        add("term", pipe_value(pipe));
    }
    parameters
}

fn pipe_value(pipe: &PipeRef) -> String {
    let raw = if pipe.raw { "raw" } else { "" };
    [&pipe.id, &pipe.node, &pipe.probe, &pipe.resize, raw, &pipe.title, &pipe.control]
        .map(encode)
        .join(",")
}

pub(super) fn read(fragment: &str) -> Link {
    let Some(rest) = fragment.strip_prefix('/') else {
        return if fragment.is_empty() { Link::Empty } else { Link::Unreadable };
    };
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    if path.is_empty() && query.is_empty() {
        return Link::Empty;
    }
    let mut segments = path.split('/');
    let mut state = ViewState {
        topology: decode(segments.next().unwrap_or_default()),
        ..ViewState::default()
    };
    state.mode = match segments.next() {
        Some("table") => Mode::Table,
        Some("resources") => Mode::Resources,
        _ => Mode::Graph,
    };
    let mut cards_given = false;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        cards_given |= key == "card";
        parameter(&mut state, key, value);
    }
    if let (Some(node), false) = (state.selected.clone(), cards_given) {
        state.cards.push(CardRef {
            topology: state.topology.clone(),
            id: node,
        });
    }
    match state.pipe.take() {
        Some(pipe) if state.topology == "terminal" => Link::Terminal(pipe),
        pipe => {
            state.pipe = pipe;
            Link::State(Box::new(state))
        }
    }
}

fn parameter(state: &mut ViewState, key: &str, value: &str) {
    let text = decode(value);
    match key {
        "node" => state.selected = Some(text).filter(|node| !node.is_empty()),
        "card" => {
            if let Some((topology, id)) = value.split_once(',') {
                state.cards.push(CardRef {
                    topology: decode(topology),
                    id: decode(id),
                });
            }
        }
        "q" => state.query = text.into(),
        "pin" => state.pins.push(text.into()),
        "metric" => state.metric = Some(text),
        "nets" => state.networks = true,
        "net" => {
            state.networks = true;
            state.network = Some(text).filter(|name| !name.is_empty());
        }
        "sort" => {
            let (descending, column) = match (value.strip_prefix('-'), value.strip_prefix('~')) {
                (Some(column), _) => (Some(true), column),
                (_, Some(column)) => (Some(false), column),
                _ => (None, value),
            };
            state.sort = Some(Sort {
                column: decode(column),
                descending,
            });
        }
        "paused" => state.paused_at = Some(text.into()),
        "term" => state.pipe = read_pipe(value),
        _ => {
            let (parent, group) = key.split_once('.').map_or_else(
                || (state.topology.clone(), decode(key)),
                |(parent, group)| (decode(parent), decode(group)),
            );
            let values = value.split(',').map(decode).collect();
            state.options.entry(parent).or_default().insert(group, values);
        }
    }
}

fn read_pipe(value: &str) -> Option<PipeRef> {
    let mut parts = value.split(',').map(|part| decode(part).to_string());
    let mut next = || parts.next().unwrap_or_default();
    let pipe = PipeRef {
        id: next(),
        node: next(),
        probe: next(),
        resize: next(),
        raw: next() == "raw",
        title: next(),
        control: next(),
    };
    (!pipe.id.is_empty()).then_some(pipe)
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, KEEP).to_string()
}

fn decode(text: &str) -> SmolStr {
    percent_decode_str(text).decode_utf8_lossy().into()
}
