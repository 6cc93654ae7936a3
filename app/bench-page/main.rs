//! A page with nothing but the map, for looking at it, for pictures and for the browser benchmark; never shipped.
//!
//! `drawing.mjs` and `shots.mjs` beside this file drive it through the functions below.

#[cfg(target_arch = "wasm32")]
mod page {
    use std::cell::RefCell;

    use scope_app::{
        layout::{Engine, Graph, GraphNode, generate},
        scene::{
            Matches, MetricLayer, MetricValue, NetworkOverlay, NodeMatch, SceneData, Theme, colour,
            gl::{Events, Extent, Hover, Insets, MapView},
        },
    };
    use wasm_bindgen::prelude::*;
    use web_sys::{HtmlCanvasElement, console, window};

    thread_local! {
        static STATE: RefCell<Option<State>> = const { RefCell::new(None) };
    }

    struct State {
        view: MapView,
        engine: Engine,
        graph: Graph,
        ids: Vec<String>,
    }

    fn with<T: Default>(work: impl FnOnce(&mut State) -> T) -> T {
        STATE.with_borrow_mut(|state| state.as_mut().map(work)).unwrap_or_default()
    }

    fn now() -> f64 {
        window().and_then(|w| w.performance()).map_or(0.0, |p| p.now())
    }

    /// Mounts the map on the page's canvas.
    #[wasm_bindgen]
    pub fn mount(flat: bool) -> Result<(), JsValue> {
        console_error_panic_hook::set_once();
        let canvas: HtmlCanvasElement = window()
            .and_then(|w| w.document())
            .and_then(|d| d.get_element_by_id("map"))
            .ok_or("no canvas")?
            .unchecked_into();
        let log = |text: String| console::log_1(&text.into());
        let events = Events {
            select: Some(Box::new(move |id| {
                log(format!("select {id:?}"));
                let view = with(|s| Some(s.view.clone()));
                if let Some(view) = view {
                    view.set_selected(id.as_deref());
                }
            })),
            hover: Some(Box::new(move |hover, _| log(format!("hover {hover:?}")))),
            open: Some(Box::new(move |id| log(format!("open {id}")))),
            pins: Some(Box::new(move |pins| log(format!("pins {pins:?}")))),
            camera: None,
            shape: None,
            announce: Some(Box::new(move |text| log(format!("announce {text}")))),
        };
        let view = MapView::mount_with(canvas, events, flat)?;
        view.set_insets(Insets {
            top: 20.0,
            right: 20.0,
            bottom: 20.0,
            left: 20.0,
        });
        STATE.set(Some(State {
            view,
            engine: Engine::new(),
            graph: Graph::default(),
            ids: Vec::new(),
        }));
        Ok(())
    }

    /// Lays out and shows a generated graph; returns the milliseconds of layout.
    #[wasm_bindgen]
    pub fn load(nodes: usize, seed: u32) -> f64 {
        with(|state| {
            state.graph = generate::service_graph(nodes, u64::from(seed));
            let start = now();
            state.engine = Engine::new();
            state.engine.update(&state.graph);
            let spent = now() - start;
            show(state);
            spent
        })
    }

    /// Lays out a generated graph with `per_node` edges a node (those beyond the generator's own join near nodes) and keeps it for
    /// `show_prepared`; returns the milliseconds of layout.
    #[wasm_bindgen]
    pub fn prepare(nodes: usize, per_node: f64, seed: u32) -> f64 {
        with(|state| {
            let mut graph = generate::service_graph(nodes, u64::from(seed));
            let mut random = generate::Random::new(u64::from(seed));
            let near = nodes / 25;
            while nodes > near && (graph.edges.len() as f64) < nodes as f64 * per_node {
                let from = random.below(nodes - near);
                let to = (from + 1 + random.below(near.max(1))).min(nodes - near - 1);
                if from != to {
                    graph.edges.push((from as u32, to as u32));
                }
            }
            state.graph = graph;
            let start = now();
            state.engine = Engine::new();
            state.engine.update(&state.graph);
            now() - start
        })
    }

    /// Shows what was prepared.
    #[wasm_bindgen]
    pub fn show_prepared() {
        with(show);
    }

    /// What was prepared, for other painters: `{nodes: [[x, y, label, colour]], edges: [[from, to, path]]}`.
    #[wasm_bindgen]
    pub fn prepared() -> String {
        with(|state| {
            let layout = state.engine.layout();
            let (nodes, edges) = generate::decorate(&state.graph, 3);
            let nodes: Vec<_> = nodes
                .iter()
                .zip(&layout.positions)
                .map(|(node, at)| {
                    let colour = colour::hex(colour::node(&node.rank, &node.label, node.pseudo, Theme::Light));
                    serde_json::json!([at[0], at[1], node.label.as_str(), colour])
                })
                .collect();
            let edges: Vec<_> = edges
                .iter()
                .enumerate()
                .map(|(i, edge)| {
                    let mut path = String::new();
                    for (k, p) in layout.routes.get(i).iter().enumerate() {
                        let before = match k {
                            0 => "M",
                            1 => "C",
                            _ => " ",
                        };
                        path.push_str(&format!("{before}{:.0} {:.0}", p[0], p[1]));
                    }
                    serde_json::json!([edge.from, edge.to, path])
                })
                .collect();
            serde_json::json!({ "nodes": nodes, "edges": edges }).to_string()
        })
    }

    /// Shows a graph given as `name>name` lines; `#` before a line makes a node of its own.
    #[wasm_bindgen]
    pub fn load_text(text: &str) {
        with(|state| {
            let mut graph = Graph::default();
            let mut index = |name: &str| -> u32 {
                if let Some(at) = graph.nodes.iter().position(|n| n.id == name) {
                    return at as u32;
                }
                graph.nodes.push(GraphNode {
                    id: name.into(),
                    rank: name.split('_').next().unwrap_or_default().into(),
                });
                graph.nodes.len() as u32 - 1
            };
            let mut edges = Vec::new();
            for line in text.split_whitespace() {
                if let Some((a, b)) = line.split_once('>') {
                    edges.push((index(a), index(b)));
                } else {
                    index(line.trim_start_matches('#'));
                }
            }
            graph.edges = edges;
            state.graph = graph;
            state.engine.update(&state.graph);
            show(state);
        });
    }

    /// Adds `count` nodes and updates; returns the milliseconds of layout.
    #[wasm_bindgen]
    pub fn grow(count: usize) -> f64 {
        with(|state| {
            let mut random = generate::Random::new(state.graph.nodes.len() as u64);
            for _ in 0..count {
                let before = state.graph.nodes.len();
                state.graph.nodes.push(GraphNode {
                    id: format!("new-{before}").into(),
                    rank: "new".into(),
                });
                state.graph.edges.push((random.below(before) as u32, before as u32));
            }
            let start = now();
            state.engine.update(&state.graph);
            let spent = now() - start;
            show(state);
            spent
        })
    }

    fn show(state: &mut State) {
        let layout = state.engine.layout().clone();
        let (nodes, edges) = generate::decorate(&state.graph, 3);
        state.ids = nodes.iter().map(|n| n.id.to_string()).collect();
        state.view.set_scene(SceneData {
            key: "demo".into(),
            nodes,
            edges,
            positions: layout.positions,
            routes: layout.routes,
            fresh: false,
        });
    }

    /// `light`, `dark` or `contrast`.
    #[wasm_bindgen]
    pub fn theme(name: &str) {
        with(|s| {
            s.view.set_theme(match name {
                "dark" => Theme::Dark,
                "contrast" => Theme::Contrast,
                _ => Theme::Light,
            });
        });
    }

    /// Selects by number; a negative one selects nothing.
    #[wasm_bindgen]
    pub fn select(index: i32) {
        with(|s| {
            s.view
                .set_selected(usize::try_from(index).ok().and_then(|i| s.ids.get(i)).map(String::as_str))
        });
    }

    /// Gives every node a value.
    #[wasm_bindgen]
    pub fn metrics(on: bool) {
        with(|s| {
            let values = s.ids.iter().enumerate().map(|(i, id)| {
                let value = (i * 37 % 101) as f64;
                MetricValue {
                    node: id.as_str().into(),
                    value,
                    max: 100.0,
                    text: format!("{value:.1} %").into(),
                }
            });
            s.view.set_metrics(on.then(|| MetricLayer {
                id: "docker_cpu_total_usage".into(),
                values: values.collect(),
            }));
        });
    }

    /// Searches labels.
    #[wasm_bindgen]
    pub fn search(text: &str) {
        with(|s| {
            let found = |id: &String| {
                let at = id.find(text)? as u32;
                Some(NodeMatch {
                    node: id.as_str().into(),
                    label: vec![(at, at + text.len() as u32)],
                    ..NodeMatch::default()
                })
            };
            s.view.set_matches((!text.is_empty()).then(|| Matches {
                nodes: s.ids.iter().filter_map(found).collect(),
            }));
        });
    }

    /// Shows networks; with a name, selects one.
    #[wasm_bindgen]
    pub fn networks(on: bool, name: &str) {
        with(|s| {
            s.view.set_networks(on.then(|| NetworkOverlay {
                selected: (!name.is_empty()).then(|| name.to_owned()),
            }))
        });
    }

    /// Puts the camera somewhere.
    #[wasm_bindgen]
    pub fn set_camera(x: f64, y: f64, zoom: f64) {
        with(|s| s.view.set_camera([x, y, zoom]));
    }

    /// The camera.
    #[wasm_bindgen]
    pub fn camera() -> Vec<f64> {
        with(|s| s.view.camera().to_vec())
    }

    /// Shows everything.
    #[wasm_bindgen]
    pub fn fit() {
        with(|s| s.view.fit());
    }

    /// Whether a frame is still to come.
    #[wasm_bindgen]
    pub fn is_moving() -> bool {
        with(|s| s.view.is_moving())
    }

    /// Which painter is at work.
    #[wasm_bindgen]
    pub fn renderer() -> String {
        with(|s| s.view.renderer().to_owned())
    }

    /// The view as SVG.
    #[wasm_bindgen]
    pub fn svg(all: bool) -> String {
        with(|s| s.view.export_svg(if all { Extent::All } else { Extent::View }))
    }

    /// Places of all nodes on the canvas: x, y, radius one after the other.
    #[wasm_bindgen]
    pub fn places() -> Vec<f64> {
        with(|s| s.ids.iter().filter_map(|id| s.view.place_of(id)).flatten().collect())
    }

    /// Number of the node at a place; -1 for none.
    #[wasm_bindgen]
    pub fn hit(x: f64, y: f64) -> i32 {
        with(|s| match s.view.hit(x, y) {
            Hover::Node(id) => s.ids.iter().position(|i| *i == id).map_or(-1, |i| i as i32),
            _ => -1,
        })
    }
}

fn main() {}
