//! The worker without its browser: frames, files and the page's wishes in; messages for the page out.
//!
//! Pure and tested natively: the clock is passed in, the socket belongs to `platform`. Nothing is rendered while the page is hidden, nothing is
//! sent twice, and nothing is computed that the page does not show.

pub mod card;
pub mod choices;
pub mod colours;
mod controls;
mod facts;
pub mod history;
pub mod inbox;
pub mod map;
pub mod matcher;
pub mod pace;
pub mod palette;
mod render;
pub mod resources;
pub mod stable;
pub mod table;

use std::collections::BTreeMap;

use facts::Facts;
use history::History;
use inbox::Inbox;
use map::Maps;
use matcher::Matcher;
use scope_shared::frame::{Frame, FrameError, Hello};
use smol_str::SmolStr;

use crate::feed::{FeedError, FeedEvent};
use crate::model::TopologyDesc;
use crate::protocol::{CardVm, ConnectionState, EdgeVm, LinkVm, Overview, SearchVm, TableVm, ToPage, ToWorker, Trouble, ViewState};
use crate::scene::{Matches, MetricLayer};
use crate::view::Engine;

/// How often the tabs' counts are looked at again when only data changed, in milliseconds.
const TABS_EVERY: u64 = 2_000;

/// The worker's state.
#[derive(Debug, Default)]
pub struct Session {
    engine: Engine,
    inbox: Inbox,
    state: ViewState,
    link: LinkVm,
    has_server: bool,
    has_files: bool,
    hidden: bool,
    window: (u32, u32),
    held: Option<(SmolStr, u32)>,
    hover_metric: Option<SmolStr>,
    hover_edge: Option<(SmolStr, SmolStr)>,
    palette: Option<String>,
    relayout: bool,
    maps: Maps,
    facts: Facts,
    sorted: table::Sorted,
    matcher: Matcher,
    counts: Counts,
    pins: Vec<Matcher>,
    history: History,
    catalogue: Catalogue,
    sent: Sent,
    missed: u32,
    /// A report came since the last rendering.
    heard: bool,
    first_version: String,
    dirty: bool,
    state_changed: bool,
    unresolved: bool,
}

/// The list of views, as of its last look.
#[derive(Debug, Default)]
struct Catalogue {
    topologies: Vec<TopologyDesc>,
    names: BTreeMap<SmolStr, SmolStr>,
    looked_at: u64,
    stale: bool,
}

/// How many nodes of each view match the search. The open view is answered first, so that whoever types sees what they typed; the
/// others are counted one by one afterwards.
#[derive(Debug, Default)]
struct Counts {
    known: BTreeMap<SmolStr, u32>,
    /// Views still to be counted, the last one first, each with its top-level view.
    due: Vec<(SmolStr, SmolStr)>,
}

/// What the page was told last; equal messages are not sent again.
#[derive(Debug, Default)]
struct Sent {
    link: Option<LinkVm>,
    overview: Option<Overview>,
    metric: Option<Option<MetricLayer>>,
    matches: Option<Option<Matches>>,
    edge: Option<EdgeVm>,
    table: Option<TableVm>,
    search: Option<SearchVm>,
    cards: Vec<CardVm>,
}

/// What the socket must do after a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketAdvice {
    /// Go on.
    Continue,
    /// Close, wait, try again; this is what to tell people meanwhile.
    Retry(Trouble),
}

impl Session {
    /// A session that shows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            window: (0, 60),
            dirty: true,
            state_changed: true,
            ..Self::default()
        }
    }

    /// Takes a message of the page. `Connect` and `Retry` only concern the socket beyond what is noted here.
    pub fn message(&mut self, message: ToWorker, now: u64) -> Vec<ToPage> {
        if let ToWorker::HoverEdge(edge) = message {
            // Answered by itself: nothing else follows from where the pointer rests.
            self.hover_edge = edge;
            self.sent.edge = None;
            return self.edge().into_iter().collect();
        }
        if let ToWorker::Canvas { aspect } = message {
            self.dirty |= self.maps.set_aspect(aspect);
            return Vec::new();
        }
        self.dirty = true;
        match message {
            ToWorker::Connect { server, .. } => self.change_server(server.is_some()),
            ToWorker::State(state) => self.change_state(*state),
            ToWorker::Window { start, count } => self.window = (start, count.min(500)),
            ToWorker::HoldRow(held) => self.held = held,
            ToWorker::HoverMetric(metric) => self.hover_metric = metric,
            ToWorker::Hidden(hidden) => {
                if self.hidden && !hidden {
                    // What was not asked for cannot have grown old meanwhile.
                    self.engine.feed_mut().resume(now);
                }
                self.hidden = hidden;
            }
            ToWorker::File { name, bytes } => return self.file(&name, &bytes),
            ToWorker::Relayout => self.relayout = true,
            ToWorker::Pins(pins) => {
                if self.maps.set_pins(pins) {
                    self.maps.resend();
                }
            }
            ToWorker::Palette(text) => {
                self.palette = text;
                return vec![ToPage::Palette(self.jumps())];
            }
            ToWorker::RawReport => return self.raw_report(),
            ToWorker::Retry | ToWorker::HoverEdge(_) | ToWorker::Canvas { .. } => {}
        }
        Vec::new()
    }

    /// Takes a binary message of the viewer socket. Reports are only put by; they are read when something is to be shown.
    pub fn frame(&mut self, bytes: Vec<u8>, now: u64) -> SocketAdvice {
        match Frame::decode(&bytes) {
            Ok(Frame::Report(report)) => {
                self.dirty = true;
                self.heard = true;
                if self.state.paused_at.is_some() && self.link.caught_up {
                    // Paused: counted, not taken. Resuming reconnects, and the server sends each probe's newest state.
                    self.missed = self.missed.saturating_add(1);
                } else {
                    let (probe, kind) = (SmolStr::new(report.probe), report.kind);
                    self.inbox.put(probe, kind, bytes, now, self.engine.feed().window_millis());
                }
                return SocketAdvice::Continue;
            }
            Ok(Frame::ProbeGone { probe }) => self.inbox.forget(probe),
            // What was said before counts before what comes now.
            _ => self.read_reports(),
        }
        self.take(&bytes, now)
    }

    /// Reads the reports that were put by.
    fn read_reports(&mut self) {
        make_room(self.inbox.bytes());
        for (bytes, arrival) in self.inbox.drain() {
            // Only greetings and goodbyes have something to say to the socket.
            self.take(&bytes, arrival);
        }
    }

    fn take(&mut self, bytes: &[u8], now: u64) -> SocketAdvice {
        match self.engine.feed_mut().frame(bytes, now) {
            Ok(FeedEvent::Hello(hello)) => self.hello(hello),
            Ok(FeedEvent::CaughtUp) => {
                self.link.caught_up = true;
                // The tabs' counts need not wait any longer.
                self.catalogue.looked_at = 0;
            }
            Ok(FeedEvent::Goodbye(reason)) => return SocketAdvice::Retry(Trouble::Goodbye(reason)),
            Ok(FeedEvent::Report { changed: false, .. } | FeedEvent::Ignored) => return SocketAdvice::Continue,
            Ok(FeedEvent::Report { .. } | FeedEvent::ProbeGone(_) | FeedEvent::Skipped(_)) => {}
            Err(FeedError::Frame(FrameError::Version(version))) => {
                return SocketAdvice::Retry(Trouble::PageTooOld(format!("frame version {version}")));
            }
            // Told with the probe's status; other probes are untouched.
            Err(_) => {}
        }
        self.dirty = true;
        self.catalogue.stale = true;
        SocketAdvice::Continue
    }

    /// Notes how the connection is.
    pub fn connection(&mut self, state: ConnectionState) {
        if matches!(state, ConnectionState::Connecting | ConnectionState::Waiting { .. }) {
            self.link.caught_up = false;
        }
        self.link.state = state;
        self.dirty = true;
    }

    /// Says more exactly why there is no connection, once that is known.
    pub fn trouble(&mut self, found: Trouble) {
        if let ConnectionState::Waiting { trouble, .. } = &mut self.link.state {
            *trouble = found;
            self.dirty = true;
        }
    }

    /// Whether everything that the server held has arrived.
    #[must_use]
    pub fn is_caught_up(&self) -> bool {
        self.link.caught_up
    }

    /// Whether reports come from a server rather than from files.
    #[must_use]
    pub fn has_server(&self) -> bool {
        self.has_server
    }

    /// Time passes: silent probes are forgotten, ages and relative dates move on.
    pub fn tick(&mut self, now: u64) {
        if self.hidden {
            return;
        }
        if self.has_server
            && self.state.paused_at.is_none()
            && self.link.state == ConnectionState::Live
            && self.engine.feed_mut().expire(now)
        {
            self.catalogue.stale = true;
            self.dirty = true;
        }
        // The tabs' counts follow the data, only not as closely as the view.
        if self.catalogue.stale && now.saturating_sub(self.catalogue.looked_at) >= TABS_EVERY {
            self.dirty = true;
        }
        self.history.forget(now);
    }

    /// Whether the page cannot be seen: it needs no reports, and nobody judges who is silent.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.hidden
    }

    /// Bytes of reports that were put by and not read yet.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.inbox.bytes()
    }

    /// Whether there is something to render.
    #[must_use]
    pub fn wants_render(&self) -> bool {
        self.dirty && !self.hidden
    }

    /// Whether views wait for their matches to be counted; see [`Session::count_next`].
    #[must_use]
    pub fn is_counting(&self) -> bool {
        !self.hidden && !self.counts.due.is_empty()
    }

    /// Whether the page is paused: resuming needs a fresh connection.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.state.paused_at.is_some()
    }

    fn change_server(&mut self, has_server: bool) {
        self.engine.feed_mut().clear();
        self.inbox.clear();
        self.has_server = has_server;
        self.has_files &= !has_server;
        self.catalogue = Catalogue::default();
        self.link = LinkVm {
            state: if has_server {
                ConnectionState::Connecting
            } else {
                ConnectionState::NoServer
            },
            ..LinkVm::default()
        };
        self.first_version.clear();
        self.sent = Sent::default();
        self.maps.resend();
        self.state_changed = true;
    }

    fn change_state(&mut self, state: ViewState) {
        if self.state.paused_at.is_some() != state.paused_at.is_some() {
            self.missed = 0;
        }
        if self.matcher.set(&state.query) {
            self.counts = Counts::default();
        }
        if self.pins.len() != state.pins.len() || self.pins.iter().zip(&state.pins).any(|(known, pin)| known.text() != pin) {
            self.pins = state.pins.iter().map(|pin| Matcher::new(pin)).collect();
        }
        let is_name = |id: &SmolStr| id.starts_with(stable::MARK);
        self.unresolved = state.selected.iter().chain(state.cards.iter().map(|card| &card.id)).any(is_name);
        // Cards that close and open again are told afresh.
        self.sent.cards.retain(|sent| state.cards.contains(&sent.card));
        if state.topology != self.state.topology || state.mode != self.state.mode {
            self.sent.table = None;
            self.held = None;
        }
        self.state = state;
        self.state_changed = true;
    }

    fn hello(&mut self, hello: Hello) {
        if self.first_version.is_empty() {
            self.first_version.clone_from(&hello.version);
        }
        self.link = LinkVm {
            state: ConnectionState::Live,
            caught_up: false,
            reload_advised: self.first_version != hello.version,
            version: hello.version,
            hostname: hello.hostname,
            role: hello.role,
            refused: hello.refused,
            server_probes: hello.probes,
            hide_arguments: !hello.show_arguments,
            probes: Vec::new(),
            plugins: Vec::new(),
        };
    }

    #[inline(never)] // waits with the rest of the program (app/web/split.mjs)
    fn file(&mut self, name: &str, bytes: &[u8]) -> Vec<ToPage> {
        let Some((encoding, gzip)) = scope_shared::wire::encoding_of_file(name) else {
            return vec![ToPage::Notice(format!(
                "{name} was not opened: reports end in .json, .msgpack, .json.gz or .msgpack.gz."
            ))];
        };
        match scope_shared::wire::decode_report(bytes, encoding, gzip) {
            Ok(report) => {
                if self.has_server {
                    // What is dropped on a live page replaces it: mixing both would show neither.
                    self.change_server(false);
                }
                self.has_files = true;
                self.link.caught_up = true;
                self.engine.feed_mut().add_report(name, report);
                self.catalogue.stale = true;
                self.catalogue.looked_at = 0;
                vec![ToPage::Notice(format!("{name} opened."))]
            }
            Err(error) => vec![ToPage::Notice(format!("{name} was not opened: {error}."))],
        }
    }

    #[inline(never)] // waits with the rest of the program (app/web/split.mjs)
    fn raw_report(&mut self) -> Vec<ToPage> {
        self.read_reports();
        if !self.engine.feed().has_reports() {
            return vec![ToPage::Notice("There is no report to save yet.".into())];
        }
        vec![ToPage::RawReport(scope_shared::wire::encode_json(
            &self.engine.feed().whole_report(),
        ))]
    }
}

/// Bytes of memory that a byte of a report as sent takes once it is read, merged and joined; measured on generated reports.
const MEMORY_PER_BYTE: usize = 32;
/// Below this many bytes of reports, memory is left to grow by itself.
const WORTH_MAKING_ROOM: usize = 512 << 10;
/// The most that is asked for at once.
const MOST_ROOM: usize = 512 << 20;

/// WebAssembly's allocator asks for more memory 64 kB at a time, and a browser's collector looks at everything after some of these steps: a
/// cluster's first reports took most of their time in that. One large step beforehand costs nothing until it is used.
fn make_room(bytes: usize) {
    if cfg!(target_arch = "wasm32") && bytes >= WORTH_MAKING_ROOM {
        let mut room: Vec<u8> = Vec::new();
        // Without the room, reading goes on as before.
        if room.try_reserve_exact(bytes.saturating_mul(MEMORY_PER_BYTE).min(MOST_ROOM)).is_ok() {
            std::hint::black_box(&room);
        }
    }
}
