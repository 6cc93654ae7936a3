//! A WebSocket whose handlers go when it is dropped, so that a socket that was replaced never speaks again.

use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{BinaryType, CloseEvent, Event, MessageEvent, WebSocket};

/// What a socket says.
pub enum Message {
    /// The connection stands.
    Open,
    /// A binary message.
    Binary(Vec<u8>),
    /// A text message.
    Text(String),
    /// It is closed: code and reason. Nothing follows.
    Closed(u16, String),
}

/// An open or opening socket.
pub struct Socket {
    inner: WebSocket,
    _open: Closure<dyn Fn(Event)>,
    _message: Closure<dyn Fn(MessageEvent)>,
    _close: Closure<dyn Fn(CloseEvent)>,
    _error: Closure<dyn Fn(Event)>,
}

impl Socket {
    /// Opens a socket. Protocols are offered in order; none may be empty.
    ///
    /// # Errors
    /// When the browser refuses the address outright, e.g. `ws:` from a page that came by https.
    pub fn open(url: &str, protocols: &[String], on: impl Fn(Message) + Clone + 'static) -> Result<Self, JsValue> {
        let inner = if protocols.is_empty() {
            WebSocket::new(url)?
        } else {
            let list: js_sys::Array = protocols.iter().map(|protocol| JsValue::from_str(protocol)).collect();
            WebSocket::new_with_str_sequence(url, &list)?
        };
        inner.set_binary_type(BinaryType::Arraybuffer);
        let handler = on.clone();
        let open = Closure::<dyn Fn(Event)>::new(move |_| handler(Message::Open));
        let handler = on.clone();
        let message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            let data = event.data();
            match data.as_string() {
                Some(text) => handler(Message::Text(text)),
                None => handler(Message::Binary(js_sys::Uint8Array::new(&data).to_vec())),
            }
        });
        // A socket that a policy forbids only says so by an error; on any other a close follows, which then finds nobody listening.
        let handler = on.clone();
        let error = Closure::<dyn Fn(Event)>::new(move |_| handler(Message::Closed(1006, String::new())));
        let close = Closure::<dyn Fn(CloseEvent)>::new(move |event: CloseEvent| on(Message::Closed(event.code(), event.reason())));
        inner.set_onopen(Some(open.as_ref().unchecked_ref()));
        inner.set_onmessage(Some(message.as_ref().unchecked_ref()));
        inner.set_onclose(Some(close.as_ref().unchecked_ref()));
        inner.set_onerror(Some(error.as_ref().unchecked_ref()));
        Ok(Self {
            inner,
            _open: open,
            _message: message,
            _close: close,
            _error: error,
        })
    }

    /// Sends a text message; lost if the socket is not open.
    pub fn send_text(&self, text: &str) {
        if self.inner.ready_state() == WebSocket::OPEN && self.inner.send_with_str(text).is_err() {
            super::worker::log("a socket closed while something was sent");
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.inner.set_onopen(None);
        self.inner.set_onmessage(None);
        self.inner.set_onclose(None);
        self.inner.set_onerror(None);
        if self.inner.close().is_err() {
            super::worker::log("a socket could not be closed");
        }
    }
}
