//! Edges as smooth curves: cubic chains through the free lanes between nodes.
//!
//! Curves only; where the lanes are, the caller says (a layered pass) or `Rows` finds (after moves).

use super::{coords::NODE_PITCH, rows::Rows};
use crate::scene::data::{Point, cubic};

/// How near to a node's centre a foreign edge may come, graph units: the glyph's radius and some air.
const CLEARANCE: f32 = 66.0;

/// How near to a foreign node's centre a curve may come before another one is tried: the glyph's radius.
const GRAZE: f32 = 50.0;
/// Pieces that run less far sideways pass between the nodes of their rows, which are further apart.
const STEEP: f32 = 280.0;

/// Nodes above which routes keep to [`MOST_LANES`]: such a map is looked at from afar, and a detour at each of many rows is five times as much to
/// draw.
const LARGE: usize = 2000;
/// Rows that a route goes through lane by lane at most, in large maps.
const MOST_LANES: usize = 7;

/// How a curve leaves its points.
#[derive(Clone, Copy)]
struct Bend {
    /// Height of a piece by how far its control points lie from its ends.
    reach: f32,
    /// Slope at the ends and at the points between, shares of the pieces' own.
    ends: f32,
    inner: f32,
}

/// The bend of all edges, then the one of those that would run over a node in their own rows: steep until it is past them. Many different
/// bends would cross one another more often.
const BENDS: [Bend; 2] = [
    Bend {
        reach: 1.8,
        ends: 0.1,
        inner: 0.3,
    },
    Bend {
        reach: 1.4,
        ends: 0.0,
        inner: 0.1,
    },
];

/// Appends a curve through `points` to `out`, bent otherwise if it would run over nodes in `rows`. Between its ends it has at least `room` to the
/// nodes beside its points. Returns how many of its points still run over nodes.
pub(super) fn clear_curve(points: &[Point], rows: &Rows, room: f32, out: &mut Vec<Point>) -> usize {
    let start = out.len();
    let [usual, steep] = BENDS;
    bent(points, usual, out);
    let hits = grazed(out.get(start..).unwrap_or_default(), rows, room);
    if hits == 0 {
        return 0;
    }
    let mut other = Vec::new();
    bent(points, steep, &mut other);
    let fewer = grazed(&other, rows, room);
    if fewer < hits {
        out.truncate(start);
        out.append(&mut other);
    }
    fewer.min(hits)
}

/// How many points of a chain of curves lie over nodes at neither of its ends.
fn grazed(route: &[Point], rows: &Rows, room: f32) -> usize {
    let (Some(&first), Some(&last)) = (route.first(), route.last()) else {
        return 0;
    };
    let mut hits = 0;
    let mut at = 0;
    while let Some(&[a, b, c, d]) = route.get(at..at + 4) {
        at += 3;
        if (a[0] - d[0]).abs() < STEEP {
            continue;
        }
        let mut look = |from: f32, to: f32| {
            let [start, end] = [from, to].map(|t| cubic([a, b, c, d], t));
            let far = (start[0] - end[0]).abs();
            // Too short to reach the next node of the row.
            let room = if [first, last].contains(&start) { NODE_PITCH } else { room };
            if far < room - GRAZE {
                return;
            }
            let steps = (far / 35.0).clamp(4.0, 100.0) as usize;
            hits += (1..=steps)
                .map(|step| cubic([a, b, c, d], from + (to - from) * step as f32 / steps as f32))
                .filter(|p| rows.any_near(*p, GRAZE, [first, last]))
                .count();
        };
        let mut between = false;
        rows.for_each_between(a[1], d[1], |_, _| between = true);
        if between {
            look(0.0, 0.99);
            continue;
        }
        // Only near its ends is it near to a row: as long as it has not left its height behind. Half as long again is sure to be enough.
        let near = |from: Point, to: Point| (GRAZE / (2.0 * (to[1] - from[1]).abs()).max(1.0)).min(0.5);
        look(0.0, near(a, b));
        look(1.0, 1.0 - near(d, c));
    }
    hits
}

/// Appends a curve through `points` to `out` as 3k+1 control points. Where y runs one way only, so does the curve's; it never swings past a point.
fn curve(points: &[Point], out: &mut Vec<Point>) {
    bent(points, BENDS[0], out);
}

fn bent(points: &[Point], bend: Bend, out: &mut Vec<Point>) {
    let Some(&first) = points.first() else { return };
    out.push(first);
    if points.len() < 2 {
        return;
    }
    let steps: Vec<Point> = points.windows(2).map(|p| [p[1][0] - p[0][0], p[1][1] - p[0][1]]).collect();
    let falls = steps.iter().all(|s| s[1] > 1.0);
    let rises = steps.iter().all(|s| s[1] < -1.0);
    if !falls && !rises {
        return loose(points, &steps, out);
    }
    let chord: Vec<f32> = steps.iter().map(|s| s[0] / s[1]).collect();
    let last = chord.len();
    let slope = |i: usize| -> f32 {
        // At the ends edges leave steeper than their chord: fans open like a bouquet instead of cutting their neighbours.
        if i == 0 {
            return chord[0] * bend.ends;
        }
        if i == last {
            return chord[last - 1] * bend.ends;
        }
        let (a, b) = (chord[i - 1], chord[i]);
        // Gentler than either piece: steeper bends would cut edges that leave the same node.
        if a * b <= 0.0 {
            0.0
        } else {
            bend.inner * a.abs().min(b.abs()).copysign(a)
        }
    };
    for (i, step) in steps.iter().enumerate() {
        let (a, b) = (points[i], points[i + 1]);
        let third = step[1] / bend.reach;
        out.push([a[0] + slope(i) * third, a[1] + third]);
        out.push([b[0] - slope(i + 1) * third, b[1] - third]);
        out.push(b);
    }
}

/// Curves whose y turns: tangents along the neighbouring points, short enough not to loop.
fn loose(points: &[Point], steps: &[Point], out: &mut Vec<Point>) {
    let last = points.len() - 1;
    let tangent = |i: usize| -> Point {
        let (a, b) = (points[i.saturating_sub(1)], points[(i + 1).min(last)]);
        [(b[0] - a[0]) / 6.0, (b[1] - a[1]) / 6.0]
    };
    for (i, step) in steps.iter().enumerate() {
        let (a, b) = (points[i], points[i + 1]);
        let reach = step[0].hypot(step[1]) / 2.0;
        let limit = |t: Point| {
            let length = t[0].hypot(t[1]).max(1e-3);
            let scale = (reach / length).min(1.0);
            [t[0] * scale, t[1] * scale]
        };
        let (ta, tb) = (limit(tangent(i)), limit(tangent(i + 1)));
        out.push([a[0] + ta[0], a[1] + ta[1]]);
        out.push([b[0] - tb[0], b[1] - tb[1]]);
        out.push(b);
    }
}

/// A loop at the right of a node: it ends where edges may pass.
pub(super) fn self_loop(at: Point, out: &mut Vec<Point>) {
    out.extend([at, [at[0] + 132.0, at[1] - 110.0], [at[0] + 132.0, at[1] + 110.0], at]);
}

/// A route between two nodes wherever they lie: straight if nothing is in the way or the way is very long, else around what is.
pub(super) fn between(a: Point, b: Point, rows: &Rows, out: &mut Vec<Point>) {
    if (a[1] - b[1]).abs() < 60.0 {
        let blocked = rows.any_between(a, b, CLEARANCE);
        if !blocked {
            return curve(&[a, b], out);
        }
        let lift = -(90.0 + (b[0] - a[0]).abs() * 0.03).min(120.0);
        let top = a[1].min(b[1]) + lift;
        let dx = (b[0] - a[0]).signum() * 90.0;
        return curve_over(a, [a[0] + dx, top], [b[0] - dx, top], b, out);
    }
    let start = out.len();
    let hits = clear_curve(&[a, b], rows, CLEARANCE, out);
    if hits == 0 {
        return;
    }
    let mut points = vec![a];
    rows.for_each_between(a[1], b[1], |y, xs| {
        let share = (y - a[1]) / (b[1] - a[1]);
        let last = points.last().copied().unwrap_or(a);
        let straight = a[0] + (b[0] - a[0]) * share;
        // Coming from a detour, keep to its side rather than cutting back at once.
        let wish = straight * 0.6 + (last[0] + (b[0] - last[0]) * ((y - last[1]) / (b[1] - last[1]))) * 0.4;
        points.push([nearest_lane(xs, wish), y]);
    });
    if points.len() > MOST_LANES + 1 && rows.places() > LARGE {
        return;
    }
    points.push(b);
    let mut around = Vec::new();
    if clear_curve(&points, rows, CLEARANCE, &mut around) < hits {
        out.truncate(start);
        out.append(&mut around);
    }
}

/// Up, along, down: two bends between two ends of one row.
fn curve_over(a: Point, p: Point, q: Point, b: Point, out: &mut Vec<Point>) {
    let along = (q[0] - p[0]) / 3.0;
    out.extend([a, [a[0] + (p[0] - a[0]) * 0.2, p[1]], [a[0] + (p[0] - a[0]) * 0.5, p[1]], p]);
    out.extend([[p[0] + along, p[1]], [q[0] - along, q[1]], q]);
    out.extend([[b[0] + (q[0] - b[0]) * 0.5, q[1]], [b[0] + (q[0] - b[0]) * 0.2, q[1]], b]);
}

/// The x nearest to `wish` that keeps clear of all of `xs` (ascending).
fn nearest_lane(xs: &[(f32, u32)], wish: f32) -> f32 {
    let split = xs.partition_point(|p| p.0 < wish);
    let mut right = wish;
    for &(x, _) in xs.iter().skip(split.saturating_sub(1)) {
        if x - CLEARANCE >= right {
            break;
        }
        right = right.max(x + CLEARANCE);
    }
    let mut left = wish;
    for &(x, _) in xs.iter().take((split + 1).min(xs.len())).rev() {
        if x + CLEARANCE <= left {
            break;
        }
        left = left.min(x - CLEARANCE);
    }
    if wish - left <= right - wish { left } else { right }
}
