//! Laws of the map: the layout of any graph, its stability, and that what is hit is what is drawn.

use proptest::prelude::*;
use scope_app::{
    layout::{Engine, Form, Graph, GraphNode, Layout, generate, quality},
    scene::{
        Camera, Insets, Matches, MetricValue, NodeMatch, Pin, Scene, SceneData, Shape,
        camera::ZOOM_MIN,
        draw::DrawList,
        labels::{Estimate, Labels},
        lod,
        pick::Direction,
        shape,
        state::Target,
        svg,
    },
};

fn graph(nodes: usize, edges: Vec<(u32, u32)>) -> Graph {
    let nodes = (0..nodes)
        .map(|i| GraphNode {
            id: format!("n{i}").into(),
            rank: format!("r{}", i % 3).into(),
        })
        .collect();
    Graph { nodes, edges }
}

/// Any graph: parallel edges, loops, cycles, edges to nowhere, no nodes at all.
fn any_graph() -> impl Strategy<Value = Graph> {
    (0usize..40).prop_flat_map(|n| prop::collection::vec((0u32..45, 0u32..45), 0..90).prop_map(move |edges| graph(n, edges)))
}

fn check(graph: &Graph, layout: &Layout) {
    assert_eq!(layout.positions.len(), graph.nodes.len());
    assert_eq!(layout.routes.len(), graph.edges.len());
    assert!(
        layout
            .positions
            .iter()
            .flatten()
            .chain(layout.routes.points.iter().flatten())
            .all(|v| v.is_finite())
    );
    assert_eq!(quality::overlaps(&layout.positions, 100.0, 100.0), 0, "glyphs overlap");
    for (i, &(from, to)) in graph.edges.iter().enumerate() {
        let route = layout.routes.get(i);
        match (layout.positions.get(from as usize), layout.positions.get(to as usize)) {
            (Some(a), Some(b)) => {
                assert_eq!((route.first(), route.last()), (Some(a), Some(b)), "a route joins its ends");
                assert_eq!(route.len() % 3, 1, "a route is a chain of cubics");
            }
            _ => assert!(route.is_empty(), "an edge to nowhere has no route"),
        }
    }
}

/// Cutting cycles would give such a graph hundreds of rows, and each edge as many bends.
#[test]
fn where_everything_talks_to_everything_the_map_keeps_the_shape_of_a_screen() {
    for (nodes, edges) in [(100, 1_000), (300, 3_000), (1_000, 10_000)] {
        let graph = generate::tangle(nodes, edges, 3);
        let mut engine = Engine::new();
        let layout = engine.update(&graph).clone();
        check(&graph, &layout);
        let (mut width, mut height) = (0f32, 0f32);
        for place in &layout.positions {
            width = width.max(place[0]);
            height = height.max(place[1]);
        }
        assert!(height < width, "{nodes} nodes in {width} × {height}");
        let points = layout.routes.points.len();
        assert!(points < edges * 24, "{points} points for {edges} edges");
        let over = quality::edges_through_nodes(&layout, &graph.edges, 50.0);
        assert!(over * 20 < edges, "{over} of {edges} edges run over nodes");
        // One more node, and nobody else moves.
        let mut grown = graph.clone();
        grown.nodes.push(GraphNode {
            id: "new".into(),
            rank: "peer".into(),
        });
        grown.edges.push((nodes as u32, 7));
        assert_eq!(engine.update(&grown).positions[..nodes], layout.positions[..]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_history_of_graphs_is_laid_out_without_overlap_and_always_alike(history in prop::collection::vec(any_graph(), 1..5)) {
        let (mut first, mut second) = (Engine::new(), Engine::new());
        for graph in &history {
            let layout = first.update(graph).clone();
            check(graph, &layout);
            prop_assert_eq!(&layout, second.update(graph));
            prop_assert_eq!(&layout, first.update(graph), "an update without news moves nothing");
        }
    }

    #[test]
    fn pinned_nodes_stay_where_they_were_put(graph in any_graph(), x in -3000f32..3000.0, y in -3000f32..3000.0) {
        prop_assume!(!graph.nodes.is_empty());
        let mut engine = Engine::new();
        engine.update(&graph);
        let at = [x.round(), y.round()];
        engine.set_pins(vec![Pin { node: "n0".into(), at }]);
        let layout = engine.update(&graph).clone();
        prop_assert_eq!(layout.positions[0], at);
        check(&graph, &layout);
        prop_assert_eq!(engine.relayout(&graph).positions[0], at);
    }
}

#[test]
fn the_parts_of_a_map_are_packed_for_the_screen_it_is_on() {
    let pairs: Vec<(u32, u32)> = (0..30).map(|pair| (2 * pair, 2 * pair + 1)).collect();
    for nodes in [60, 90] {
        let graph = graph(nodes, pairs.clone());
        for (form, least, most) in [(Form::Landscape, 1.2, 2.4), (Form::Portrait, 0.4, 0.95)] {
            let mut engine = Engine::new();
            engine.set_form(form);
            let layout = engine.update(&graph).clone();
            check(&graph, &layout);
            let extent = |axis: usize| {
                let values = || layout.positions.iter().map(|place| place[axis]);
                values().fold(f32::MIN, f32::max) - values().fold(f32::MAX, f32::min)
            };
            let aspect = extent(0) / extent(1);
            assert!(
                (least..most).contains(&aspect),
                "{form:?}: {nodes} nodes take {aspect} times as much width as height"
            );
        }
    }
}

#[test]
fn clients_lie_above_servers() {
    let graph = graph(5, vec![(0, 1), (1, 2), (0, 3), (3, 4)]);
    let mut engine = Engine::new();
    let layout = engine.update(&graph);
    for &(client, server) in &graph.edges {
        assert!(layout.positions[client as usize][1] < layout.positions[server as usize][1]);
    }
}

#[test]
fn one_node_more_or_less_moves_nobody_else() {
    for size in [50, 200, 1_000] {
        let before = generate::service_graph(size, 11);
        let mut engine = Engine::new();
        let old = engine.update(&before).positions.clone();
        let mut more = before.clone();
        more.nodes.push(GraphNode {
            id: "new".into(),
            rank: "new".into(),
        });
        more.edges.push((size as u32 / 3, size as u32));
        more.edges.push((size as u32, size as u32 / 2));
        let now = engine.update(&more).positions.clone();
        let moved = old.iter().zip(&now).filter(|(a, b)| a != b).count();
        assert!(moved * 50 <= size, "{moved} of {size} moved");
        assert_eq!(
            engine.update(&before).positions,
            now[..size],
            "what stays does not move when a node goes"
        );
    }
}

#[test]
fn a_node_that_comes_back_takes_its_old_place() {
    let whole = generate::service_graph(60, 5);
    let mut engine = Engine::new();
    let first = engine.update(&whole).positions.clone();
    let last = whole.nodes.len() as u32 - 1;
    let mut without = whole.clone();
    without.nodes.pop();
    without.edges.retain(|e| e.0 != last && e.1 != last);
    engine.update(&without);
    assert_eq!(engine.update(&whole).positions, first);
}

#[test]
fn generated_service_graphs_are_drawn_cleanly() {
    for (size, seed) in [(50, 7), (50, 1), (200, 7), (200, 2), (1_000, 7), (1_000, 1)] {
        let graph = generate::service_graph(size, seed);
        let mut engine = Engine::new();
        let layout = engine.update(&graph).clone();
        check(&graph, &layout);
        let over = quality::edges_through_nodes(&layout, &graph.edges, 50.0);
        assert!(
            over * 300 <= graph.edges.len(),
            "seed {seed}: {over} of {} edges run over nodes",
            graph.edges.len()
        );
    }
}

/// Crossings of a graph laid out from nothing.
fn crossings(graph: &Graph) -> usize {
    let layout = Engine::new().update(graph).clone();
    check(graph, &layout);
    let lines: Vec<_> = (0..graph.edges.len())
        .map(|i| quality::flatten(layout.routes.get(i), quality::PIECES))
        .collect();
    quality::crossings(&lines, 60.0)
}

#[test]
fn a_crossing_is_counted_once_and_what_runs_the_same_way_does_not_cross() {
    let curve = |from: f32, to: f32| [[from, 0.0], [from, 130.0], [to, 110.0], [to, 240.0]];
    let line = |from: f32, to: f32| quality::flatten(&curve(from, to), quality::PIECES);
    let back = |from: f32, to: f32| {
        let mut route = curve(from, to);
        route.reverse();
        quality::flatten(&route, quality::PIECES)
    };
    // Symmetric: they meet where both have the middle of a piece.
    assert_eq!(quality::crossings(&[line(0.0, 220.0), line(220.0, 0.0)], 60.0), 1);
    assert_eq!(quality::crossings(&[line(0.0, 220.0), line(330.0, 140.0)], 60.0), 1);
    assert_eq!(quality::crossings(&[line(0.0, 220.0), line(110.0, 330.0)], 60.0), 0);
    assert_eq!(
        quality::crossings(&[line(17.0, 531.0), back(17.0, 531.0), line(17.0, 531.0)], 60.0),
        0
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Only if curves cross where their order says so and nowhere else.
    #[test]
    fn a_tree_is_drawn_without_crossings(
        inner in 1usize..15,
        parents in prop::collection::vec(any::<prop::sample::Index>(), 1..120),
    ) {
        let parent = |i: usize, parent: &prop::sample::Index| parent.index((i + 1).min(inner)) as u32;
        let edges = parents.iter().enumerate().map(|(i, any)| (parent(i, any), i as u32 + 1)).collect();
        prop_assert_eq!(crossings(&graph(parents.len() + 1, edges)), 0);
    }
}

#[test]
fn an_edge_that_passes_a_loop_does_not_cross_it() {
    // Recorded images of containers: edges run beside 9, which talks to itself, and beside 3.
    let edges = [
        (0, 7),
        (1, 7),
        (1, 9),
        (3, 3),
        (3, 4),
        (4, 4),
        (6, 3),
        (6, 4),
        (7, 1),
        (7, 2),
        (7, 6),
        (9, 1),
        (9, 2),
        (9, 5),
        (9, 9),
    ];
    assert_eq!(crossings(&graph(10, edges.to_vec())), 0);
}

/// Recorded containers: with 9 as high as its nearest clients allow, two of them cross.
#[test]
fn a_node_goes_to_another_rank_where_that_undoes_a_crossing() {
    let edges = vec![
        (0, 4),
        (1, 4),
        (4, 5),
        (4, 6),
        (5, 7),
        (5, 8),
        (6, 8),
        (2, 7),
        (2, 8),
        (3, 8),
        (4, 9),
        (9, 10),
        (10, 11),
        (4, 11),
    ];
    assert_eq!(crossings(&graph(12, edges)), 0);
}

/// A scene of a generated graph, 1400 by 900, without motion.
fn scene(size: usize) -> Scene {
    let graph = generate::service_graph(size, 7);
    let mut engine = Engine::new();
    let layout = engine.update(&graph).clone();
    let (nodes, edges) = generate::decorate(&graph, 3);
    let mut scene = Scene::new();
    scene.set_reduced_motion(true);
    scene.set_viewport(1400.0, 900.0, Insets::default(), 0.0);
    scene.set_data(
        SceneData {
            key: "test".into(),
            nodes,
            edges,
            positions: layout.positions,
            routes: layout.routes,
            fresh: false,
        },
        0.0,
    );
    scene
}

#[test]
fn what_is_hit_is_what_is_drawn() {
    let mut scene = scene(200);
    for zoom in [1.2, 0.5, 0.12] {
        let at = scene.data().positions[90];
        scene.set_camera(Camera {
            x: f64::from(at[0]) - 600.0 / zoom,
            y: f64::from(at[1]) - 400.0 / zoom,
            zoom,
        });
        for node in 0..scene.data().nodes.len() as u32 {
            let Some([x, y, radius]) = scene.place_of(node) else {
                panic!("no place")
            };
            assert_eq!(
                scene.pick([x, y], 0.0),
                Target::Node(node),
                "the middle of a glyph is that glyph at zoom {zoom}"
            );
            let kind = scene.data().nodes[node as usize].shape;
            for step in 0..16 {
                let angle = f64::from(step) * std::f64::consts::TAU / 16.0;
                for reach in [0.5, 0.8, 1.3, 1.6] {
                    let unit = [(angle.cos() * reach) as f32, (angle.sin() * reach) as f32];
                    let inside = shape::distance(kind, unit);
                    if inside.abs() < 0.1 || scene.data().nodes[node as usize].stack {
                        continue;
                    }
                    let hit = scene.pick([x + angle.cos() * reach * radius, y + angle.sin() * reach * radius], 0.0);
                    assert_eq!(hit == Target::Node(node), inside < 0.0, "{kind:?} at {unit:?}, zoom {zoom}");
                }
            }
        }
    }
}

#[test]
fn an_edge_is_hit_on_its_line_and_not_beside_it() {
    let mut scene = scene(50);
    scene.set_camera(Camera { x: 0.0, y: 0.0, zoom: 0.6 });
    let (mut tried, mut right) = (0, 0);
    for edge in 0..scene.data().edges.len() {
        let ends = &scene.data().edges[edge];
        if ends.from == ends.to {
            continue;
        }
        let line = quality::flatten(scene.data().routes.get(edge), 16);
        let middle = line[line.len() / 2];
        let at = scene.camera().to_screen(middle);
        tried += 1;
        right += usize::from(matches!(scene.pick(at, 0.0), Target::Edge(_) | Target::Node(_)));
    }
    assert!(tried > 20 && right == tried, "{right} of {tried}");
    assert_eq!(scene.pick([-5000.0, -5000.0], 0.0), Target::Nothing);
}

#[test]
fn captions_never_lie_over_one_another() {
    for size in [50, 200] {
        let mut scene = scene(size);
        for zoom in [0.9, 0.4, 0.2] {
            scene.set_camera(Camera { x: 200.0, y: 100.0, zoom });
            let mut labels = Labels::default();
            labels.refresh(&scene, &mut Estimate);
            assert!(!labels.list.is_empty());
            for (i, a) in labels.list.iter().enumerate() {
                for b in labels.list.iter().skip(i + 1) {
                    let (dx, dy) = (
                        (a.x - b.x).abs() - (a.width + b.width) / 2.0,
                        (a.y - b.y).abs() - f32::from(a.size + b.size) / 2.0,
                    );
                    assert!(dx > -1.0 || dy > -1.0, "{a:?} over {b:?} at {zoom}");
                }
            }
        }
    }
}

#[test]
fn far_out_dense_areas_become_aggregates_that_count_every_node() {
    let mut scene = scene(3_000);
    assert!(scene.zoom_least() < ZOOM_MIN, "a large map may be seen whole");
    scene.fit(0.0);
    let mut list = DrawList::default();
    list.refresh(&mut scene);
    assert!(lod::level(scene.camera().zoom).is_some());
    assert!(list.glyphs.len() < 900, "{} glyphs", list.glyphs.len());
    let version = list.strokes().version;
    scene.pan(7.0, 3.0);
    list.refresh(&mut scene);
    assert_eq!(list.strokes().version, version, "panning makes no lists");
}

#[test]
fn zooming_out_and_in_again_makes_no_strokes_but_moved_nodes_do() {
    let mut scene = scene(3_000);
    let mut list = DrawList::default();
    let mut version_at = |scene: &mut Scene, zoom: f64| {
        let camera = scene.camera();
        scene.set_camera(Camera { zoom, ..camera });
        list.refresh(scene);
        assert_eq!(list.is_far(), lod::level(zoom).is_some());
        list.strokes().version
    };
    let (near, far) = (version_at(&mut scene, 0.5), version_at(&mut scene, 0.05));
    assert_ne!(near, far);
    assert_eq!([version_at(&mut scene, 0.7), version_at(&mut scene, 0.05)], [near, far]);
    let hub = scene.data().nodes.first().map(|node| node.id.to_string());
    scene.set_selected(hub.as_deref(), 0.0);
    scene.tick(10_000.0);
    let again = [version_at(&mut scene, 0.7), version_at(&mut scene, 0.05)];
    assert!(!again.contains(&near) && !again.contains(&far), "{again:?} after {near} and {far}");
}

#[test]
fn levels_of_detail_that_were_kept_are_what_they_would_be_made_anew() {
    let mut walked = scene(3_000);
    let mut list = DrawList::default();
    let matches = walked.data().nodes.iter().step_by(20).map(|node| NodeMatch {
        node: node.id.clone(),
        ..NodeMatch::default()
    });
    let found = Matches { nodes: matches.collect() };
    for (step, zoom) in [0.05, 0.02, 0.5, 0.05, 0.01, 0.005, 0.02, 0.05, 0.02].into_iter().enumerate() {
        let mut fresh = scene(3_000);
        // From here on what matches stands for itself: nothing that was kept fits.
        if step == 6 {
            walked.set_matches(Some(found.clone()));
        }
        if step >= 6 {
            fresh.set_matches(Some(found.clone()));
        }
        for scene in [&mut walked, &mut fresh] {
            scene.set_camera(Camera { x: 0.0, y: 0.0, zoom });
        }
        let mut other = DrawList::default();
        list.refresh(&mut walked);
        other.refresh(&mut fresh);
        assert!(!list.glyphs.is_empty());
        assert_eq!(list.glyphs, other.glyphs, "step {step}, at {zoom}");
        assert_eq!(list.strokes().list, other.strokes().list, "step {step}, at {zoom}");
    }
}

#[test]
fn a_selection_gathers_the_neighbours_and_letting_go_restores_the_map() {
    let mut scene = scene(50);
    let before = DrawList::complete(&scene);
    let hub = 0..scene.data().nodes.len() as u32;
    let degree = |v: u32| scene.data().edges.iter().filter(|e| e.from == v || e.to == v).count();
    let Some(hub) = hub.max_by_key(|&v| degree(v)) else {
        panic!("no nodes")
    };
    let id = scene.data().nodes[hub as usize].id.clone();
    scene.set_selected(Some(&id), 0.0);
    let Some([x, y, _]) = scene.place_of(hub) else { panic!("no place") };
    assert!(
        (x - 700.0).abs() < 1.0 && (y - 450.0).abs() < 1.0,
        "the selected node is in the middle"
    );
    for edge in scene.data().edges.iter().filter(|e| e.from == hub && e.to != hub) {
        let Some([_, below, _]) = scene.place_of(edge.to) else {
            panic!("no place")
        };
        let also_calls = scene.data().edges.iter().any(|e| e.from == edge.to && e.to == hub);
        assert!(below > y || also_calls, "callees lie below");
    }
    scene.set_selected(None, 0.0);
    assert_eq!(DrawList::complete(&scene).glyphs, before.glyphs);
}

#[test]
fn motion_starts_where_things_are_and_ends_where_they_should_be() {
    let mut scene = scene(50);
    scene.set_reduced_motion(false);
    let start = scene.place_of(3);
    scene.drag(3, [5_000.0, 4_000.0], 0.0);
    scene.set_pins(&[], 100.0);
    assert_ne!(scene.place_of(3), start);
    assert!(scene.tick(200.0), "it is on its way");
    assert!(!scene.tick(5_000.0), "it has arrived");
    assert_eq!(scene.place_of(3), start);
}

#[test]
fn pins_survive_an_update_of_the_data() {
    let mut scene = scene(50);
    scene.drag(3, [1_234.0, 567.0], 0.0);
    let data = scene.data().clone();
    let camera = scene.camera();
    scene.set_data(data, 10.0);
    assert_eq!(scene.camera(), camera, "an update does not move the camera");
    let place = scene.camera().to_screen([1_234.0, 567.0]);
    let Some([x, y, _]) = scene.place_of(3) else { panic!("no place") };
    assert!((x - place[0]).abs() < 1e-3 && (y - place[1]).abs() < 1e-3);
    assert_eq!(scene.pins().len(), 1);
}

#[test]
fn every_node_can_be_reached_by_arrow_keys() {
    let scene = scene(50);
    let Some(start) = scene.next(None, Direction::Right) else {
        panic!("no nodes")
    };
    let mut seen = std::collections::BTreeSet::from([start]);
    let mut queue = vec![start];
    while let Some(node) = queue.pop() {
        for direction in [Direction::Up, Direction::Down, Direction::Left, Direction::Right] {
            queue.extend(scene.next(Some(node), direction).filter(|&next| seen.insert(next)));
        }
    }
    assert_eq!(seen.len(), scene.data().nodes.len());
}

#[test]
fn an_exported_picture_has_every_name_and_is_well_formed() {
    let mut scene = scene(50);
    scene.set_matches(Some(Matches {
        nodes: vec![NodeMatch {
            node: scene.data().nodes[0].id.clone(),
            ..NodeMatch::default()
        }],
    }));
    scene.set_matches(None);
    let text = svg::everything(&mut scene, &mut Estimate);
    assert_eq!(text.matches("<g").count(), text.matches("</g>").count());
    assert_eq!(text.matches("<text").count(), text.matches("</text>").count());
    let named = scene.data().nodes.iter().filter(|n| text.contains(n.label.as_str())).count();
    assert!(
        named * 10 >= scene.data().nodes.len() * 9,
        "{named} of {} named",
        scene.data().nodes.len()
    );
}

#[test]
fn the_fill_says_how_full_a_node_is() {
    let height = |metric: &str, value: f64, max: f64| {
        MetricValue {
            value,
            max,
            ..MetricValue::default()
        }
        .height(metric)
    };
    for (metric, value, max, expected) in [
        ("cpu", 0.0, 100.0, 0.0),
        ("cpu", 50.0, 100.0, 0.5),
        ("cpu", 99.9, 100.0, 0.8992),
        ("cpu", 100.0, 100.0, 1.0),
        ("cpu", 250.0, 100.0, 1.0),
        ("load1", 0.1, 0.0, 0.3),
        ("load1", 1.0, 0.0, 0.5),
        ("load1", 10.0, 0.0, 0.7),
        ("load1", 100.0, 0.0, 0.9),
    ] {
        assert!((height(metric, value, max) - expected).abs() < 1e-4, "{metric} {value}");
    }
    assert_eq!(height("cpu", f64::NAN, 1.0), 0.0);
}

#[test]
fn unknown_shapes_are_triangles_and_no_shape_is_a_circle() {
    assert_eq!(Shape::from_name("storagesheet"), Shape::Sheet);
    assert_eq!(Shape::from_name("dodecahedron"), Shape::Triangle);
    assert_eq!(Shape::from_name(""), Shape::Circle);
}
