//! The two ends of the line between page and worker. Messages are postcard in transferred `ArrayBuffer`s: one copy out of each memory, none
//! between the threads. A message that cannot be read is logged and dropped; it can only come from a mixed-up deployment.

use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent, Worker};

use crate::protocol::{ToPage, ToWorker};

/// Where `boot.js` leaves the worker that it starts while the program is still on its way.
const STARTED: &str = "scopeWorker";

/// The page's handle of its worker.
#[derive(Clone)]
pub struct WorkerLink(Worker);

impl WorkerLink {
    /// Takes over the worker that `boot.js` has started. Nothing that is sent is lost: `worker.js` keeps it until the worker's program
    /// listens. The worker says nothing before it was spoken to.
    ///
    /// # Errors
    /// When there is no worker: the browser refused it, or it was taken already.
    pub fn take(on_message: impl Fn(ToPage) + 'static, on_failure: impl Fn(String) + 'static) -> Result<Self, JsValue> {
        let global = js_sys::global();
        let worker: Worker = js_sys::Reflect::get(&global, &STARTED.into())?.dyn_into()?;
        js_sys::Reflect::set(&global, &STARTED.into(), &JsValue::UNDEFINED)?;
        let handler = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(message) = read::<ToPage>(&event.data()) {
                on_message(message);
            }
        });
        worker.set_onmessage(Some(handler.as_ref().unchecked_ref()));
        handler.forget();
        let handler = Closure::<dyn Fn(web_sys::ErrorEvent)>::new(move |event: web_sys::ErrorEvent| on_failure(event.message()));
        worker.set_onerror(Some(handler.as_ref().unchecked_ref()));
        handler.forget();
        Ok(Self(worker))
    }

    /// Ends the worker that was started, on a page that needs none.
    pub fn dismiss() {
        if let Ok(link) = Self::take(|_| (), |_| ()) {
            link.0.terminate();
        }
    }

    /// Sends a message.
    pub fn send(&self, message: &ToWorker) {
        if let Some((buffer, transfer)) = write(message)
            && let Err(error) = self.0.post_message_with_transfer(&buffer, &transfer)
        {
            web_sys::console::error_1(&error);
        }
    }
}

/// The worker's handle of its page.
#[derive(Clone)]
pub struct PageLink(DedicatedWorkerGlobalScope);

impl PageLink {
    /// Begins to listen. `None` outside of a dedicated worker.
    #[must_use]
    pub fn listen(on_message: impl Fn(ToWorker) + 'static) -> Option<Self> {
        let scope = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>().ok()?;
        let handler = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(message) = read::<ToWorker>(&event.data()) {
                on_message(message);
            }
        });
        scope.set_onmessage(Some(handler.as_ref().unchecked_ref()));
        handler.forget();
        Some(Self(scope))
    }

    /// Calls back whenever the policy of the host that served this page forbids a connection; nothing else tells that from a dead server.
    pub fn on_forbidden(&self, tell: impl Fn() + 'static) {
        let handler = Closure::<dyn Fn(web_sys::Event)>::new(move |_| tell());
        if let Err(error) = self
            .0
            .add_event_listener_with_callback("securitypolicyviolation", handler.as_ref().unchecked_ref())
        {
            web_sys::console::error_1(&error);
        }
        handler.forget();
    }

    /// Sends a message.
    pub fn send(&self, message: &ToPage) {
        if let Some((buffer, transfer)) = write(message)
            && let Err(error) = self.0.post_message_with_transfer(&buffer, &transfer)
        {
            web_sys::console::error_1(&error);
        }
    }
}

fn write<T: Serialize>(message: &T) -> Option<(JsValue, js_sys::Array)> {
    let bytes = postcard::to_allocvec(message)
        .inspect_err(|error| log(&format!("message to the other thread: {error}")))
        .ok()?;
    let buffer: JsValue = js_sys::Uint8Array::from(bytes.as_slice()).buffer().into();
    Some((buffer.clone(), js_sys::Array::of1(&buffer)))
}

fn read<T: DeserializeOwned>(data: &JsValue) -> Option<T> {
    // `boot.js` has something to say to `worker.js` as well.
    data.dyn_ref::<js_sys::ArrayBuffer>()?;
    let bytes = js_sys::Uint8Array::new(data).to_vec();
    postcard::from_bytes(&bytes)
        .inspect_err(|error| log(&format!("message from the other thread: {error}")))
        .ok()
}

/// Says something on the console.
pub fn log(text: &str) {
    web_sys::console::error_1(&JsValue::from_str(text));
}
