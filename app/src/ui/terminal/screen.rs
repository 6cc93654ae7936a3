//! The terminal emulator on a pipe.

use std::{cell::RefCell, rc::Rc};

use gloo_timers::callback::Timeout;
use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::prelude::*;

use super::pipe::Pipe;
use crate::protocol::PipeRef;
use crate::ui::icons::icon;

/// Sizes settle for this long before the process is told.
const RESIZE_MILLIS: u32 = 250;

#[wasm_bindgen(module = "/web/terminal.js")]
extern "C" {
    type TerminalBox;
    #[wasm_bindgen(static_method_of = TerminalBox, catch)]
    async fn open(
        host: &web_sys::HtmlElement,
        raw: bool,
        resizable: bool,
        on_data: &Closure<dyn Fn(String)>,
        on_size: &Closure<dyn Fn(u32, u32)>,
    ) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method)]
    fn write(this: &TerminalBox, bytes: &[u8]);
    #[wasm_bindgen(method)]
    fn find(this: &TerminalBox, text: &str, backwards: bool) -> bool;
    #[wasm_bindgen(method)]
    fn dispose(this: &TerminalBox);
}

/// Keeps the emulator and what it calls alive.
struct Screen {
    terminal: TerminalBox,
    _on_data: Closure<dyn Fn(String)>,
    _on_size: Closure<dyn Fn(u32, u32)>,
}

type Shared = Rc<RefCell<Option<Screen>>>;

/// The emulator.
pub fn view(pipe: Pipe, of: PipeRef) -> impl IntoView {
    let host = NodeRef::<Div>::new();
    let size = RwSignal::new((0u32, 0u32));
    let failed = RwSignal::new(String::new());
    let screen: Shared = Rc::default();
    let mounted = screen.clone();
    Effect::new(move |_| {
        if let Some(element) = host.get() {
            mount(element.into(), pipe.clone(), &of, mounted.clone(), size, failed);
        }
    });
    let searched = StoredValue::new_local(screen);
    on_cleanup(move || {
        let screen = searched.try_with_value(|screen| screen.borrow_mut().take()).flatten();
        if let Some(screen) = screen {
            screen.terminal.dispose();
        }
    });
    view! {
        <div class="screen" node_ref=host></div>
        <div class="pane-foot">
            <label class="find">
                {icon("search")}
                <input
                    type="text"
                    placeholder="Find in output"
                    aria-label="Find in output"
                    on:keydown=move |event| {
                        event.stop_propagation();
                        if event.key() == "Enter" {
                            let text = event_target_value(&event);
                            searched.with_value(|screen| {
                                if let Some(screen) = screen.borrow().as_ref() {
                                    screen.terminal.find(&text, event.shift_key());
                                }
                            });
                        }
                    }
                />
            </label>
            <span class="spacer"></span>
            <span class="minor">{move || match size.get() { (0, _) => String::new(), (columns, rows) => format!("{columns}×{rows}") }}</span>
        </div>
        {move || (!failed.with(String::is_empty)).then(|| view! { <p class="note failed" role="alert">{failed.get()}</p> })}
    }
}

fn mount(element: web_sys::HtmlElement, pipe: Pipe, of: &PipeRef, screen: Shared, size: RwSignal<(u32, u32)>, failed: RwSignal<String>) {
    let typing = pipe.clone();
    let on_data = Closure::<dyn Fn(String)>::new(move |text: String| typing.send(&text));
    let resizing = pipe.clone();
    let settling: Rc<RefCell<Option<Timeout>>> = Rc::default();
    let on_size = Closure::<dyn Fn(u32, u32)>::new(move |columns, rows| {
        size.set((columns, rows));
        let pipe = resizing.clone();
        *settling.borrow_mut() = Some(Timeout::new(RESIZE_MILLIS, move || pipe.resize(columns, rows)));
    });
    let (raw, resizable) = (of.raw, !of.resize.is_empty());
    wasm_bindgen_futures::spawn_local(async move {
        match TerminalBox::open(&element, raw, resizable, &on_data, &on_size).await {
            Ok(terminal) => {
                *screen.borrow_mut() = Some(Screen {
                    terminal: terminal.unchecked_into(),
                    _on_data: on_data,
                    _on_size: on_size,
                });
                let showing = screen.clone();
                pipe.deliver_to(move |bytes| {
                    if let Some(screen) = showing.borrow().as_ref() {
                        screen.terminal.write(bytes);
                    }
                });
            }
            Err(_) => {
                failed.set("The terminal's files could not be loaded; reload the page, or check that its folder `vendor` is served.".into())
            }
        }
    });
}
