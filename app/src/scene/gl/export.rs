//! Pictures to save: the scene painted on a canvas of its own, and as SVG.

use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, HtmlCanvasElement};

use super::{Extent, atlas::context_2d, canvas2d, frame::Inner};
use crate::scene::{
    camera::{Camera, Viewport},
    draw::DrawList,
    labels::Labels,
    svg,
};

/// Longest side of a picture, pixels: what browsers still encode.
const LONGEST: f64 = 8_192.0;

impl Inner {
    /// The scene as an SVG document.
    pub(super) fn svg(&mut self, extent: Extent) -> String {
        let (scene, measure) = self.ruler();
        match extent {
            Extent::View => svg::view(scene, measure),
            Extent::All => svg::everything(scene, measure),
        }
    }

    /// The scene on a new canvas, two pixels a CSS pixel where that fits.
    pub(super) fn picture(&mut self, extent: Extent) -> Result<HtmlCanvasElement, JsValue> {
        let (camera, viewport) = (self.scene.camera, self.scene.viewport);
        if extent == Extent::All {
            let content = self.scene.content();
            let (width, height) = (content[2] - content[0], content[3] - content[1]);
            let zoom = (LONGEST / width.max(height)).min(0.6);
            self.scene.camera = Camera {
                x: content[0],
                y: content[1],
                zoom,
            };
            self.scene.viewport = Viewport {
                width: width * zoom,
                height: height * zoom,
                ..Viewport::default()
            };
        }
        let result = self.paint_picture();
        (self.scene.camera, self.scene.viewport) = (camera, viewport);
        result
    }

    fn paint_picture(&mut self) -> Result<HtmlCanvasElement, JsValue> {
        let viewport = *self.scene.viewport();
        let ratio = (LONGEST / viewport.width.max(viewport.height)).min(2.0);
        let document = web_sys::window()
            .and_then(|w| w.document())
            .ok_or_else(|| JsValue::from_str("no document"))?;
        let canvas: HtmlCanvasElement = document.create_element("canvas")?.unchecked_into();
        canvas.set_width((viewport.width * ratio).ceil() as u32);
        canvas.set_height((viewport.height * ratio).ceil() as u32);
        let context = context_2d(&canvas)?;
        let (mut list, mut labels) = (DrawList::default(), Labels::default());
        list.refresh(&mut self.scene);
        labels.refresh(&self.scene, &mut self.ruler);
        canvas2d::paint(&context, &self.scene, &list, &labels, &mut self.ruler, ratio);
        Ok(canvas)
    }
}

/// Makes a PNG of a canvas and gives its bytes to `done`.
pub(super) fn encode(canvas: &HtmlCanvasElement, done: impl FnOnce(Option<Vec<u8>>) + 'static) {
    let closure = Closure::once_into_js(move |blob: Option<Blob>| {
        spawn_local(async move {
            let bytes = match blob {
                Some(blob) => JsFuture::from(blob.array_buffer())
                    .await
                    .ok()
                    .map(|buffer| js_sys::Uint8Array::new(&buffer).to_vec()),
                None => None,
            };
            done(bytes);
        });
    });
    // A canvas too large throws; the closure then never runs and the caller's button simply does nothing but report no file.
    if canvas.to_blob(closure.unchecked_ref()).is_err() {
        web_sys::console::warn_1(&JsValue::from_str("the browser could not encode the picture"));
    }
}
