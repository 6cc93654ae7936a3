//! The WebAssembly program. Two instances of it run: one on the page, which starts `ui`, and one in its worker, which starts the loop around a
//! session. Does nothing outside of a browser.

fn main() {
    #[cfg(target_arch = "wasm32")]
    {
        console_error_panic_hook::set_once();
        if !scope_app::platform::host::start() {
            scope_app::ui::start();
        }
    }
}
