//! The worker's event loop around a [`Session`]: the viewer socket with its back-off, timers, and when to render.
//!
//! A change asked for by a person is rendered at once; reports are gathered for a moment, so that a hundred probes do not cause a hundred
//! renderings a second.

use std::{cell::RefCell, rc::Rc};

use gloo_timers::callback::{Interval, Timeout};
use wasm_bindgen::JsCast as _;

use super::{http, now, socket};
use crate::protocol::{ConnectionState, ToPage, ToWorker, Trouble};
use crate::session::{Session, SocketAdvice, pace::Pace};

/// The first pause before another attempt; it doubles up to the longest.
const FIRST_PAUSE_MILLIS: u64 = 500;
///
/// A server that was restarted has its pages back within five seconds, the quarter of chance below included.
const LONGEST_PAUSE_MILLIS: u64 = 3_500;
/// The longest where a person has to do something first: log in, reload, allow an origin.
const HOPELESS_PAUSE_MILLIS: u64 = 30_000;
const PAUSED: &str = r#"{"paused":true}"#;
const RESUMED: &str = r#"{"paused":false}"#;
/// For so long, in milliseconds, views are counted before the page is told and whatever else waits has its turn.
const COUNTING_MILLIS: u64 = 8;
/// A server says something at least this often; silence means that the connection is dead.
const SILENCE_MILLIS: u64 = 90_000;

/// The worker.
pub struct Host {
    session: Session,
    page: Option<super::worker::PageLink>,
    server: Option<Server>,
    socket: Option<socket::Socket>,
    heard_at: u64,
    attempts: u32,
    greeted: bool,
    ticking: Option<Interval>,
    hopeless: bool,
    forbidden: bool,
    gathering: Option<Timeout>,
    counting: Option<Timeout>,
    pace: Pace,
    retry: Option<Timeout>,
}

#[derive(Clone)]
struct Server {
    base: String,
    subset: String,
    token: Option<String>,
}

type Shared = Rc<RefCell<Host>>;

/// Starts the worker's loop. False outside of a dedicated worker.
pub fn start() -> bool {
    let host = Rc::new(RefCell::new(Host {
        session: Session::new(),
        page: None,
        server: None,
        socket: None,
        heard_at: 0,
        attempts: 0,
        greeted: false,
        ticking: None,
        hopeless: false,
        forbidden: false,
        gathering: None,
        counting: None,
        pace: Pace::default(),
        retry: None,
    }));
    let of_page = host.clone();
    let Some(page) = super::worker::PageLink::listen(move |message| on_page(&of_page, message)) else {
        return false;
    };
    let of_policy = host.clone();
    page.on_forbidden(move || {
        let mut borrowed = of_policy.borrow_mut();
        borrowed.forbidden = true;
        let server = borrowed.server.as_ref().map(|server| server.base.clone()).unwrap_or_default();
        drop(borrowed);
        find_hopeless(&of_policy, forbidden(&server));
    });
    host.borrow_mut().page = Some(page);
    true
}

fn on_page(host: &Shared, message: ToWorker) {
    if host.borrow().ticking.is_none() {
        // Not before the page has spoken: until then it may not listen.
        let later = host.clone();
        host.borrow_mut().ticking = Some(Interval::new(1_000, move || on_tick(&later)));
    }
    let connect = match &message {
        ToWorker::Connect { server, subset, token } => Some(server.clone().map(|base| Server {
            base,
            subset: subset.clone(),
            token: token.clone(),
        })),
        _ => None,
    };
    let retry = matches!(message, ToWorker::Retry) || matches!(message, ToWorker::Hidden(false));
    let file = matches!(message, ToWorker::File { .. });
    let hidden = match &message {
        ToWorker::Hidden(hidden) => Some(*hidden),
        _ => None,
    };
    let was_paused = host.borrow().session.is_paused();
    let answers = host.borrow_mut().session.message(message, now());
    send(host, &answers);
    if let Some(server) = connect {
        let mut borrowed = host.borrow_mut();
        borrowed.server = server;
        borrowed.attempts = 0;
        drop(borrowed);
        open(host);
    } else if file && !host.borrow().session.has_server() {
        let mut borrowed = host.borrow_mut();
        borrowed.socket = None;
        borrowed.retry = None;
        borrowed.server = None;
    } else if (was_paused && !host.borrow().session.is_paused()) || (retry && host.borrow().retry.is_some()) {
        host.borrow_mut().attempts = 0;
        open(host);
    } else if let Some(hidden) = hidden {
        // The server is asked for silence rather than its frames ignored; on resuming it sends each probe's newest state.
        let mut borrowed = host.borrow_mut();
        borrowed.heard_at = now();
        if let Some(socket) = &borrowed.socket {
            socket.send_text(if hidden { PAUSED } else { RESUMED });
        }
    }
    if file {
        // A hundred files dropped at once are one picture, not a hundred.
        gather(host);
    } else {
        render(host);
    }
}

fn send(host: &Shared, messages: &[ToPage]) {
    if let Some(page) = &host.borrow().page {
        messages.iter().for_each(|message| page.send(message));
    }
}

fn render(host: &Shared) {
    let messages = {
        let mut borrowed = host.borrow_mut();
        borrowed.gathering = None;
        if !borrowed.session.wants_render() {
            return;
        }
        let began = now();
        let messages = borrowed.session.render(began);
        borrowed.pace.rendered(now().saturating_sub(began));
        messages
    };
    send(host, &messages);
    count_rest(host);
}

/// Counts what the page does not wait for. Whatever arrives meanwhile, a typed letter above all, comes between.
fn count_rest(host: &Shared) {
    let mut borrowed = host.borrow_mut();
    if !borrowed.session.is_counting() || borrowed.counting.is_some() {
        return;
    }
    let later = host.clone();
    borrowed.counting = Some(Timeout::new(0, move || {
        let messages = {
            let mut borrowed = later.borrow_mut();
            borrowed.counting = None;
            let began = now();
            while borrowed.session.is_counting() && now().saturating_sub(began) < COUNTING_MILLIS {
                borrowed.session.count_next();
            }
            borrowed.session.counted()
        };
        send(&later, &messages);
        count_rest(&later);
    }));
}

fn gather(host: &Shared) {
    let mut borrowed = host.borrow_mut();
    if borrowed.gathering.is_none() && borrowed.session.wants_render() {
        let later = host.clone();
        borrowed.gathering = Some(Timeout::new(borrowed.pace.wait(), move || render(&later)));
    }
}

fn on_tick(host: &Shared) {
    let silent = {
        let mut borrowed = host.borrow_mut();
        let time = now();
        borrowed.session.tick(time);
        borrowed.socket.is_some()
            && borrowed.greeted
            && !borrowed.session.is_hidden()
            && time.saturating_sub(borrowed.heard_at) > SILENCE_MILLIS
    };
    if silent {
        fail(host, Trouble::Lost);
    }
    gather(host);
}

/// Opens the viewer socket, in place of the one there is.
fn open(host: &Shared) {
    let mut borrowed = host.borrow_mut();
    borrowed.socket = None;
    borrowed.retry = None;
    borrowed.greeted = false;
    borrowed.forbidden = false;
    borrowed.heard_at = now();
    let Some(server) = borrowed.server.clone() else {
        borrowed.session.connection(ConnectionState::NoServer);
        return;
    };
    borrowed.session.connection(ConnectionState::Connecting);
    let scheme_less = server.base.strip_prefix("http").unwrap_or(&server.base);
    let mut url = format!("ws{scheme_less}api/viewer/ws");
    if !server.subset.is_empty() {
        url.push('?');
        url.push_str(&server.subset);
    }
    // A browser cannot set headers on a WebSocket, and cookies do not reach another origin: the token travels as an offered protocol.
    let protocols: Vec<String> = server
        .token
        .iter()
        .flat_map(|token| [scope_shared::headers::SUB_PROTOCOL.to_owned(), format!("bearer.{token}")])
        .collect();
    let handler = host.clone();
    match socket::Socket::open(&url, &protocols, move |message| on_socket(&handler, message)) {
        Ok(socket) => borrowed.socket = Some(socket),
        Err(_) => {
            drop(borrowed);
            fail(host, Trouble::MixedContent);
        }
    }
}

fn on_socket(host: &Shared, message: socket::Message) {
    match message {
        socket::Message::Open | socket::Message::Text(_) => {
            let mut borrowed = host.borrow_mut();
            borrowed.heard_at = now();
            if borrowed.session.is_hidden()
                && let Some(socket) = &borrowed.socket
            {
                socket.send_text(PAUSED);
            }
        }
        socket::Message::Binary(bytes) => {
            let (advice, complete) = {
                let mut borrowed = host.borrow_mut();
                borrowed.heard_at = now();
                borrowed.greeted = true;
                borrowed.attempts = 0;
                borrowed.hopeless = false;
                let before = borrowed.session.is_caught_up();
                let advice = borrowed.session.frame(bytes, now());
                (advice, !before && borrowed.session.is_caught_up())
            };
            match advice {
                // What the server held is all here: nothing to gather, and somebody waits for the first picture.
                SocketAdvice::Continue if complete => render(host),
                SocketAdvice::Continue => gather(host),
                SocketAdvice::Retry(trouble) => fail(host, trouble),
            }
        }
        socket::Message::Closed(..) => {
            let (greeted, server) = {
                let borrowed = host.borrow();
                (borrowed.greeted, borrowed.server.clone())
            };
            fail(host, Trouble::Lost);
            if let (false, Some(server)) = (greeted, server) {
                diagnose(host.clone(), server);
            }
        }
    }
}

/// Notes why there is no connection and when the next attempt is.
fn fail(host: &Shared, trouble: Trouble) {
    let mut borrowed = host.borrow_mut();
    borrowed.socket = None;
    let longest = if borrowed.hopeless {
        HOPELESS_PAUSE_MILLIS
    } else {
        LONGEST_PAUSE_MILLIS
    };
    let doubled = FIRST_PAUSE_MILLIS.saturating_mul(1 << borrowed.attempts.min(10)).min(longest);
    // Up to a quarter more, so that a thousand pages do not come back in the same moment.
    let pause = doubled + (js_sys::Math::random() * doubled as f64 / 4.0) as u64;
    borrowed.attempts += 1;
    let retry_at = now() + pause;
    borrowed.session.connection(ConnectionState::Waiting { trouble, retry_at });
    let later = host.clone();
    borrowed.retry = Some(Timeout::new(pause as u32, move || open(&later)));
    drop(borrowed);
    render(host);
}

/// Somebody has to do something before another attempt is worth much: the next one is put off, and what they type is not wiped meanwhile.
fn find_hopeless(host: &Shared, trouble: Trouble) {
    let mut borrowed = host.borrow_mut();
    borrowed.hopeless = true;
    if borrowed.retry.is_some() {
        let later = host.clone();
        borrowed.retry = Some(Timeout::new(HOPELESS_PAUSE_MILLIS as u32, move || open(&later)));
        borrowed.session.connection(ConnectionState::Waiting {
            trouble,
            retry_at: now() + HOPELESS_PAUSE_MILLIS,
        });
    }
    drop(borrowed);
    render(host);
}

/// Why a policy forbids a connection: that of https, or the one the page came with.
fn forbidden(server: &str) -> Trouble {
    if is_secure() && server.starts_with("http:") && !is_this_machine(server) {
        Trouble::MixedContent
    } else {
        Trouble::Policy
    }
}

/// Finds out why a socket never opened: a WebSocket does not say, a plain request does.
#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
fn diagnose(host: Shared, server: Server) {
    wasm_bindgen_futures::spawn_local(async move {
        let found = find_trouble(&server).await;
        if host.borrow().server.as_ref().is_none_or(|now| now.base != server.base) {
            return;
        }
        let trouble = if host.borrow().forbidden { forbidden(&server.base) } else { found };
        if matches!(trouble, Trouble::Lost | Trouble::Unreachable) {
            host.borrow_mut().session.trouble(trouble);
            render(&host);
        } else {
            find_hopeless(&host, trouble);
        }
    });
}

async fn find_trouble(server: &Server) -> Trouble {
    let url = format!("{}api", server.base);
    let request = http::Request {
        token: server.token.clone(),
        ..http::Request::default()
    };
    match http::send(&url, request).await {
        Ok(answer) if answer.status == 401 => Trouble::Login,
        Ok(answer) if answer.status == 403 => Trouble::Origin,
        Ok(answer) if answer.is_ok() && answer.text.contains("\"version\"") => {
            if answer.text.contains("\"deltas\"") {
                Trouble::Lost
            } else {
                Trouble::ServerTooOld("it has no viewer socket".into())
            }
        }
        Ok(answer) => Trouble::ServerTooOld(format!("it answered {}", answer.status)),
        Err(_) => {
            let blind = http::Request {
                blind: true,
                ..http::Request::default()
            };
            let answers = http::send(&url, blind).await.is_ok();
            match (answers, server.base.starts_with("https:")) {
                (true, _) => Trouble::Origin,
                (false, true) => Trouble::Tls,
                // Some browsers throw when such a socket is made.
                (false, false) if is_secure() && !is_this_machine(&server.base) => Trouble::MixedContent,
                (false, false) => Trouble::Unreachable,
            }
        }
    }
}

/// Whether the page came by https.
fn is_secure() -> bool {
    js_sys::global()
        .dyn_into::<web_sys::WorkerGlobalScope>()
        .is_ok_and(|scope| scope.location().protocol() == "https:")
}

/// Browsers let pages that came by https talk to this machine by plain http.
fn is_this_machine(server: &str) -> bool {
    ["http://localhost", "http://127.", "http://[::1]"]
        .iter()
        .any(|here| server.starts_with(here))
}
