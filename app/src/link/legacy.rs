//! The original's links: `#!/state/<JSON>`, with `%` written as `<PERCENT>` and `/` as `<SLASH>`, percent-encoded by some browsers and not by
//! others, and sometimes twice by chat clients.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::Link;
use crate::protocol::{CardRef, ChosenOptions, Mode, PipeRef, Sort, ViewState};

pub(super) fn read(rest: &str) -> Link {
    let Some(json) = rest.trim_start_matches('/').strip_prefix("state/") else {
        return if rest.trim_matches('/').is_empty() {
            Link::Empty
        } else {
            Link::Unreadable
        };
    };
    decodings(json)
        .into_iter()
        .find_map(|text| parse(&text))
        .map_or(Link::Unreadable, |state| Link::State(Box::new(state)))
}

/// The ways in which such a link reaches us, the likeliest first: escaped JSON as it is, percent-encoded once, percent-encoded twice. The
/// first that is JSON counts, so that a `%` or `+` inside of a search survives where it can.
fn decodings(json: &str) -> Vec<String> {
    let once = percent_decode_str(json).decode_utf8_lossy().into_owned();
    let twice = percent_decode_str(&once).decode_utf8_lossy().into_owned();
    [json.to_owned(), once, twice].into_iter().map(|text| unescape(&text)).collect()
}

fn unescape(text: &str) -> String {
    text.replace("<SLASH>", "/").replace("<PERCENT>", "%")
}

#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
fn parse(json: &str) -> Option<ViewState> {
    let Value::Object(map) = serde_json::from_str(json).ok()? else {
        return None;
    };
    let options = match map.get("topologyOptions") {
        // Values used to be plain strings; such links were thrown away whole, and their meaning has changed since.
        Some(value) => options(value)?,
        None => ChosenOptions::default(),
    };
    let networks = map.get("showingNetworks").and_then(Value::as_bool).unwrap_or_default();
    Some(ViewState {
        topology: text(&map, "topologyId").into(),
        mode: match text(&map, "topologyViewMode") {
            "grid" => Mode::Table,
            "resource" => Mode::Resources,
            _ => Mode::Graph,
        },
        options,
        selected: Some(text(&map, "selectedNodeId")).filter(|id| !id.is_empty()).map(Into::into),
        cards: map
            .get("nodeDetails")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(card)
            .collect(),
        metric: Some(text(&map, "pinnedMetricType"))
            .filter(|label| !label.is_empty())
            .map(Into::into),
        query: text(&map, "searchQuery").to_owned(),
        pins: map
            .get("pinnedSearches")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|pin| pin.as_str().map(str::to_owned))
            .collect(),
        networks,
        network: Some(text(&map, "pinnedNetwork"))
            .filter(|name| networks && !name.is_empty())
            .map(Into::into),
        sort: Some(text(&map, "gridSortedBy"))
            .filter(|column| !column.is_empty())
            .map(|column| Sort {
                column: column.into(),
                descending: map.get("gridSortedDesc").and_then(Value::as_bool),
            }),
        paused_at: Some(text(&map, "pausedAt")).filter(|at| !at.is_empty()).map(str::to_owned),
        pipe: map.get("controlPipe").and_then(Value::as_object).and_then(pipe),
    })
}

fn text<'a>(map: &'a Map<String, Value>, key: &str) -> &'a str {
    map.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn options(value: &Value) -> Option<ChosenOptions> {
    let mut options = ChosenOptions::default();
    for (topology, groups) in value.as_object()? {
        for (group, values) in groups.as_object()? {
            let values = values
                .as_array()?
                .iter()
                .filter_map(|value| value.as_str().map(Into::into))
                .collect();
            options.entry(topology.into()).or_default().insert(group.into(), values);
        }
    }
    Some(options)
}

fn card(value: &Value) -> Option<CardRef> {
    let map = value.as_object()?;
    let id = Some(text(map, "id")).filter(|id| !id.is_empty())?;
    Some(CardRef {
        topology: text(map, "topologyId").into(),
        id: id.into(),
    })
}

fn pipe(map: &Map<String, Value>) -> Option<PipeRef> {
    let resize = map.get("resizeTtyControl").and_then(Value::as_object);
    let of_control = |key| {
        map.get("control")
            .and_then(Value::as_object)
            .map(|control| text(control, key))
            .unwrap_or_default()
    };
    let probe = resize.map(|resize| text(resize, "probeId")).filter(|probe| !probe.is_empty());
    Some(PipeRef {
        id: Some(text(map, "id")).filter(|id| !id.is_empty())?.to_owned(),
        node: text(map, "nodeId").to_owned(),
        probe: probe.unwrap_or_else(|| of_control("probeId")).to_owned(),
        resize: resize.map(|resize| text(resize, "id").to_owned()).unwrap_or_default(),
        raw: map.get("raw").and_then(Value::as_bool).unwrap_or_default(),
        title: of_control("human").to_owned(),
        control: of_control("id").to_owned(),
    })
}
