//! The page's worker without its browser: the same session, driven by `run.mjs` instead of a socket and timers.
//!
//! Messages to the page are encoded as the worker encodes them, since that is part of its work, and then thrown away.

use std::cell::RefCell;

use scope_app::protocol::{ConnectionState, ToPage, ToWorker, ViewState};
use scope_app::session::{Session, pace::Pace};

thread_local! {
    static SESSION: RefCell<Session> = RefCell::new(Session::new());
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

fn with<T>(work: impl FnOnce(&mut Session) -> T) -> T {
    SESSION.with_borrow_mut(work)
}

fn weigh(messages: &[ToPage]) -> u32 {
    let bytes = messages.iter().map(|message| postcard::to_allocvec(message).map_or(0, |bytes| bytes.len()));
    bytes.sum::<usize>() as u32
}

/// Room for the next frame's bytes.
#[unsafe(no_mangle)]
pub extern "C" fn room(length: usize) -> *mut u8 {
    BUFFER.with_borrow_mut(|buffer| {
        buffer.clear();
        buffer.resize(length, 0);
        buffer.as_mut_ptr()
    })
}

/// A new session that shows a view: 0 containers, 1 hosts, 2 processes.
#[unsafe(no_mangle)]
pub extern "C" fn start(view: u32) {
    let topology = match view {
        0 => "containers",
        1 => "hosts",
        _ => "processes",
    };
    with(|session| {
        *session = Session::new();
        let connect = ToWorker::Connect {
            server: Some("http://127.0.0.1:4040/".to_owned()),
            subset: String::new(),
            token: None,
        };
        session.message(connect, 0);
        session.connection(ConnectionState::Live);
        let state = ViewState {
            topology: topology.into(),
            ..ViewState::default()
        };
        session.message(ToWorker::State(Box::new(state)), 0);
    });
}

/// Takes the frame in the room.
#[unsafe(no_mangle)]
pub extern "C" fn frame(now: f64) {
    let bytes = BUFFER.with_borrow(Clone::clone);
    with(|session| session.frame(bytes, now as u64));
}

/// Renders, if there is something to render. Returns the bytes of the messages to the page.
#[unsafe(no_mangle)]
pub extern "C" fn render(now: f64) -> u32 {
    with(|session| {
        if session.wants_render() { weigh(&session.render(now as u64)) } else { 0 }
    })
}

/// Milliseconds to gather after a rendering that took so many, as the worker does.
#[unsafe(no_mangle)]
pub extern "C" fn gather(rendered: f64) -> u32 {
    let mut pace = Pace::default();
    pace.rendered(rendered as u64);
    pace.wait()
}

/// A second has passed.
#[unsafe(no_mangle)]
pub extern "C" fn tick(now: f64) {
    with(|session| session.tick(now as u64));
}

/// The page can be seen, or not.
#[unsafe(no_mangle)]
pub extern "C" fn hide(hidden: bool, now: f64) {
    with(|session| drop(session.message(ToWorker::Hidden(hidden), now as u64)));
}

/// Bytes of reports that wait undecoded.
#[unsafe(no_mangle)]
pub extern "C" fn waiting() -> u32 {
    with(|session| session.waiting_bytes() as u32)
}
