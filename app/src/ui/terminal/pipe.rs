//! One pipe: its WebSocket, its state, and how it ends.
//!
//! States: opening → live → closed (with an exit code, if there was a process) or lost (and opening again, while the server still knows it).

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use gloo_timers::callback::Timeout;
use leptos::prelude::*;

use crate::platform::{address, http, socket, storage};
use crate::protocol::PipeRef;
use crate::ui::details::request;

/// A lost pipe is tried again after this long.
const RETRY_MILLIS: u32 = 2_000;
/// Bytes kept until somebody shows them; more is dropped from the front.
const MAX_HELD: usize = 4 << 20;

/// How a pipe is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PipeState {
    /// Connecting for the first time.
    Opening,
    /// Bytes flow.
    Live,
    /// The connection broke; trying again.
    Lost,
    /// Over: the process' exit code, if there was one.
    Closed(Option<i32>),
}

impl PipeState {
    /// What people read.
    pub fn text(&self) -> String {
        match self {
            Self::Opening => "Opening…".into(),
            Self::Live => "Live".into(),
            Self::Lost => "Connection lost, trying again…".into(),
            Self::Closed(None) => "Closed".into(),
            Self::Closed(Some(0)) => "Ended (exit code 0)".into(),
            Self::Closed(Some(code)) => format!("Ended with exit code {code}"),
        }
    }

    /// One word, for styles and tests.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Live => "live",
            Self::Lost => "lost",
            Self::Closed(_) => "closed",
        }
    }

    /// The dot's class.
    pub fn colour(&self) -> &'static str {
        match self {
            Self::Opening => "wait",
            Self::Live => "live",
            Self::Lost => "lost",
            Self::Closed(_) => "off",
        }
    }
}

/// Takes bytes as they come.
type Sink = Rc<dyn Fn(&[u8])>;

/// A pipe; clones share it.
#[derive(Clone)]
pub struct Pipe {
    /// How it is.
    pub state: RwSignal<PipeState>,
    inner: Rc<RefCell<Inner>>,
}

struct Inner {
    server: String,
    of: PipeRef,
    socket: Option<socket::Socket>,
    retry: Option<Timeout>,
    sink: Option<Sink>,
    held: VecDeque<Vec<u8>>,
    held_bytes: usize,
    over: bool,
}

fn token(server: &str) -> Option<String> {
    if server == address::base() {
        None
    } else {
        storage::get(storage::TOKEN)
    }
}

/// The body of a resize.
#[derive(serde::Serialize)]
struct Size<'a> {
    height: &'a str,
    #[serde(rename = "pipeID")]
    pipe: &'a str,
    width: &'a str,
}

impl Pipe {
    /// Opens it.
    pub fn open(server: &str, of: PipeRef) -> Self {
        let pipe = Self {
            state: RwSignal::new(PipeState::Opening),
            inner: Rc::new(RefCell::new(Inner {
                server: server.to_owned(),
                of,
                socket: None,
                retry: None,
                sink: None,
                held: VecDeque::new(),
                held_bytes: 0,
                over: false,
            })),
        };
        pipe.connect();
        pipe
    }

    /// Gives what arrives to `sink`, beginning with what arrived before.
    pub fn deliver_to(&self, sink: impl Fn(&[u8]) + 'static) {
        let sink: Sink = Rc::new(sink);
        let held: Vec<Vec<u8>> = {
            let mut inner = self.inner.borrow_mut();
            inner.sink = Some(sink.clone());
            inner.held_bytes = 0;
            inner.held.drain(..).collect()
        };
        held.iter().for_each(|bytes| sink(bytes));
    }

    /// Sends what was typed.
    pub fn send(&self, text: &str) {
        if let Some(socket) = &self.inner.borrow().socket {
            socket.send_text(text);
        }
    }

    /// Tells the process how large its terminal is.
    pub fn resize(&self, columns: u32, rows: u32) {
        let inner = self.inner.borrow();
        if inner.of.resize.is_empty() || inner.over {
            return;
        }
        let (server, of) = (inner.server.clone(), inner.of.clone());
        let body = serde_json::to_string(&Size {
            height: &rows.to_string(),
            pipe: &of.id,
            width: &columns.to_string(),
        })
        .unwrap_or_default();
        wasm_bindgen_futures::spawn_local(async move {
            // A terminal of the wrong size is a nuisance, not an error to interrupt people with.
            drop(request(&server, &of.probe, &of.node, &of.resize, body).await);
        });
    }

    /// Ends the pipe at the server.
    pub fn end(&self) {
        let (server, id, over) = {
            let inner = self.inner.borrow();
            (inner.server.clone(), inner.of.id.clone(), inner.over)
        };
        if over {
            return;
        }
        wasm_bindgen_futures::spawn_local(async move {
            let request = http::Request {
                method: "DELETE",
                token: token(&server),
                ..http::Request::default()
            };
            // Gone already, or the server is: either way it ends there by itself.
            drop(http::send(&format!("{server}api/pipe/{id}"), request).await);
        });
    }

    /// Lets go of the socket.
    pub fn forget(&self) {
        let mut inner = self.inner.borrow_mut();
        inner.over = true;
        inner.socket = None;
        inner.retry = None;
        inner.sink = None;
    }

    fn connect(&self) {
        let (url, protocols) = {
            let inner = self.inner.borrow();
            if inner.over {
                return;
            }
            let scheme_less = inner.server.strip_prefix("http").unwrap_or(&inner.server);
            let protocols: Vec<String> = token(&inner.server)
                .iter()
                .flat_map(|token| [scope_shared::headers::SUB_PROTOCOL.to_owned(), format!("bearer.{token}")])
                .collect();
            (format!("ws{scheme_less}api/pipe/{}", inner.of.id), protocols)
        };
        let pipe = self.clone();
        match socket::Socket::open(&url, &protocols, move |message| pipe.receive(message)) {
            Ok(socket) => self.inner.borrow_mut().socket = Some(socket),
            Err(_) => self.finish(None),
        }
    }

    fn receive(&self, message: socket::Message) {
        match message {
            socket::Message::Open => self.state.set(PipeState::Live),
            socket::Message::Binary(bytes) => self.take(bytes),
            socket::Message::Text(text) => self.take(text.into_bytes()),
            socket::Message::Closed(code, reason) => self.closed(code, &reason),
        }
    }

    fn take(&self, bytes: Vec<u8>) {
        let sink = self.inner.borrow().sink.clone();
        if let Some(sink) = sink {
            sink(&bytes);
            return;
        }
        let mut inner = self.inner.borrow_mut();
        inner.held_bytes += bytes.len();
        inner.held.push_back(bytes);
        while inner.held_bytes > MAX_HELD {
            let Some(dropped) = inner.held.pop_front() else { break };
            inner.held_bytes -= dropped.len();
        }
    }

    fn closed(&self, code: u16, reason: &str) {
        use scope_shared::control::{PIPE_ENDED, PIPE_EXITED};
        if let Some(exit) = reason.strip_prefix(PIPE_EXITED) {
            return self.finish(exit.trim().parse().ok());
        }
        if reason == PIPE_ENDED || (code == 1000 && self.state.get_untracked() == PipeState::Live) {
            return self.finish(None);
        }
        if self.inner.borrow().over {
            return;
        }
        if self.state.get_untracked() == PipeState::Live {
            self.state.set(PipeState::Lost);
        }
        let pipe = self.clone();
        wasm_bindgen_futures::spawn_local(async move { pipe.check().await });
    }

    /// Asks whether the server still knows the pipe; if so, connects again in a moment.
    async fn check(self) {
        let (server, id) = {
            let inner = self.inner.borrow();
            (inner.server.clone(), inner.of.id.clone())
        };
        let request = http::Request {
            token: token(&server),
            ..http::Request::default()
        };
        let answer = http::send(&format!("{server}api/pipe/{id}/check"), request).await;
        if answer.is_ok_and(|answer| answer.status == 404) {
            return self.finish(None);
        }
        let again = self.clone();
        self.inner.borrow_mut().retry = Some(Timeout::new(RETRY_MILLIS, move || again.connect()));
    }

    fn finish(&self, exit: Option<i32>) {
        self.state.set(PipeState::Closed(exit));
        let mut inner = self.inner.borrow_mut();
        inner.over = true;
        inner.socket = None;
    }
}
