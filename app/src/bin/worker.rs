//! The worker's WebAssembly module: starts listening to the page. Does nothing outside of a browser.

fn main() {
    #[cfg(target_arch = "wasm32")]
    {
        console_error_panic_hook::set_once();
        if scope_app::platform::worker::PageLink::listen(|_message| {}).is_none() {
            web_sys::console::error_1(&"the worker was not started as one".into());
        }
    }
}
