//! Outlines of nodes: as distance functions for drawing on the GPU and for hitting, and as paths for SVG and Canvas2D.
//!
//! Unit outlines: the glyph's nominal radius is 1, y points down. `gl::shaders` has the same distances in GLSL; keep the two alike.

use std::fmt::Write as _;

use super::data::{Point, Shape};

/// Corners of regular outlines.
pub fn corners(shape: Shape) -> Option<u32> {
    match shape {
        Shape::Triangle | Shape::DottedTriangle => Some(3),
        Shape::Pentagon => Some(5),
        Shape::Hexagon => Some(6),
        Shape::Heptagon => Some(7),
        Shape::Octagon => Some(8),
        _ => None,
    }
}

/// Whether the outline is dashed.
pub fn dashed(shape: Shape) -> bool {
    matches!(shape, Shape::DottedTriangle | Shape::DottedCylinder)
}

/// Distance from the outline, negative inside.
pub fn distance(shape: Shape, p: Point) -> f32 {
    let [x, y] = p;
    let round_box = |cx: f32, cy: f32, hw: f32, hh: f32, r: f32| {
        let (qx, qy) = ((x - cx).abs() - hw + r, (y - cy).abs() - hh + r);
        qx.max(0.0).hypot(qy.max(0.0)) + qx.max(qy).min(0.0) - r
    };
    match shape {
        Shape::Circle => x.hypot(y) - 1.0,
        Shape::Square => round_box(0.0, 0.0, 0.9, 0.9, 0.4),
        Shape::Sheet => round_box(-0.2, -0.4, 1.0, 1.2, 0.06) * 0.8,
        Shape::Cloud => {
            let circle = |cx: f32, cy: f32, r: f32| (x - cx).hypot(y - cy) - r;
            circle(-0.72, 0.2, 0.5)
                .min(circle(-0.22, -0.12, 0.62))
                .min(circle(0.36, -0.02, 0.5))
                .min(circle(0.82, 0.26, 0.44))
                .min(round_box(0.02, 0.38, 1.2, 0.32, 0.32))
        }
        Shape::Cylinder | Shape::DottedCylinder => {
            // Ellipses of half height 0.2 at the rims; between them straight sides.
            let rim = 0.2 * (1.0 - (x * x).min(1.0)).sqrt();
            let outside = if y > -0.35 { y - 0.55 - rim } else { -1.25 - rim - y };
            (x.abs() - 1.0).max(outside)
        }
        _ => {
            let n = corners(shape).unwrap_or(3) as f32;
            let half = std::f32::consts::PI / n;
            let angle = x.atan2(-y);
            let folded = angle.rem_euclid(2.0 * half) - half;
            let length = x.hypot(y);
            let (qx, qy) = (length * folded.cos(), (length * folded.sin()).abs());
            let rounding = ROUNDING;
            let apothem = half.cos() * (1.0 + BULGE / n) - rounding;
            let edge = apothem * half.tan();
            let dx = qx - apothem;
            let dy = (qy - edge).max(0.0);
            (if dy > 0.0 { dx.hypot(dy) } else { dx }) - rounding
        }
    }
}

/// Radius of a polygon's rounded corners.
pub const ROUNDING: f32 = 0.16;
/// How much a polygon's sides bulge, as n grows less.
pub const BULGE: f32 = 0.28;

/// The outline as an SVG path, scaled by `scale` around `at`.
pub fn path(shape: Shape, at: Point, scale: f32) -> String {
    let mut out = String::new();
    let x = |v: f32| at[0] + v * scale;
    let y = |v: f32| at[1] + v * scale;
    // Writing to a String cannot fail.
    let written = match shape {
        Shape::Circle => {
            let (s, d) = (scale, scale * 2.0);
            write!(
                out,
                "M{:.2} {:.2}a{s:.2} {s:.2} 0 1 1 {d:.2} 0a{s:.2} {s:.2} 0 1 1 -{d:.2} 0Z",
                x(-1.0),
                y(0.0)
            )
        }
        Shape::Square => {
            let (r, s) = (0.4 * scale, 1.0 * scale);
            write!(
                out,
                "M{:.2} {:.2}h{s:.2}a{r:.2} {r:.2} 0 0 1 {r:.2} {r:.2}v{s:.2}a{r:.2} {r:.2} 0 0 1 -{r:.2} {r:.2}h-{s:.2}a{r:.2} {r:.2} 0 0 1 -{r:.2} -{r:.2}v-{s:.2}a{r:.2} {r:.2} 0 0 1 {r:.2} -{r:.2}Z",
                x(-0.5),
                y(-0.9)
            )
        }
        Shape::Sheet => write!(
            out,
            "M{0:.2} {1:.2}H{2:.2}V{3:.2}H{0:.2}ZM{4:.2} {1:.2}V{3:.2}M{0:.2} {5:.2}H{2:.2}",
            x(-1.2),
            y(-1.6),
            x(0.8),
            y(0.8),
            x(-0.8),
            y(-1.2)
        ),
        Shape::Cloud => write!(
            out,
            "M{:.2} {:.2}A{a:.2} {a:.2} 0 0 1 {:.2} {:.2}A{b:.2} {b:.2} 0 0 1 {:.2} {:.2}A{c:.2} {c:.2} 0 0 1 {:.2} {:.2}A{d:.2} {d:.2} 0 0 1 {:.2} {:.2}Z",
            x(-0.78),
            y(0.7),
            x(-0.8),
            y(-0.29),
            x(0.2),
            y(-0.5),
            x(0.83),
            y(-0.18),
            x(0.9),
            y(0.7),
            a = 0.5 * scale,
            b = 0.62 * scale,
            c = 0.5 * scale,
            d = 0.44 * scale
        ),
        Shape::Cylinder | Shape::DottedCylinder => write!(
            out,
            "M{l:.2} {t:.2}a{a:.2} {b:.2} 0 1 1 {w:.2} 0a{a:.2} {b:.2} 0 1 1 -{w:.2} 0V{m:.2}a{a:.2} {b:.2} 0 0 0 {w:.2} 0V{t:.2}",
            l = x(-1.0),
            t = y(-1.25),
            m = y(0.55),
            a = scale,
            b = 0.2 * scale,
            w = 2.0 * scale
        ),
        _ => polygon(&mut out, corners(shape).unwrap_or(3), at, scale),
    };
    written.unwrap_or_default();
    out
}

/// A regular polygon as a closed spline: soft corners, slightly bulging sides.
fn polygon(out: &mut String, n: u32, at: Point, scale: f32) -> std::fmt::Result {
    let corner = |k: u32| -> Point {
        let angle = std::f32::consts::TAU * k as f32 / n as f32;
        [at[0] + angle.sin() * scale, at[1] - angle.cos() * scale]
    };
    let handle = (1.0 - 0.65) / 6.0;
    let first = corner(0);
    write!(out, "M{:.2} {:.2}", first[0], first[1])?;
    for k in 0..n {
        let (before, a, b, after) = (corner(k + n - 1), corner(k), corner(k + 1), corner(k + 2));
        write!(
            out,
            "C{:.2} {:.2} {:.2} {:.2} {:.2} {:.2}",
            a[0] + (b[0] - before[0]) * handle,
            a[1] + (b[1] - before[1]) * handle,
            b[0] - (after[0] - a[0]) * handle,
            b[1] - (after[1] - a[1]) * handle,
            b[0],
            b[1]
        )?;
    }
    out.push('Z');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outline_holds_its_middle_and_ends_near_its_radius() {
        for shape in Shape::ALL {
            assert!(distance(shape, [0.0, 0.0]) < -0.3, "{shape:?}");
            for step in 0..64 {
                let angle = step as f32 * std::f32::consts::TAU / 64.0;
                let far = [angle.sin() * 2.1, angle.cos() * 2.1];
                assert!(distance(shape, far) > 0.0, "{shape:?} at {far:?}");
            }
        }
    }

    #[test]
    fn every_outline_has_a_path() {
        for shape in Shape::ALL {
            let path = path(shape, [10.0, 20.0], 50.0);
            assert!(path.starts_with('M') && !path.contains("NaN"), "{shape:?}: {path}");
        }
    }
}
