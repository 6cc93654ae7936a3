//! What surrounds and fills a view: connection, tabs, options, table, resources, search.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::card::Span;
use crate::model::Stats;

/// How the connection to the server is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConnectionState {
    /// No server: the page shows files, or waits for some.
    #[default]
    NoServer,
    /// The first attempt is under way.
    Connecting,
    /// Frames arrive.
    Live,
    /// The connection is gone; the worker tries again.
    Waiting {
        /// Why, and what to do about it.
        trouble: Trouble,
        /// When the next attempt starts, milliseconds since the Unix epoch by this browser's clock.
        retry_at: u64,
    },
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trouble {
    /// Nothing answers at the address.
    Unreachable,
    /// The page came by https and the server is plain http: the browser forbids it.
    MixedContent,
    /// The server answers, but does not admit pages of this origin.
    Origin,
    /// The host that served this page lets it talk to no other server.
    Policy,
    /// The certificate is not one the browser trusts, or nothing speaks TLS there.
    Tls,
    /// A token is needed.
    Login,
    /// The server speaks a newer protocol than this page.
    PageTooOld(String),
    /// Something answers that is no Scope server, or one too old for this page.
    ServerTooOld(String),
    /// The server said goodbye.
    Goodbye(String),
    /// The connection broke.
    Lost,
}

/// The connection and who is at its other end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkVm {
    /// How it is.
    pub state: ConnectionState,
    /// Everything the server held has arrived.
    pub caught_up: bool,
    /// The server's version; empty until known.
    pub version: String,
    /// The server's host name.
    pub hostname: String,
    /// `view` or `operate`.
    pub role: String,
    /// Kinds of control that the server refuses, with the reason.
    pub refused: Vec<(String, String)>,
    /// Command-line arguments and environment variables are not for this viewer.
    pub hide_arguments: bool,
    /// How many probes the server holds, as of the last greeting.
    pub server_probes: u32,
    /// The server was restarted with another version since the page was loaded.
    pub reload_advised: bool,
    /// Probes heard, by host name.
    pub probes: Vec<ProbeVm>,
    /// Plugins of all probes.
    pub plugins: Vec<PluginVm>,
}

/// One probe as the footer lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeVm {
    /// The probe's id or the file's name.
    pub id: SmolStr,
    /// Its host.
    pub hostname: SmolStr,
    /// Its version.
    pub version: SmolStr,
    /// Seconds since its last report.
    pub age_seconds: u32,
    /// How it follows connections, as it says itself; empty when it does not.
    pub tracking: SmolStr,
    /// The kinds of control it carries out, comma-separated, as it says itself; empty when it does not.
    pub allows: SmolStr,
    /// What is wrong; empty when nothing is.
    pub error: String,
}

/// One plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginVm {
    /// Name.
    pub label: SmolStr,
    /// What it does.
    pub description: SmolStr,
    /// `ok` or what is wrong.
    pub status: SmolStr,
}

/// Everything around the current view.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    /// The view that the state asked for when this was rendered; an answer to an older state decides nothing.
    pub asked: SmolStr,
    /// The view shown.
    pub current: SmolStr,
    /// The top-level view it belongs to; options are kept under it.
    pub parent: SmolStr,
    /// Its full name, e.g. `Containers by image`.
    pub name: SmolStr,
    /// All views.
    pub tabs: Vec<Tab>,
    /// Options of the current view.
    pub options: Vec<OptionRow>,
    /// Metrics that can be shown on it, by label.
    pub metrics: Vec<MetricChoice>,
    /// The metric shown (hovered or pinned).
    pub metric: Option<SmolStr>,
    /// Networks found, with their colours.
    pub networks: Vec<(SmolStr, [u8; 3])>,
    /// Counts of the current view.
    pub stats: Stats,
    /// Nodes that pinned searches hide.
    pub hidden_by_pins: u32,
    /// Nodes left to show.
    pub shown: u32,
    /// Whether this view has a resource view.
    pub has_resources: bool,
    /// Why there is nothing to see; `None` when there is.
    pub empty: Option<EmptyCause>,
    /// Reports that arrived since the page was paused.
    pub missed: u32,
    /// Names that search understands before a colon, in this view.
    pub fields: Vec<SmolStr>,
    /// Names that search compares, in this view.
    pub metric_names: Vec<SmolStr>,
}

/// Why a view is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EmptyCause {
    /// Nothing has been heard yet.
    Loading,
    /// Neither a server nor a file.
    NoSource,
    /// The server has no probe.
    NoProbes,
    /// Probes report, but nothing of this kind.
    NothingReported,
    /// The options hide this many.
    Options(u32),
    /// Pinned searches hide this many.
    Pins(u32),
    /// No node has the metric that the resource view wants.
    NoMetric,
    /// The live search matches nothing (table only).
    Query,
}

/// One view in the list of views.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tab {
    /// The view's id.
    pub id: SmolStr,
    /// Name.
    pub name: SmolStr,
    /// Whether it is shown at all.
    pub visible: bool,
    /// Counts.
    pub stats: Stats,
    /// Matches of the live search; `None` without one.
    pub matches: Option<u32>,
    /// Views below it.
    pub subs: Vec<Tab>,
}

/// One group of options.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionRow {
    /// Group id.
    pub id: SmolStr,
    /// Value when none is chosen.
    pub default: SmolStr,
    /// Several values can be chosen.
    pub union: bool,
    /// The choices; a union group's "none" choice comes first with an empty value.
    pub values: Vec<OptionValue>,
}

/// One choice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionValue {
    /// Value.
    pub value: SmolStr,
    /// Shown to people.
    pub label: SmolStr,
    /// Whether it is chosen.
    pub chosen: bool,
}

/// A metric that can be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricChoice {
    /// Metric id.
    pub id: SmolStr,
    /// Shown to people; what is pinned.
    pub label: SmolStr,
}

/// A column of the table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableColumn {
    /// Column id; what a link sorts by.
    pub id: SmolStr,
    /// Header.
    pub label: SmolStr,
    /// Right-aligned.
    pub numeric: bool,
    /// Preferred width in CSS pixels; 0 shares what is left.
    pub width: u16,
}

/// The visible part of the table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableVm {
    /// The view.
    pub topology: SmolStr,
    /// Columns.
    pub columns: Vec<TableColumn>,
    /// Column the rows are sorted by.
    pub sort: SmolStr,
    /// Direction.
    pub descending: bool,
    /// All rows.
    pub total: u32,
    /// Index of the first row below.
    pub start: u32,
    /// Rows.
    pub rows: Vec<TableRowVm>,
}

/// One row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableRowVm {
    /// Node id.
    pub id: SmolStr,
    /// Name.
    pub label: SmolStr,
    /// Second line, shown pale.
    pub minor: SmolStr,
    /// The node's colour.
    pub colour: [u8; 3],
    /// What of the label matched.
    pub spans: Vec<Span>,
    /// Cells, in the order of the columns after the first.
    pub cells: Vec<TableCell>,
}

/// One cell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableCell {
    /// Text.
    pub text: SmolStr,
    /// Share of a metric's ceiling, 0 to 1; negative draws no bar.
    pub bar: f32,
    /// Nodes it links to; `text` is empty then.
    pub links: Vec<super::card::NodeLink>,
}

/// The resource view.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResourcesVm {
    /// Metric shown, by label.
    pub metric: SmolStr,
    /// Bottom layer first.
    pub layers: Vec<ResourceLayer>,
}

/// One layer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResourceLayer {
    /// The view its boxes belong to.
    pub topology: SmolStr,
    /// Title.
    pub name: SmolStr,
    /// Boxes, left to right.
    pub boxes: Vec<ResourceBox>,
}

/// One box. Lengths are shares of the whole width.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResourceBox {
    /// Node id; empty for a box that stands for several too small to see.
    pub id: SmolStr,
    /// Name.
    pub label: SmolStr,
    /// Left edge, 0 to 1.
    pub left: f64,
    /// Width, 0 to 1.
    pub width: f64,
    /// Filled share of its height, 0 to 1.
    pub fill: f32,
    /// Colour.
    pub colour: [u8; 3],
    /// What it says below its name.
    pub text: SmolStr,
    /// The live search does not match it.
    pub faded: bool,
}

/// What there is to say about the search.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SearchVm {
    /// What is odd about the query (incomplete, an expression that cannot be used); empty otherwise.
    pub note: SmolStr,
    /// Matches over all views.
    pub total: u32,
    /// What could be typed next.
    pub suggestions: Vec<Suggestion>,
}

/// One suggestion.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    /// The whole query it stands for.
    pub query: SmolStr,
    /// What it is, e.g. `field`, `metric`, `name`.
    pub kind: SmolStr,
    /// How many nodes of this view it would find; `None` when not counted.
    pub count: Option<u32>,
}

/// What goes over the edge that the pointer rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeVm {
    /// Id of the client.
    pub from: SmolStr,
    /// Id of the server.
    pub to: SmolStr,
    /// E.g. `3 connections to ports 80, 443`; empty when nothing is known.
    pub text: String,
}

/// Where the palette can lead: a node. Commands are the page's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jump {
    /// The view.
    pub topology: SmolStr,
    /// The view's name.
    pub view: SmolStr,
    /// The node.
    pub id: SmolStr,
    /// Its name.
    pub label: SmolStr,
    /// Its second line.
    pub minor: SmolStr,
    /// Its colour.
    pub colour: [u8; 3],
}
