//! Which vertices make the triangles of ribbons: rows of squares that share their sides. Vertices lie in turns on both long sides.

/// Numbers of a square's two triangles.
pub const SQUARE: usize = 6;
/// Vertices of one call at most: the last number of 16 bits means something else to WebGL.
const VERTICES: usize = 65_535;

/// How many ribbons of so many squares one call can draw.
pub fn most(squares: usize) -> usize {
    VERTICES / (2 * squares + 2)
}

/// Adds the triangles of so many ribbons, at most `most(squares)`, to a list: three vertices each, in the machine's order of bytes, 16 bits a
/// vertex.
///
/// A renderer in software computes four vertices at a time, those that are asked for next: of each six triangles the first and the fourth begin,
/// which have six different ones.
pub fn triangles(squares: usize, ribbons: usize, list: &mut Vec<u8>) {
    list.reserve(ribbons * squares * SQUARE * 2);
    for ribbon in 0..ribbons {
        let first = ribbon * (2 * squares + 2);
        for six in (0..2 * squares).step_by(6) {
            for triangle in [0, 3, 1, 2, 4, 5].map(|number| six + number) {
                if triangle < 2 * squares {
                    for vertex in 0..3 {
                        list.extend_from_slice(&((first + triangle + vertex) as u16).to_ne_bytes());
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vertices(squares: usize, ribbons: usize) -> Vec<u16> {
        let mut list = Vec::new();
        triangles(squares, ribbons, &mut list);
        list.chunks_exact(2).map(|two| u16::from_ne_bytes([two[0], two[1]])).collect()
    }

    #[test]
    fn ribbons_are_whole_and_do_not_touch() {
        for squares in 1..20u16 {
            let numbers = vertices(squares.into(), 3);
            assert_eq!(numbers.len(), 3 * usize::from(squares) * SQUARE);
            let mut firsts = Vec::new();
            for triangle in numbers.chunks_exact(3) {
                assert_eq!([triangle[1] - triangle[0], triangle[2] - triangle[0]], [1, 2]);
                firsts.push(triangle[0]);
            }
            firsts.sort_unstable();
            let expected: Vec<u16> = (0..3)
                .flat_map(|ribbon| (0..2 * squares).map(move |i| ribbon * (2 * squares + 2) + i))
                .collect();
            assert_eq!(firsts, expected);
        }
    }

    #[test]
    fn the_number_that_ends_a_row_of_triangles_is_never_a_vertex() {
        for squares in [1, 2, 3, 5, 18] {
            let largest = vertices(squares, most(squares)).into_iter().max();
            assert!(largest > Some(65_000) && largest < Some(u16::MAX), "{largest:?} for {squares}");
        }
    }
}
