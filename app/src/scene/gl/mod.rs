//! The map in the browser: one canvas, its input, its frames.
//!
//! The only part of the scene that names `web_sys`. Decides nothing about what is shown: `input` feeds events to the scene, `frame` paints what
//! comes out, and only when something changed. What happened is told through `Events` after the scene is free again, so that a callback may call
//! any method here.

mod atlas;
mod canvas2d;
mod export;
mod frame;
mod input;
mod program;
mod shaders;
mod webgl;

use std::{
    cell::RefCell,
    rc::{Rc, Weak},
};

use frame::Inner;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{Event, HtmlCanvasElement, ResizeObserver};

use super::{Camera, Matches, MetricLayer, Pin, Scene, SceneData, Theme, lod, state::Target};
pub use super::{camera::Insets, state::NetworkOverlay};

/// What the pointer or the keyboard is on.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Hover {
    /// Nothing.
    #[default]
    Nothing,
    /// A node, by id.
    Node(String),
    /// An edge, by the ids of its ends.
    Edge {
        /// Source (client).
        from: String,
        /// Target (server).
        to: String,
    },
    /// A dense area far out: how many nodes it stands for.
    Cluster(u32),
}

/// Told what the pointer is on, and where.
pub type OnHover = Box<dyn Fn(Hover, [f64; 2])>;

/// What the map tells the page. Coordinates are CSS pixels relative to the canvas.
#[derive(Default)]
pub struct Events {
    /// A node was chosen (its id), or the selection was dropped by a click on the background or Escape.
    pub select: Option<Box<dyn Fn(Option<String>)>>,
    /// The pointer is on something else than before; the place is for a tooltip.
    pub hover: Option<OnHover>,
    /// A node was opened: double click, or Enter on the selected node.
    pub open: Option<Box<dyn Fn(String)>>,
    /// Pins changed by dragging; the full list is to be kept and given to the worker.
    pub pins: Option<Box<dyn Fn(Vec<Pin>)>>,
    /// The camera came to rest: `[x, y, zoom]` with x, y the plane's point at the canvas' top left.
    pub camera: Option<Box<dyn Fn([f64; 3])>>,
    /// The canvas has another size: its width to height.
    pub shape: Option<Box<dyn Fn(f32)>>,
    /// Text for an `aria-live` region: what the keyboard moved to.
    pub announce: Option<Box<dyn Fn(String)>>,
}

/// Something to tell, once the scene is free again.
enum Told {
    Select(Option<String>),
    Hover(Hover, [f64; 2]),
    Open(String),
    Pins(Vec<Pin>),
    Camera([f64; 3]),
    Shape(f32),
    Announce(String),
}

impl Events {
    fn tell(&self, told: Told) {
        match told {
            Told::Select(id) => call(self.select.as_deref(), |f| f(id)),
            Told::Hover(hover, at) => call(self.hover.as_deref(), |f| f(hover, at)),
            Told::Open(id) => call(self.open.as_deref(), |f| f(id)),
            Told::Pins(pins) => call(self.pins.as_deref(), |f| f(pins)),
            Told::Camera(camera) => call(self.camera.as_deref(), |f| f(camera)),
            Told::Shape(aspect) => call(self.shape.as_deref(), |f| f(aspect)),
            Told::Announce(text) => call(self.announce.as_deref(), |f| f(text)),
        }
    }
}

fn call<F: ?Sized>(callback: Option<&F>, with: impl FnOnce(&F)) {
    if let Some(callback) = callback {
        with(callback);
    }
}

/// What an export shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// What is seen now.
    #[default]
    View,
    /// The whole map.
    All,
}

/// The map on one canvas. Clones share it; dropping the last one detaches it from the page.
#[derive(Clone)]
pub struct MapView {
    shared: Rc<Shared>,
}

/// What closures hold weakly.
struct Shared {
    inner: RefCell<Inner>,
    events: Events,
    listeners: RefCell<Listeners>,
}

type OnEvent = Closure<dyn FnMut(Event)>;

#[derive(Default)]
struct Listeners {
    list: Vec<(web_sys::EventTarget, &'static str, OnEvent)>,
    observer: Option<(ResizeObserver, Closure<dyn FnMut()>)>,
    frame: Option<Closure<dyn FnMut(f64)>>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        let listeners = self.listeners.take();
        for (target, name, closure) in &listeners.list {
            // An element that is gone already has no listeners to lose.
            target
                .remove_event_listener_with_callback(name, closure.as_ref().unchecked_ref())
                .unwrap_or_default();
        }
        if let Some((observer, _)) = &listeners.observer {
            observer.disconnect();
        }
        self.inner.borrow_mut().cancel_frame();
    }
}

impl Shared {
    /// Runs `work` on the scene, asks for a frame if that changed the picture, then tells what happened.
    fn with<T>(self: &Rc<Self>, work: impl FnOnce(&mut Inner, &mut Vec<Told>) -> T) -> Option<T> {
        let mut told = Vec::new();
        // Input that arrives while a callback runs inside of a paint is dropped rather than panicking.
        let mut inner = self.inner.try_borrow_mut().ok()?;
        let result = work(&mut inner, &mut told);
        if inner.wants_frame()
            && let Some(frame) = &self.listeners.borrow().frame
        {
            inner.request_frame(frame);
        }
        drop(inner);
        for event in told {
            self.events.tell(event);
        }
        Some(result)
    }
}

impl MapView {
    /// Takes the canvas over: sizes it to its box, listens to it, draws on it with WebGL2 or else Canvas2D.
    ///
    /// # Errors
    /// When the canvas gives neither context.
    pub fn mount(canvas: HtmlCanvasElement, events: Events) -> Result<Self, JsValue> {
        Self::mount_with(canvas, events, false)
    }

    /// As `mount`; with `flat`, Canvas2D is used even where there is WebGL2.
    ///
    /// # Errors
    /// When the canvas gives no context.
    pub fn mount_with(canvas: HtmlCanvasElement, events: Events, flat: bool) -> Result<Self, JsValue> {
        let inner = Inner::new(canvas.clone(), flat)?;
        let shared = Rc::new(Shared {
            inner: RefCell::new(inner),
            events,
            listeners: RefCell::default(),
        });
        let view = Self { shared };
        view.start_frames();
        view.observe_size(&canvas)?;
        input::attach(&view.shared, &canvas)?;
        view.shared.with(|inner, told| inner.resize(told));
        Ok(view)
    }

    fn weak(&self) -> Weak<Shared> {
        Rc::downgrade(&self.shared)
    }

    fn start_frames(&self) {
        let weak = self.weak();
        let frame = Closure::new(move |now: f64| {
            if let Some(shared) = weak.upgrade() {
                shared.with(|inner, told| inner.frame(now, told));
            }
        });
        self.shared.listeners.borrow_mut().frame = Some(frame);
    }

    fn observe_size(&self, canvas: &HtmlCanvasElement) -> Result<(), JsValue> {
        let weak = self.weak();
        let closure = Closure::<dyn FnMut()>::new(move || {
            if let Some(shared) = weak.upgrade() {
                shared.with(|inner, told| inner.resize(told));
            }
        });
        let observer = ResizeObserver::new(closure.as_ref().unchecked_ref())?;
        observer.observe(canvas);
        self.shared.listeners.borrow_mut().observer = Some((observer, closure));
        Ok(())
    }

    fn change(&self, work: impl FnOnce(&mut Scene, f64)) {
        self.shared.with(|inner, _| {
            let now = inner.now();
            work(&mut inner.scene, now);
        });
    }

    fn look<T: Default>(&self, work: impl FnOnce(&Scene) -> T) -> T {
        self.shared.inner.try_borrow().map(|inner| work(&inner.scene)).unwrap_or_default()
    }

    /// Shows `data`; with the same key, what moved glides to its new place.
    pub fn set_scene(&self, data: SceneData) {
        self.shared.with(|inner, told| {
            let now = inner.now();
            let held = inner.held();
            inner.scene.set_data(data, now);
            inner.hold_again(held.as_deref());
            inner.describe();
            inner.point_again(told);
        });
    }

    /// Fills nodes by a metric, or empties them.
    pub fn set_metrics(&self, layer: Option<MetricLayer>) {
        self.change(|scene, _| scene.set_metrics(layer));
    }

    /// Changes colours.
    pub fn set_theme(&self, theme: Theme) {
        self.change(|scene, _| scene.set_theme(theme));
    }

    /// Selects a node: its neighbours gather around it, all else fades. `None` puts everything back.
    pub fn set_selected(&self, id: Option<&str>) {
        self.change(|scene, now| scene.set_selected(id, now));
    }

    /// Highlights a node as if the pointer were on it (e.g. a row of a list is hovered).
    pub fn set_focus(&self, id: Option<&str>) {
        self.change(|scene, _| {
            let target = id.and_then(|id| scene.find(id)).map_or(Target::Nothing, Target::Node);
            scene.set_hover(target);
        });
    }

    /// Highlights what a search found and fades the rest; `None` when there is no (complete) query.
    pub fn set_matches(&self, matches: Option<Matches>) {
        self.change(|scene, _| scene.set_matches(matches));
    }

    /// Shows the networks' bars; with a name, nodes outside of that network fade. `None` hides the overlay.
    pub fn set_networks(&self, overlay: Option<NetworkOverlay>) {
        self.change(|scene, _| scene.set_networks(overlay));
    }

    /// Room taken by panels.
    pub fn set_insets(&self, insets: Insets) {
        self.shared.with(|inner, told| inner.set_insets(insets, told));
    }

    /// No motion (the visitor's wish); at first the browser's `prefers-reduced-motion` decides.
    pub fn set_reduced_motion(&self, reduced: bool) {
        self.change(|scene, _| scene.set_reduced_motion(reduced));
    }

    /// Shows the whole map in the free area.
    pub fn fit(&self) {
        self.change(|scene, now| scene.fit(now));
    }

    /// Zooms about the free area's centre by `factor`.
    pub fn zoom_by(&self, factor: f64) {
        self.change(|scene, now| scene.zoom_by(factor, now));
    }

    /// The camera, `[x, y, zoom]`.
    pub fn camera(&self) -> [f64; 3] {
        self.look(|scene| {
            let camera = scene.camera();
            [camera.x, camera.y, camera.zoom]
        })
    }

    /// Puts the camera somewhere, e.g. from a link.
    pub fn set_camera(&self, [x, y, zoom]: [f64; 3]) {
        self.change(|scene, _| scene.set_camera(Camera { x, y, zoom }));
    }

    /// The pins in force.
    pub fn pins(&self) -> Vec<Pin> {
        self.look(Scene::pins)
    }

    /// Puts pins in force (from the URL or storage).
    pub fn set_pins(&self, pins: Vec<Pin>) {
        self.change(|scene, now| scene.set_pins(&pins, now));
    }

    /// Lets a pinned node go; the page is told of the pins that remain.
    pub fn unpin(&self, id: &str) {
        self.shared.with(|inner, told| {
            let now = inner.now();
            if let Some(node) = inner.scene.find(id)
                && inner.scene.unpin(node, now)
            {
                told.push(Told::Pins(inner.scene.pins()));
            }
        });
    }

    /// The map as an SVG document, with names.
    pub fn export_svg(&self, extent: Extent) -> String {
        self.shared.with(|inner, _| inner.svg(extent)).unwrap_or_default()
    }

    /// The map as a PNG file's bytes, given to `done`; `None` when the browser could not make one.
    pub fn export_png(&self, extent: Extent, done: impl FnOnce(Option<Vec<u8>>) + 'static) {
        match self.shared.with(|inner, _| inner.picture(extent)) {
            Some(Ok(canvas)) => export::encode(&canvas, done),
            _ => done(None),
        }
    }

    /// Where a node is drawn, `[x, y, radius]` in CSS pixels relative to the canvas: for cards that fly out of it, and for tests.
    pub fn place_of(&self, id: &str) -> Option<[f64; 3]> {
        self.look(|scene| scene.find(id).and_then(|node| scene.place_of(node)))
    }

    /// What a click at this place of the canvas would hit.
    pub fn hit(&self, x: f64, y: f64) -> Hover {
        self.look(|scene| describe(scene, scene.pick([x, y], 0.0)))
    }

    /// Whether single nodes are seen, or aggregates.
    pub fn is_far(&self) -> bool {
        self.look(|scene| lod::level(scene.camera().zoom).is_some())
    }

    /// Whether something still moves; tests wait for this to end.
    pub fn is_moving(&self) -> bool {
        self.shared.inner.try_borrow().is_ok_and(|inner| inner.is_busy())
    }

    /// `webgl2` or `canvas2d`.
    pub fn renderer(&self) -> &'static str {
        self.shared.inner.try_borrow().map_or("", |inner| inner.renderer())
    }

    /// Keyboard focus on the map itself.
    pub fn focus(&self) {
        self.shared.with(|inner, _| inner.focus());
    }
}

/// A target by ids, as the page knows things.
fn describe(scene: &Scene, target: Target) -> Hover {
    let id = |index: u32| scene.data().nodes.get(index as usize).map(|n| n.id.to_string());
    match target {
        Target::Nothing => Hover::Nothing,
        Target::Node(node) => id(node).map_or(Hover::Nothing, Hover::Node),
        Target::Edge(edge) => {
            let ends = scene.data().edges.get(edge as usize).and_then(|e| Some((id(e.from)?, id(e.to)?)));
            ends.map_or(Hover::Nothing, |(from, to)| Hover::Edge { from, to })
        }
        Target::Cluster(group) => scene
            .aggregates
            .groups
            .get(group as usize)
            .map_or(Hover::Nothing, |g| Hover::Cluster(g.count)),
    }
}
