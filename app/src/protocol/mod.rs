//! What the page and its worker say to each other: postcard-encoded enums in transferred buffers.
//!
//! Both sides come from one build, so there is no version and no compatibility to keep. Types here are flat and finished for display: the page
//! merges and searches nothing. They must not use `serde` attributes that skip or flatten, which postcard cannot read back.

mod card;
mod state;
mod views;

pub use card::{
    CardBody, CardState, CardVm, Cell, ControlVm, Group, GroupColumn, GroupRow, InfoRow, MetricVm, NodeLink, PropertyList, Span,
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
pub use state::{CardRef, ChosenOptions, Mode, PipeRef, Sort, ViewState};
pub use views::{
    ConnectionState, EdgeVm, EmptyCause, Jump, LinkVm, MetricChoice, OptionRow, OptionValue, Overview, PluginVm, ProbeVm, ResourceBox,
    ResourceLayer, ResourcesVm, SearchVm, Suggestion, Tab, TableCell, TableColumn, TableRowVm, TableVm, Trouble,
};

use crate::scene::{Matches, MetricLayer, Pin, SceneData};

/// From the page to its worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToWorker {
    /// Where the server is; forgets whatever another one said.
    Connect {
        /// Base address ending in `/`, e.g. `http://127.0.0.1:4040/`; `None` shows dropped files only.
        server: Option<String>,
        /// Query string of the viewer socket without `?`: which probes (`probes=`, `hosts=`, `labels=`); empty is all.
        subset: String,
        /// The token for a server on another origin, where no cookie reaches.
        token: Option<String>,
    },
    /// What to show now.
    State(Box<ViewState>),
    /// The rows of the table that are on screen.
    Window {
        /// First row.
        start: u32,
        /// How many.
        count: u32,
    },
    /// The row the pointer rests on, and its index: it stays there while others are sorted around it.
    HoldRow(Option<(SmolStr, u32)>),
    /// The metric the pointer rests on, by label: shown instead of the pinned one.
    HoverMetric(Option<SmolStr>),
    /// The edge of the map that the pointer rests on, by the ids of its ends.
    HoverEdge(Option<(SmolStr, SmolStr)>),
    /// The map's canvas.
    Canvas {
        /// Width to height.
        aspect: f32,
    },
    /// Whether the page cannot be seen. Nothing is rendered meanwhile.
    Hidden(bool),
    /// A report file that was dropped on the page.
    File {
        /// Its name.
        name: String,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// Lay the current map out afresh.
    Relayout,
    /// Nodes put in place by hand.
    Pins(Vec<Pin>),
    /// Text typed into the command palette; `None` when it closes.
    Palette(Option<String>),
    /// Ask for the merged report as JSON.
    RawReport,
    /// Try to reach the server now.
    Retry,
}

/// From the worker to the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToPage {
    /// The connection and who is at its other end.
    Link(Box<LinkVm>),
    /// Tabs, options, counts, metrics, networks: what surrounds the view.
    Overview(Box<Overview>),
    /// The map's structure and places.
    Scene(Box<SceneData>),
    /// The fill of the map's nodes.
    Metric(Option<MetricLayer>),
    /// What the search found on the map.
    Matches(Option<Matches>),
    /// What goes over the edge that the pointer rests on.
    Edge(EdgeVm),
    /// The table's visible rows.
    #[serde(deserialize_with = "apart")]
    Table(Box<TableVm>),
    /// The resource view.
    #[serde(deserialize_with = "apart")]
    Resources(Box<ResourcesVm>),
    /// One details card.
    #[serde(deserialize_with = "apart")]
    Card(Box<CardVm>),
    /// What there is to say about the search.
    Search(Box<SearchVm>),
    /// Where the palette's text could lead.
    #[serde(deserialize_with = "apart")]
    Palette(Vec<Jump>),
    /// A stable name in the state means this node now.
    Resolved {
        /// The name, e.g. `@shop/web/1`.
        name: SmolStr,
        /// The node's id.
        id: SmolStr,
    },
    /// The merged report, JSON.
    RawReport(Vec<u8>),
    /// Something that a person should read once: a file that is no report, say.
    Notice(String),
}

/// Reads a message in code of its own, so that the code for what a map does not need can wait (`app/web/split.mjs`).
#[inline(never)]
fn apart<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::deserialize(deserializer)
}
