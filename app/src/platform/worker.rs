//! The two ends of the line between page and worker. Messages are postcard in transferred `ArrayBuffer`s: one copy out of each memory, none
//! between the threads. A message that cannot be read is logged and dropped; it can only come from a mixed-up deployment.

use std::{cell::RefCell, rc::Rc};

use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent, Worker, WorkerOptions, WorkerType};

use crate::protocol::{ToPage, ToWorker};

/// The page's handle of its worker.
#[derive(Clone)]
pub struct WorkerLink {
    worker: Worker,
    waiting: Rc<RefCell<Option<Vec<ToWorker>>>>,
}

impl WorkerLink {
    /// Starts the worker. Messages sent before it listens are kept until it does.
    pub fn start(on_message: impl Fn(ToPage) + 'static, on_failure: impl Fn(String) + 'static) -> Result<Self, JsValue> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options("./worker_loader.js", &options)?;
        let waiting = Rc::new(RefCell::new(Some(Vec::new())));
        let link = Self { worker, waiting };
        let ready = link.clone();
        let handler = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| match read::<ToPage>(&event.data()) {
            Some(ToPage::Ready) => {
                let kept = ready.waiting.borrow_mut().take().unwrap_or_default();
                kept.iter().for_each(|message| ready.post(message));
            }
            Some(message) => on_message(message),
            None => {}
        });
        link.worker.set_onmessage(Some(handler.as_ref().unchecked_ref()));
        handler.forget();
        let handler = Closure::<dyn Fn(web_sys::ErrorEvent)>::new(move |event: web_sys::ErrorEvent| on_failure(event.message()));
        link.worker.set_onerror(Some(handler.as_ref().unchecked_ref()));
        handler.forget();
        Ok(link)
    }

    /// Sends a message.
    pub fn send(&self, message: ToWorker) {
        if let Some(waiting) = self.waiting.borrow_mut().as_mut() {
            waiting.push(message);
            return;
        }
        self.post(&message);
    }

    fn post(&self, message: &ToWorker) {
        if let Some((buffer, transfer)) = write(message)
            && let Err(error) = self.worker.post_message_with_transfer(&buffer, &transfer)
        {
            web_sys::console::error_1(&error);
        }
    }
}

/// The worker's handle of its page.
#[derive(Clone)]
pub struct PageLink(DedicatedWorkerGlobalScope);

impl PageLink {
    /// Begins to listen and tells the page so. `None` outside of a dedicated worker.
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
        let link = Self(scope);
        link.send(&ToPage::Ready);
        Some(link)
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
    let bytes = js_sys::Uint8Array::new(data).to_vec();
    postcard::from_bytes(&bytes)
        .inspect_err(|error| log(&format!("message from the other thread: {error}")))
        .ok()
}

/// Says something on the console.
pub fn log(text: &str) {
    web_sys::console::error_1(&JsValue::from_str(text));
}
