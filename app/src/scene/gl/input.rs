//! Pointer, touch, wheel and keyboard: turned into what they mean for the scene.
//!
//! One finger or button pans, on a node it drags (and pins); two fingers pinch; a press that does not move is a click.

use std::rc::Rc;

use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{AddEventListenerOptions, Event, HtmlCanvasElement, KeyboardEvent, PointerEvent, WheelEvent};

use super::{Shared, Told, frame::Inner};
use crate::scene::{Camera, pick::Direction, state::Target};

/// How far a press may move and still be a click, CSS pixels.
const CLICK_REACH: f64 = 4.0;
/// How much wider things are for fingers, CSS pixels.
const FINGER: f64 = 8.0;
/// Zoom of one step of the wheel's unit.
const WHEEL: f64 = 0.0025;
/// Pixels a Shift+arrow pans.
const PAN_STEP: f64 = 80.0;

/// What the pointers are doing.
#[derive(Debug, Default)]
pub(super) struct Hand {
    /// Pressed pointers: id and place.
    down: Vec<(i32, [f64; 2])>,
    what: Doing,
    /// Where a pressed pointer went down.
    start: [f64; 2],
    over: Option<[f64; 2]>,
}

#[derive(Debug, Default, PartialEq)]
enum Doing {
    #[default]
    Nothing,
    /// Pressed on something, not yet moved.
    Pressing(Target, bool),
    Panning,
    /// Dragging a node; the offset from its centre, graph units.
    Dragging(u32, [f64; 2]),
    Pinching,
}

impl Hand {
    pub(super) fn is_busy(&self) -> bool {
        !matches!(self.what, Doing::Nothing)
    }

    /// Where the pointer hovers, unless it is pressed.
    pub(super) fn hovering(&self) -> Option<[f64; 2]> {
        self.over.filter(|_| !self.is_busy())
    }
}

/// Listens to the canvas.
pub(super) fn attach(shared: &Rc<Shared>, canvas: &HtmlCanvasElement) -> Result<(), JsValue> {
    for (name, value) in [("tabindex", "0"), ("role", "application"), ("aria-roledescription", "map")] {
        canvas.set_attribute(name, value)?;
    }
    for (name, value) in [("touch-action", "none"), ("cursor", "grab")] {
        canvas.style().set_property(name, value)?;
    }
    listen(shared, canvas, "pointerdown", |inner, event, told| {
        pointer(&event, |e| inner.press(e, told))
    })?;
    listen(shared, canvas, "pointermove", |inner, event, told| {
        pointer(&event, |e| inner.moved(e, told))
    })?;
    listen(shared, canvas, "pointerup", |inner, event, told| {
        pointer(&event, |e| inner.release(e, told))
    })?;
    listen(shared, canvas, "pointercancel", |inner, event, told| {
        pointer(&event, |e| inner.cancel(e, told))
    })?;
    listen(shared, canvas, "pointerleave", |inner, _, told| inner.leave(told))?;
    listen(shared, canvas, "dblclick", |inner, event, told| {
        if let Some(event) = event.dyn_ref::<web_sys::MouseEvent>() {
            inner.double(place(event), told);
        }
    })?;
    listen(shared, canvas, "wheel", |inner, event, told| {
        if let Some(event) = event.dyn_ref::<WheelEvent>() {
            event.prevent_default();
            inner.wheel(event, told);
        }
    })?;
    listen(shared, canvas, "keydown", |inner, event, told| {
        if let Some(event) = event.dyn_ref::<KeyboardEvent>()
            && !event.alt_key()
            && !event.ctrl_key()
            && !event.meta_key()
            && inner.key(event, told)
        {
            event.prevent_default();
        }
    })?;
    listen(shared, canvas, "blur", |inner, _, _| {
        inner.scene.set_cursor(None);
    })?;
    listen(shared, canvas, "webglcontextlost", |inner, event, _| {
        event.prevent_default();
        inner.lose();
    })?;
    listen(shared, canvas, "webglcontextrestored", |inner, _, _| inner.restore())
}

fn listen(
    shared: &Rc<Shared>,
    canvas: &HtmlCanvasElement,
    name: &'static str,
    work: impl Fn(&mut Inner, Event, &mut Vec<Told>) + 'static,
) -> Result<(), JsValue> {
    let weak = Rc::downgrade(shared);
    let closure = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
        if let Some(shared) = weak.upgrade() {
            shared.with(|inner, told| work(inner, event, told));
        }
    });
    let options = AddEventListenerOptions::new();
    options.set_passive(false);
    canvas.add_event_listener_with_callback_and_add_event_listener_options(name, closure.as_ref().unchecked_ref(), &options)?;
    shared.listeners.borrow_mut().list.push((canvas.clone().into(), name, closure));
    Ok(())
}

fn pointer(event: &Event, work: impl FnOnce(&PointerEvent)) {
    if let Some(event) = event.dyn_ref::<PointerEvent>() {
        work(event);
    }
}

fn place(event: &web_sys::MouseEvent) -> [f64; 2] {
    [f64::from(event.offset_x()), f64::from(event.offset_y())]
}

fn apart(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

impl Inner {
    /// The node that is pressed or dragged, by id: numbers change with the data.
    pub(super) fn held(&self) -> Option<String> {
        match self.hand.what {
            Doing::Pressing(Target::Node(node), _) | Doing::Dragging(node, _) => self.id_of(node),
            _ => None,
        }
    }

    /// Goes on with that node after the data have changed, if it is still there. What else was pressed is let go: it may be something else now.
    pub(super) fn hold_again(&mut self, held: Option<&str>) {
        let node = held.and_then(|id| self.scene.find(id));
        self.hand.what = match (std::mem::take(&mut self.hand.what), node) {
            (Doing::Pressing(Target::Node(_), touch), Some(node)) => Doing::Pressing(Target::Node(node), touch),
            (Doing::Dragging(_, offset), Some(node)) => Doing::Dragging(node, offset),
            (Doing::Pressing(Target::Nothing, touch), _) => Doing::Pressing(Target::Nothing, touch),
            (Doing::Pressing(..) | Doing::Dragging(..), _) => Doing::Panning,
            (other, _) => other,
        };
    }

    fn press(&mut self, event: &PointerEvent, told: &mut Vec<Told>) {
        if event.button() != 0 {
            return;
        }
        let at = place(event);
        // A pointer that is gone already cannot be held; its release then comes as a cancel.
        self.canvas.set_pointer_capture(event.pointer_id()).unwrap_or_default();
        self.hand.down.retain(|p| p.0 != event.pointer_id());
        self.hand.down.push((event.pointer_id(), at));
        if self.hand.down.len() >= 2 {
            self.hand.what = Doing::Pinching;
            return;
        }
        let touch = event.pointer_type() == "touch";
        let target = self.scene.pick(at, if touch { FINGER } else { 0.0 });
        self.hand.start = at;
        self.hand.what = Doing::Pressing(target, touch);
        if touch && self.scene.set_hover(target) {
            told.push(Told::Hover(super::describe(&self.scene, target), at));
        }
    }

    fn moved(&mut self, event: &PointerEvent, told: &mut Vec<Told>) {
        let at = place(event);
        self.hand.over = Some(at);
        let Some(held) = self.hand.down.iter().position(|p| p.0 == event.pointer_id()) else {
            return self.point(at, told);
        };
        let before = std::mem::replace(&mut self.hand.down[held].1, at);
        match self.hand.what {
            Doing::Pressing(target, touch) if apart(at, self.hand.start) > if touch { FINGER } else { CLICK_REACH } => {
                self.begin_drag(target, touch);
                self.follow(self.hand.start, at);
            }
            Doing::Pinching => self.pinch(held, before, at),
            _ => self.follow(before, at),
        }
    }

    /// A finger pans even on nodes: on a phone they are everywhere. A mouse drags the node it is on.
    fn begin_drag(&mut self, target: Target, touch: bool) {
        self.hand.what = match target {
            Target::Node(node) if !touch && self.scene.selected() != Some(node) => {
                let grip = self.scene.camera().to_plane(self.hand.start);
                let centre = self.scene.geometry.spots.get(node as usize).map_or([0.0; 2], |s| s.at);
                Doing::Dragging(node, [f64::from(centre[0]) - grip[0], f64::from(centre[1]) - grip[1]])
            }
            _ => Doing::Panning,
        };
        self.canvas.style().set_property("cursor", "grabbing").unwrap_or_default();
    }

    fn follow(&mut self, before: [f64; 2], at: [f64; 2]) {
        match self.hand.what {
            Doing::Panning => self.scene.pan(at[0] - before[0], at[1] - before[1]),
            Doing::Dragging(node, offset) => {
                let p = self.scene.camera().to_plane(at);
                let now = self.now();
                self.scene.drag(node, [(p[0] + offset[0]) as f32, (p[1] + offset[1]) as f32], now);
            }
            _ => {}
        }
    }

    /// Two fingers: what was under them stays under them.
    fn pinch(&mut self, held: usize, before: [f64; 2], at: [f64; 2]) {
        let Some(other) = self.hand.down.iter().enumerate().find(|(i, _)| *i != held).map(|(_, p)| p.1) else {
            return;
        };
        let (old, new) = (apart(before, other).max(1.0), apart(at, other).max(1.0));
        let (middle_old, middle) = (
            [(before[0] + other[0]) / 2.0, (before[1] + other[1]) / 2.0],
            [(at[0] + other[0]) / 2.0, (at[1] + other[1]) / 2.0],
        );
        self.scene.pan(middle[0] - middle_old[0], middle[1] - middle_old[1]);
        self.scene.zoom_about(middle, new / old);
    }

    fn release(&mut self, event: &PointerEvent, told: &mut Vec<Told>) {
        self.hand.down.retain(|p| p.0 != event.pointer_id());
        let at = place(event);
        match std::mem::take(&mut self.hand.what) {
            Doing::Pressing(target, _) => self.click(target, told),
            Doing::Dragging(..) => told.push(Told::Pins(self.scene.pins())),
            Doing::Pinching if self.hand.down.len() == 1 => {
                // The finger that stays goes on panning.
                self.hand.what = Doing::Panning;
                return;
            }
            _ => {}
        }
        self.scene.version += 1;
        self.canvas.style().set_property("cursor", "grab").unwrap_or_default();
        if event.pointer_type() == "touch" {
            self.leave(told);
        } else {
            self.point(at, told);
        }
    }

    fn cancel(&mut self, event: &PointerEvent, told: &mut Vec<Told>) {
        self.hand.down.retain(|p| p.0 != event.pointer_id());
        if let Doing::Dragging(..) = std::mem::take(&mut self.hand.what) {
            told.push(Told::Pins(self.scene.pins()));
        }
        self.leave(told);
    }

    fn leave(&mut self, told: &mut Vec<Told>) {
        if self.hand.is_busy() {
            return;
        }
        let at = self.hand.over.take().unwrap_or_default();
        if self.scene.set_hover(Target::Nothing) {
            told.push(Told::Hover(super::Hover::Nothing, at));
        }
    }

    fn click(&mut self, target: Target, told: &mut Vec<Told>) {
        match target {
            Target::Node(node) => told.push(Told::Select(self.id_of(node))),
            Target::Cluster(group) => self.enter_cluster(group),
            Target::Nothing => told.push(Told::Select(None)),
            Target::Edge(_) => {}
        }
    }

    /// Goes near enough to an aggregate that its nodes are seen.
    fn enter_cluster(&mut self, group: u32) {
        let Some(at) = self.scene.aggregates.groups.get(group as usize).map(|g| g.at) else {
            return;
        };
        let [left, top, width, height] = self.scene.viewport().free();
        let camera = self.scene.camera();
        let zoom = (camera.zoom * 3.0).max(crate::scene::lod::AGGREGATE_BELOW * 1.6);
        let to = Camera {
            x: f64::from(at[0]) - (left + width / 2.0) / zoom,
            y: f64::from(at[1]) - (top + height / 2.0) / zoom,
            zoom,
        };
        let now = self.now();
        self.scene.glide_to(to, now);
    }

    fn double(&mut self, at: [f64; 2], told: &mut Vec<Told>) {
        match self.scene.pick(at, 0.0) {
            Target::Node(node) => told.extend(self.id_of(node).map(Told::Open)),
            Target::Nothing | Target::Edge(_) => {
                let mut to = self.scene.camera();
                to.zoom_about(at, 1.8, self.scene.zoom_least());
                let now = self.now();
                self.scene.glide_to(to, now);
            }
            Target::Cluster(_) => {}
        }
    }

    fn wheel(&mut self, event: &WheelEvent, told: &mut Vec<Told>) {
        // Lines and pages instead of pixels; a pinch on a touch pad comes as a wheel with Ctrl and small steps.
        let unit = match event.delta_mode() {
            1 => 25.0,
            2 => 200.0,
            _ if event.ctrl_key() => 4.0,
            _ => 1.0,
        };
        let step = (-event.delta_y() * unit * WHEEL).clamp(-1.2, 1.2);
        let at = place(event);
        self.scene.zoom_about(at, step.exp());
        self.point(at, told);
    }

    fn id_of(&self, node: u32) -> Option<String> {
        self.scene.data().nodes.get(node as usize).map(|n| n.id.to_string())
    }

    /// Handles a key; true if it was one of the map's.
    fn key(&mut self, event: &KeyboardEvent, told: &mut Vec<Told>) -> bool {
        let now = self.now();
        let direction = match event.key().as_str() {
            "ArrowUp" => Direction::Up,
            "ArrowDown" => Direction::Down,
            "ArrowLeft" => Direction::Left,
            "ArrowRight" => Direction::Right,
            "Enter" | " " => return self.enter(told),
            "Escape" => {
                let busy = self.scene.selected().is_some() || self.scene.cursor().is_some();
                self.scene.set_cursor(None);
                told.push(Told::Select(None));
                return busy;
            }
            "+" | "=" => {
                self.scene.zoom_by(1.3, now);
                return true;
            }
            "-" | "_" => {
                self.scene.zoom_by(1.0 / 1.3, now);
                return true;
            }
            "0" | "Home" => {
                self.scene.fit(now);
                return true;
            }
            "p" => return self.toggle_pin(now, told),
            _ => return false,
        };
        if event.shift_key() {
            let (dx, dy) = match direction {
                Direction::Up => (0.0, PAN_STEP),
                Direction::Down => (0.0, -PAN_STEP),
                Direction::Left => (PAN_STEP, 0.0),
                Direction::Right => (-PAN_STEP, 0.0),
            };
            self.scene.pan(dx, dy);
            return true;
        }
        if let Some(next) = self.scene.next(self.scene.cursor().or(self.scene.selected()), direction) {
            self.scene.set_cursor(Some(next));
            self.show(next, now);
            self.announce(next, told);
        }
        true
    }

    fn enter(&mut self, told: &mut Vec<Told>) -> bool {
        let Some(node) = self.scene.cursor() else { return false };
        let Some(id) = self.id_of(node) else { return false };
        told.push(if self.scene.selected() == Some(node) {
            Told::Open(id)
        } else {
            Told::Select(Some(id))
        });
        true
    }

    fn toggle_pin(&mut self, now: f64, told: &mut Vec<Told>) -> bool {
        let Some(node) = self.scene.cursor() else { return false };
        if !self.scene.unpin(node, now) {
            let at = self.scene.home(node);
            self.scene.drag(node, at, now);
        }
        told.push(Told::Pins(self.scene.pins()));
        true
    }

    /// Brings a node into the free area, near enough to be read, if it is not.
    fn show(&mut self, node: u32, now: f64) {
        let Some([x, y, radius]) = self.scene.place_of(node) else { return };
        let [left, top, width, height] = self.scene.viewport().free();
        let margin = 30.0;
        let inside = x > left + margin && x < left + width - margin && y > top + margin && y < top + height - margin;
        if inside && radius > 4.0 {
            return;
        }
        let mut to = self.scene.camera();
        to.zoom = to.zoom.max(0.2);
        let at = self.scene.camera().to_plane([x, y]);
        to.x = at[0] - (left + width / 2.0) / to.zoom;
        to.y = at[1] - (top + height / 2.0) / to.zoom;
        self.scene.glide_to(to, now);
    }

    fn announce(&self, node: u32, told: &mut Vec<Told>) {
        let Some(data) = self.scene.data().nodes.get(node as usize) else {
            return;
        };
        let edges = &self.scene.data().edges;
        let near = self.scene.near(node);
        let out = near
            .iter()
            .filter(|(e, _)| edges.get(*e as usize).is_some_and(|e| e.from == node))
            .count();
        let minor = if data.label_minor.is_empty() {
            String::new()
        } else {
            format!(", {}", data.label_minor)
        };
        let metric = self.scene.metric_on(node).map(|(_, text)| format!(", {text}")).unwrap_or_default();
        told.push(Told::Announce(format!(
            "{}{minor}{metric}, {} in, {out} out",
            data.label,
            near.len() - out
        )));
    }
}
