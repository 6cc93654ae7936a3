//! Which strokes can be seen from where the camera is, and into how many pieces each is cut.
//!
//! Pure arithmetic on `Strokes`; whoever paints asks for it.

use super::draw::{Reach, Strokes};

/// The most straight pieces of a stroke.
const MOST_CUTS: i32 = 18;
/// Numbers of pieces that strokes are cut into; each in use is a call to the GPU.
const CUTS: [i32; 11] = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, MOST_CUTS];
/// How far beyond the view strokes count as seen, shares of its sides: so much can it move before they are looked at again.
const BEYOND: f64 = 0.3;
/// Half of the widest stroke, CSS pixels, and some.
const MARGIN: f64 = 8.0;

/// How much a stroke may bend, graph units, so that so many straight pieces are nowhere off by more than `off` pixels; `zoom` is pixels a
/// graph unit.
fn bend_of(cuts: i32, off: f64, zoom: f64) -> f32 {
    if cuts == MOST_CUTS {
        return f32::MAX;
    }
    (f64::from(cuts * cuts) * off / (0.75 * zoom.max(1e-9))) as f32
}

/// A part of a layer that is drawn in one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Straight pieces of each stroke.
    pub cuts: i32,
    /// They may be dotted, or keep their order.
    pub special: bool,
    /// Where it begins among the strokes that are seen.
    pub begin: usize,
    /// Where it ends.
    pub end: usize,
}

/// Which strokes are seen, in their order.
#[derive(Debug, Default)]
pub struct Seen {
    /// Their numbers; floats, because that is what a texture holds (and exactly, up to 16 million).
    pub list: Vec<f32>,
    /// How far each of them bends, beside one another: these are searched in every frame.
    bends: Vec<f32>,
    ends: [usize; 3],
    /// The strokes' version and the part of the plane (left, top, right, bottom) this is for.
    key: Option<(u64, [f64; 4])>,
}

impl Seen {
    /// Makes it fit a view (left, top, right, bottom in the plane) at a zoom; true if anything changed.
    pub fn refresh(&mut self, strokes: &Strokes, [left, top, right, bottom]: [f64; 4], zoom: f64) -> bool {
        let margin = MARGIN / zoom.max(1e-9);
        let (width, height) = (right - left, bottom - top);
        if let Some((version, [l, t, r, b])) = self.key
            && version == strokes.version
            && l <= left - margin
            && t <= top - margin
            && r >= right + margin
            && b >= bottom + margin
            && (r - l) * (b - t) < width * height * 6.0
        {
            return false;
        }
        let (x, y) = (width * BEYOND + margin, height * BEYOND + margin);
        let part = [left - x, top - y, right + x, bottom + y];
        self.key = Some((strokes.version, part));
        let [left, top, right, bottom] = part.map(|side| side as f32);
        let sees = |reach: &Reach| reach.left <= right && reach.right >= left && reach.top <= bottom && reach.bottom >= top;
        self.list.clear();
        self.bends.clear();
        let mut begin = 0;
        for (slot, end) in strokes.ends.into_iter().enumerate() {
            for (i, reach) in strokes.reaches.iter().enumerate().take(end).skip(begin) {
                if sees(reach) {
                    self.list.push(i as f32);
                    self.bends.push(reach.bend);
                }
            }
            begin = end;
            self.ends[slot] = self.list.len();
        }
        true
    }

    /// How crowded it is: 1 up to 5,000 strokes, 4 from 20,000, where no single one can be followed.
    pub fn crowd(&self) -> f64 {
        // Not the list's length: what the GPU is given is filled up to whole rows.
        (self.ends[2] as f64 / 5_000.0).clamp(1.0, 4.0)
    }

    /// Calls `each` for the runs of a layer.
    pub fn runs(&self, layer: usize, zoom: f64, mut each: impl FnMut(Run)) {
        let mut begin = layer.checked_sub(1).map_or(0, |before| self.ends[before]);
        let last = self.ends[layer];
        let off = 0.5 * self.crowd();
        let (plain, special) = (CUTS.map(|cuts| (cuts, bend_of(cuts, off, zoom))), (MOST_CUTS, f32::INFINITY));
        for (cuts, most) in plain.into_iter().chain([special]) {
            let rest = self.bends.get(begin..last).unwrap_or_default();
            let end = begin + rest.partition_point(|bend| *bend <= most);
            if end > begin {
                each(Run {
                    cuts,
                    special: most == f32::INFINITY,
                    begin,
                    end,
                });
            }
            begin = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::data::{Point, cubic};
    use super::super::draw::Stroke;
    use super::*;

    fn list(strokes: &[[Point; 4]]) -> Strokes {
        let strokes = strokes.iter().map(|&points| Stroke {
            points,
            colour: [0; 4],
            width: 1.0,
        });
        Strokes::of(strokes.collect())
    }

    proptest! {
        #[test]
        fn no_piece_is_off_by_more_than_half_a_pixel(
            points in proptest::array::uniform4(proptest::array::uniform2(-40f32..40.0)),
            zoom in 0.01f64..1.5,
        ) {
            let list = list(&[points]);
            let mut seen = Seen::default();
            seen.refresh(&list, [-99.0, -99.0, 99.0, 99.0], zoom);
            let mut count = 0;
            seen.runs(1, zoom, |run| count = run.cuts);
            prop_assert!(count > 0);
            prop_assume!(count < MOST_CUTS);
            for step in 0..100 {
                let t = step as f32 / 100.0;
                let piece = (t * count as f32).floor();
                let ends = [piece, piece + 1.0].map(|end| cubic(points, end / count as f32));
                let part = t * count as f32 - piece;
                let on = |i: usize| ends[0][i] + (ends[1][i] - ends[0][i]) * part;
                let at = cubic(points, t);
                let off = f64::from((at[0] - on(0)).hypot(at[1] - on(1))) * zoom;
                prop_assert!(off < 0.51, "{off} pixels at {t} of {count} pieces");
            }
        }

        #[test]
        fn what_has_a_point_in_the_view_is_seen(
            strokes in proptest::collection::vec(proptest::array::uniform4(proptest::array::uniform2(-400f32..400.0)), 1..30),
            moves in proptest::collection::vec((-300.0f64..300.0, -300.0f64..300.0, 0.2f64..3.0), 1..8),
        ) {
            let list = list(&strokes);
            let mut seen = Seen::default();
            for (x, y, zoom) in moves {
                let view = [x, y, x + 100.0 / zoom, y + 60.0 / zoom];
                seen.refresh(&list, view, zoom);
                for (i, stroke) in list.list.iter().enumerate() {
                    let inside = (0..=40).any(|t| {
                        let [px, py] = cubic(stroke.points, t as f32 / 40.0).map(f64::from);
                        px >= view[0] && px <= view[2] && py >= view[1] && py <= view[3]
                    });
                    prop_assert!(!inside || seen.list.contains(&(i as f32)));
                }
                let mut drawn = 0;
                (0..3).for_each(|layer| seen.runs(layer, zoom, |run| {
                    assert_eq!(run.begin, drawn);
                    drawn = run.end;
                }));
                prop_assert_eq!(drawn, seen.list.len());
            }
        }
    }

    #[test]
    fn a_list_that_was_filled_up_for_the_gpu_is_no_crowd() {
        let list = list(&[[[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [3.0, 0.0]]]);
        let mut seen = Seen::default();
        seen.refresh(&list, [-9.0, -9.0, 9.0, 9.0], 1.0);
        seen.list.resize(30_000, 0.0);
        assert!((seen.crowd() - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn what_lies_far_outside_is_left_out_until_the_view_gets_there() {
        let line = |x: f32| [[x, 0.0], [x, 10.0], [x, 20.0], [x, 30.0]];
        let list = list(&[line(0.0), line(1000.0)]);
        let mut seen = Seen::default();
        assert!(seen.refresh(&list, [-10.0, -10.0, 90.0, 50.0], 1.0));
        assert_eq!(seen.list, [0.0]);
        assert!(!seen.refresh(&list, [0.0, -10.0, 100.0, 50.0], 1.0), "a small step changes nothing");
        assert!(seen.refresh(&list, [950.0, -10.0, 1050.0, 50.0], 1.0));
        assert_eq!(seen.list, [1.0]);
    }
}
