//! Files in and out: dropped ones are read, made ones are saved.

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, File, FileList, HtmlAnchorElement, Url};

/// The largest file read: as large as the largest report is after inflation.
pub const MAX_FILE_BYTES: f64 = 512.0 * 1024.0 * 1024.0;

/// Offers bytes as a file to save.
pub fn save(name: &str, mime: &str, bytes: &[u8]) {
    if let Err(error) = try_save(name, mime, bytes) {
        super::worker::log(&format!("{name} could not be saved: {error:?}"));
    }
}

fn try_save(name: &str, mime: &str, bytes: &[u8]) -> Result<(), JsValue> {
    let parts = js_sys::Array::of1(&js_sys::Uint8Array::from(bytes));
    let options = BlobPropertyBag::new();
    options.set_type(mime);
    let blob = Blob::new_with_u8_array_sequence_and_options(&parts, &options)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let document = web_sys::window().and_then(|window| window.document()).ok_or(JsValue::NULL)?;
    let anchor: HtmlAnchorElement = document.create_element("a")?.unchecked_into();
    anchor.set_href(&url);
    anchor.set_download(name);
    anchor.click();
    Url::revoke_object_url(&url)
}

/// Reads files one after another; each is handed over as soon as it is there.
pub fn read_all(files: &FileList, each: impl Fn(String, Result<Vec<u8>, String>) + 'static) {
    let files: Vec<File> = (0..files.length()).filter_map(|at| files.get(at)).collect();
    wasm_bindgen_futures::spawn_local(async move {
        for file in files {
            let name = file.name();
            if file.size() > MAX_FILE_BYTES {
                each(name, Err("it is larger than any report".into()));
                continue;
            }
            let read = JsFuture::from(file.array_buffer()).await;
            each(
                name,
                read.map(|buffer| js_sys::Uint8Array::new(&buffer).to_vec())
                    .map_err(|_| "the browser could not read it".into()),
            );
        }
    });
}
