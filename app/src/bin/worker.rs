//! The worker's WebAssembly module: starts the loop around a session. Does nothing outside of a browser.

fn main() {
    #[cfg(target_arch = "wasm32")]
    {
        console_error_panic_hook::set_once();
        if !scope_app::platform::host::start() {
            web_sys::console::error_1(&"the worker was not started as one".into());
        }
    }
}
