//! The page's WebAssembly module: starts `ui`. Does nothing outside of a browser.

fn main() {
    #[cfg(target_arch = "wasm32")]
    {
        console_error_panic_hook::set_once();
        scope_app::ui::start();
    }
}
