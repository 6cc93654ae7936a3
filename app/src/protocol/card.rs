//! A details card, finished for display.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::state::CardRef;

/// Byte range of a text that matched a search.
pub type Span = (u32, u32);

/// One card.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CardVm {
    /// Which one.
    pub card: CardRef,
    /// Name; empty until known.
    pub label: SmolStr,
    /// Second line.
    pub minor: SmolStr,
    /// Colour of the header.
    pub header: [u8; 3],
    /// Colour of the strip below it.
    pub strip: [u8; 3],
    /// What of the name matched.
    pub spans: Vec<Span>,
    /// A name that outlives the node's id, e.g. `@shop/web/1`; empty when it has none.
    pub stable: SmolStr,
    /// What kind of thing it is, e.g. `Containers`.
    pub view: SmolStr,
    /// The node vanished while its card was open; the rest is as it was last.
    pub gone: bool,
    /// The rest.
    pub state: CardState,
}

/// How far a card is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum CardState {
    /// Nothing heard yet.
    #[default]
    Loading,
    /// There is no such node (any more).
    Gone,
    /// Here it is.
    Ready(Box<CardBody>),
}

/// Contents of a card, top to bottom.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CardBody {
    /// What it belongs to.
    pub parents: Vec<NodeLink>,
    /// What can be done to it.
    pub controls: Vec<ControlVm>,
    /// Why some or all controls are missing; empty when none are.
    pub missing_controls: String,
    /// Health.
    pub metrics: Vec<MetricVm>,
    /// Rows of information.
    pub info: Vec<InfoRow>,
    /// Inbound, then outbound; only those with rows.
    pub connections: Vec<Group>,
    /// What it contains, by kind.
    pub children: Vec<Group>,
    /// Property lists.
    pub lists: Vec<PropertyList>,
    /// Tables with columns.
    pub tables: Vec<Group>,
}

/// A link to another node's card.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeLink {
    /// The view.
    pub topology: SmolStr,
    /// The view's name in the singular, e.g. `Host`.
    pub kind: SmolStr,
    /// The node.
    pub id: SmolStr,
    /// Its name.
    pub label: SmolStr,
    /// What of the name matched.
    pub spans: Vec<Span>,
}

/// A control.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlVm {
    /// Probe.
    pub probe: SmolStr,
    /// Node.
    pub node: SmolStr,
    /// Id.
    pub id: SmolStr,
    /// Shown to people.
    pub human: SmolStr,
    /// Icon's name without its Font Awesome prefix, e.g. `terminal`.
    pub icon: SmolStr,
    /// A question to ask first; empty for none.
    pub confirm: SmolStr,
    /// It cannot be undone, or hurts.
    pub dangerous: bool,
}

/// A metric with its history.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricVm {
    /// Metric id.
    pub id: SmolStr,
    /// Shown to people.
    pub label: SmolStr,
    /// The value as people read it; empty when there is none.
    pub text: SmolStr,
    /// `filesize`, `integer`, `percent` or empty.
    pub format: SmolStr,
    /// Its ceiling; 0 when it has none.
    pub max: f64,
    /// `(milliseconds since the Unix epoch, value)`, ascending.
    pub points: Vec<(f64, f64)>,
    /// Colour of its fill.
    pub colour: [u8; 3],
    /// Link to a graph elsewhere; empty for none.
    pub url: SmolStr,
}

/// One row of information.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InfoRow {
    /// Key.
    pub id: SmolStr,
    /// Shown to people.
    pub label: SmolStr,
    /// What is shown.
    pub text: SmolStr,
    /// What is copied and shown on hover.
    pub full: SmolStr,
    /// Hidden until asked for.
    pub minor: bool,
    /// A web address.
    pub link: bool,
    /// What of `text` matched.
    pub spans: Vec<Span>,
}

/// Name and value pairs under a heading.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertyList {
    /// Key.
    pub id: SmolStr,
    /// Heading.
    pub label: SmolStr,
    /// Rows; `minor` is not used.
    pub rows: Vec<InfoRow>,
    /// Rows the probe left out.
    pub truncated: u32,
}

/// A list with columns: children, connections, a plugin's table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Key.
    pub id: SmolStr,
    /// Heading, and the first column's header.
    pub label: SmolStr,
    /// Columns; the first cell of a row is the first column.
    pub columns: Vec<GroupColumn>,
    /// Column sorted by at first, and whether descending.
    pub sort: (u32, bool),
    /// Rows in that order.
    pub rows: Vec<GroupRow>,
    /// How many there are in all; more than `rows` when the worker cut them.
    pub total: u32,
    /// Rows the probe left out.
    pub truncated: u32,
}

/// A column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupColumn {
    /// Key.
    pub id: SmolStr,
    /// Header.
    pub label: SmolStr,
    /// Right-aligned and sorted by number, largest first.
    pub numeric: bool,
}

/// A row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupRow {
    /// Key.
    pub key: SmolStr,
    /// The node it leads to, if any; the link is on the first cell.
    pub link: Option<NodeLink>,
    /// Cells.
    pub cells: Vec<Cell>,
}

/// A cell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// What is shown.
    pub text: SmolStr,
    /// What numeric columns sort by; NaN when there is none.
    pub number: f64,
    /// A web address.
    pub link: bool,
    /// What of the text matched.
    pub spans: Vec<Span>,
}
