//! Layout of generated service graphs: how good (crossings, edge length, overlap, stability) and how fast, from nothing and after one change.
//!
//! `cargo bench -p scope-app --bench layout` prints the table of qualities, then the times. `-- --quality` stops after the table.
//! `-- --export DIR` writes the graphs for `bench-page/layouts.mjs`, `-- --measure DIR` judges what that drew by the same rules as ours.

use std::{hint::black_box, time::Instant};

use criterion::Criterion;
use scope_app::layout::{Engine, Graph, GraphNode, generate, quality};

const SIZES: [usize; 5] = [50, 200, 1_000, 3_000, 10_000];

/// The graph with `count` nodes more, each joined to two that were there.
fn grown(graph: &Graph, count: usize) -> Graph {
    let mut random = generate::Random::new(99);
    let mut graph = graph.clone();
    let before = graph.nodes.len();
    for i in 0..count {
        graph.nodes.push(GraphNode {
            id: format!("new-{i}").into(),
            rank: "new".into(),
        });
        let node = (before + i) as u32;
        graph.edges.push((random.below(before) as u32, node));
        if i % 2 == 0 {
            graph.edges.push((node, random.below(before) as u32));
        }
    }
    graph
}

/// The graph without `count` of its nodes.
fn shrunk(graph: &Graph, count: usize) -> Graph {
    let step = graph.nodes.len() / count.max(1);
    let keep = |i: usize| i % step != step / 2 || i / step >= count;
    let mut index = vec![u32::MAX; graph.nodes.len()];
    let mut nodes = Vec::new();
    for (i, node) in graph.nodes.iter().enumerate().filter(|(i, _)| keep(*i)) {
        index[i] = nodes.len() as u32;
        nodes.push(node.clone());
    }
    let edges = graph
        .edges
        .iter()
        .map(|e| (index[e.0 as usize], index[e.1 as usize]))
        .filter(|e| e.0 != u32::MAX && e.1 != u32::MAX)
        .collect();
    Graph { nodes, edges }
}

/// Mean displacement and share of the nodes that are in both graphs and moved.
fn stability(first: &Graph, second: &Graph) -> (f64, f64) {
    let mut engine = Engine::new();
    let before = engine.update(first).positions.clone();
    let after = engine.update(second).positions.clone();
    let place: std::collections::HashMap<_, _> = first.nodes.iter().map(|n| &n.id).zip(&before).collect();
    let (mut common, mut moved, mut sum) = (0, 0, 0.0);
    for (node, now) in second.nodes.iter().zip(&after) {
        let Some(then) = place.get(&node.id) else { continue };
        common += 1;
        let distance = f64::from(now[0] - then[0]).hypot(f64::from(now[1] - then[1]));
        moved += usize::from(distance > 1.0);
        sum += distance;
    }
    (sum / f64::from(common.max(1)), 100.0 * moved as f64 / f64::from(common.max(1)))
}

fn report_quality() {
    println!(
        "| nodes | edges | crossings | edge length | overlaps | edges over nodes | width × height | from nothing ms | one node more ms |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for size in SIZES {
        let graph = generate::service_graph(size, 7);
        let mut engine = Engine::new();
        let mut fastest = f64::INFINITY;
        for _ in 0..5 {
            engine = Engine::new();
            let start = Instant::now();
            black_box(engine.update(&graph));
            fastest = fastest.min(start.elapsed().as_secs_f64() * 1e3);
        }
        let layout = engine.layout().clone();
        let more = grown(&graph, 1);
        let mut one = f64::INFINITY;
        for _ in 0..5 {
            engine = Engine::new();
            engine.update(&graph);
            let start = Instant::now();
            black_box(engine.update(&more));
            one = one.min(start.elapsed().as_secs_f64() * 1e3);
        }
        let lines: Vec<_> = (0..graph.edges.len()).map(|i| quality::flatten(layout.routes.get(i), 12)).collect();
        let span = |axis: usize| {
            let all = layout.positions.iter().map(|p| p[axis]);
            all.clone().fold(f32::NEG_INFINITY, f32::max) - all.fold(f32::INFINITY, f32::min)
        };
        println!(
            "| {size} | {} | {} | {:.0} k | {} | {} | {:.0} × {:.0} | {fastest:.2} | {one:.3} |",
            graph.edges.len(),
            quality::crossings(&lines, 60.0),
            quality::length(&lines) / 1e3,
            quality::overlaps(&layout.positions, 100.0, 100.0) + quality::overlaps(&layout.positions, 70.0, 180.0),
            quality::edges_through_nodes(&layout, &graph.edges, 45.0),
            span(0),
            span(1),
        );
    }
    println!("\n| nodes | change | mean displacement of the others | share of the others that move |\n|---|---|---|---|");
    for size in SIZES {
        let graph = generate::service_graph(size, 7);
        let share = (size / 20).max(1);
        for (name, other) in [
            ("one more".to_owned(), grown(&graph, 1)),
            ("one less".to_owned(), shrunk(&graph, 1)),
            (format!("{share} more"), grown(&graph, share)),
            (format!("{share} less"), shrunk(&graph, share)),
        ] {
            let (distance, moved) = stability(&graph, &other);
            println!("| {size} | {name} | {distance:.2} | {moved:.2} % |");
        }
    }
}

fn report_times(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("layout");
    group.sample_size(20);
    for size in SIZES {
        let graph = generate::service_graph(size, 7);
        group.bench_function(format!("from nothing/{size}"), |b| {
            b.iter(|| Engine::new().update(black_box(&graph)).positions.len())
        });
        let more = grown(&graph, 1);
        let mut engine = Engine::new();
        engine.update(&graph);
        // Adding and removing in turn: each is an update that changes one node.
        let mut flip = false;
        group.bench_function(format!("one node/{size}"), |b| {
            b.iter(|| {
                flip = !flip;
                engine.update(black_box(if flip { &more } else { &graph })).positions.len()
            });
        });
        group.bench_function(format!("nothing new/{size}"), |b| {
            b.iter(|| engine.update(black_box(&graph)).positions.len())
        });
    }
    group.finish();
}

/// A drawing as the comparison writes it.
#[derive(serde::Deserialize)]
struct Drawing {
    ms: f64,
    positions: Vec<[f32; 2]>,
    lines: Vec<Vec<[f32; 2]>>,
    #[serde(default, rename = "gaveUp")]
    gave_up: bool,
}

fn export(dir: &std::path::Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    for size in SIZES {
        let graph = generate::service_graph(size, 7);
        let json = serde_json::json!({ "nodes": graph.nodes.len(), "edges": graph.edges });
        std::fs::write(dir.join(format!("graph-{size}.json")), json.to_string())?;
    }
    Ok(())
}

fn measure(dir: &std::path::Path) {
    println!(
        "| nodes | edges | engine | CPU ms | crossings | edge length | overlaps | width × height |\n|---|---|---|---|---|---|---|---|"
    );
    for size in SIZES {
        let graph = generate::service_graph(size, 7);
        let start = Instant::now();
        let mut engine = Engine::new();
        let layout = engine.update(&graph);
        let ms = start.elapsed().as_secs_f64() * 1e3;
        let lines = (0..graph.edges.len()).map(|i| quality::flatten(layout.routes.get(i), 12)).collect();
        let mut drawings = vec![(
            "ours",
            Drawing {
                ms,
                positions: layout.positions.clone(),
                lines,
                gave_up: false,
            },
        )];
        for name in ["dot", "dagre"] {
            let file = std::fs::read(dir.join(format!("{name}-{size}.json"))).ok();
            drawings.extend(
                file.and_then(|text| serde_json::from_slice(&text).ok())
                    .map(|drawing| (name, drawing)),
            );
        }
        for (name, drawing) in drawings {
            if drawing.gave_up {
                println!("| {size} | {} | {name} | > {:.0} | gave up | | | |", graph.edges.len(), drawing.ms);
                continue;
            }
            let span = |axis: usize| {
                let all = drawing.positions.iter().map(|p| p[axis]);
                all.clone().fold(f32::NEG_INFINITY, f32::max) - all.fold(f32::INFINITY, f32::min)
            };
            println!(
                "| {size} | {} | {name} | {:.2} | {} | {:.0} k | {} | {:.0} × {:.0} |",
                graph.edges.len(),
                drawing.ms,
                quality::crossings(&drawing.lines, 60.0),
                quality::length(&drawing.lines) / 1e3,
                quality::overlaps(&drawing.positions, 100.0, 100.0),
                span(0),
                span(1),
            );
        }
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let folder = |flag: &str| {
        args.iter()
            .position(|a| a == flag)
            .and_then(|i| args.get(i + 1))
            .map(std::path::PathBuf::from)
    };
    if let Some(dir) = folder("--export") {
        if let Err(error) = export(&dir) {
            eprintln!("cannot write the graphs to {}: {error}", dir.display());
        }
        return;
    }
    if let Some(dir) = folder("--measure") {
        return measure(&dir);
    }
    report_quality();
    if std::env::args().any(|arg| arg == "--quality") {
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    report_times(&mut criterion);
    criterion.final_summary();
}
