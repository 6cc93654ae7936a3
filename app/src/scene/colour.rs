//! What colour a node, a network or a metric has.
//!
//! Hue says what kind of thing it is (its rank), lightness which one (its label): people who tell hues apart badly still see two lightnesses.
//! Greens are left out, so that red and green never have to be told apart. Pure arithmetic; shared by the map, cards, tables and exports.

use super::theme::{Rgba, Theme};

/// Where a word lies on the colour circle, 20 to 342 degrees: its first two letters decide, others count as the nearest letter.
pub fn hue(word: &str) -> f64 {
    let (mut sum, mut weight, mut letters) = (0.0, 1.0, 0);
    for letter in word.chars().take(2).map(|letter| letter.to_ascii_uppercase()) {
        let code = u32::from(letter).clamp(65, 90) - 65;
        weight /= 25.0;
        sum += f64::from(code) * weight;
        letters += 1;
    }
    // With one letter its weight is 1/25 already.
    if letters == 0 { 20.0 } else { 20.0 + 310.0 * sum }
}

/// Hue (degrees), saturation and lightness (0 to 1) of a node.
pub fn node_hsl(rank: &str, label: &str) -> [f64; 3] {
    let mut h = hue(rank);
    if h > 70.0 && h < 150.0 {
        h += 80.0;
    }
    let l = if label.is_empty() {
        0.5
    } else {
        0.5 + 0.2 * (hue(label) - 20.0) / 310.0
    };
    [h, 0.6, l]
}

/// Red, green and blue of a hue (degrees), saturation and lightness.
pub fn hsl([h, s, l]: [f64; 3]) -> Rgba {
    let chroma = (1.0 - (2.0 * l - 1.0).abs()) * s;
    let sector = h.rem_euclid(360.0) / 60.0;
    let x = chroma * (1.0 - (sector % 2.0 - 1.0).abs());
    let (r, g, b) = match sector as u32 {
        0 => (chroma, x, 0.0),
        1 => (x, chroma, 0.0),
        2 => (0.0, chroma, x),
        3 => (0.0, x, chroma),
        4 => (x, 0.0, chroma),
        _ => (chroma, 0.0, x),
    };
    let base = l - chroma / 2.0;
    let byte = |v: f64| ((v + base) * 255.0).round().clamp(0.0, 255.0) as u8;
    [byte(r), byte(g), byte(b), 255]
}

/// Colour of a node's outline. Dark lifts it, contrast lowers it until it stands out from white by at least three to one.
pub fn node(rank: &str, label: &str, pseudo: bool, theme: Theme) -> Rgba {
    let palette = theme.palette();
    if pseudo {
        return palette.neutral;
    }
    let [h, s, l] = node_hsl(rank, label);
    match theme {
        Theme::Light => hsl([h, s, l]),
        Theme::Dark => hsl([h, s, l + 0.08]),
        Theme::Contrast => {
            let mut l = l * 0.8;
            while l > 0.2 && contrast_with_white(hsl([h, 0.75, l])) < 3.5 {
                l -= 0.02;
            }
            hsl([h, 0.75, l])
        }
    }
}

/// The colour of a card's header: the node's, darkened.
pub fn node_dark(rank: &str, label: &str, pseudo: bool) -> Rgba {
    if pseudo {
        return Theme::Light.palette().neutral;
    }
    hsl(dark_hsl(rank, label))
}

/// The colour of the strip below a card's header.
pub fn node_strip(rank: &str, label: &str, pseudo: bool) -> Rgba {
    if pseudo {
        return Theme::Light.palette().neutral;
    }
    let [h, s, l] = dark_hsl(rank, label);
    hsl([h, s, l / 0.7_f64.powf(0.8)])
}

fn dark_hsl(rank: &str, label: &str) -> [f64; 3] {
    let [h, s, l] = node_hsl(rank, label);
    // Yellows and oranges look lighter than their number.
    [h, s, if h > 20.0 && h < 120.0 { l * 0.49 } else { l * 0.7 }]
}

fn contrast_with_white(colour: Rgba) -> f64 {
    let linear = |c: u8| {
        let v = f64::from(c) / 255.0;
        if v <= 0.040_45 {
            v / 12.92
        } else {
            ((v + 0.055) / 1.055).powf(2.4)
        }
    };
    1.05 / (0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2]) + 0.05)
}

/// Colour of a metric's fill, by its id.
pub fn metric(id: &str) -> Rgba {
    if id.contains("mem") {
        [70, 130, 180, 255]
    } else if id.contains("cpu") {
        [204, 184, 51, 255]
    } else if id.contains("files") {
        [148, 103, 189, 255]
    } else if id.contains("load") {
        [51, 204, 162, 255]
    } else {
        [70, 130, 180, 255]
    }
}

/// Ten hues that people know from charts, told apart also by lightness.
const CATEGORIES: [Rgba; 10] = [
    [31, 119, 180, 255],
    [255, 127, 14, 255],
    [44, 160, 44, 255],
    [214, 39, 40, 255],
    [148, 103, 189, 255],
    [140, 86, 75, 255],
    [227, 119, 194, 255],
    [127, 127, 127, 255],
    [188, 189, 34, 255],
    [23, 190, 207, 255],
];

/// Colour of a network: always the same for the same name.
pub fn network(name: &str) -> Rgba {
    let hash = name
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    CATEGORIES
        .get((hash >> 8) as usize % CATEGORIES.len())
        .copied()
        .unwrap_or([127, 127, 127, 255])
}

/// `share` of the second colour mixed into the first.
pub fn mix(a: Rgba, b: Rgba, share: f32) -> Rgba {
    let channel = |a: u8, b: u8| (f32::from(a) + (f32::from(b) - f32::from(a)) * share).round().clamp(0.0, 255.0) as u8;
    [channel(a[0], b[0]), channel(a[1], b[1]), channel(a[2], b[2]), channel(a[3], b[3])]
}

/// As CSS and SVG write it, alpha left out.
pub fn hex(colour: Rgba) -> String {
    format!("#{:02x}{:02x}{:02x}", colour[0], colour[1], colour[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_palette_people_know_is_kept() {
        let table = [
            ("weaveworks/scope", "weavescope", "#d57bde", "#b530c1"),
            ("nginx", "nginx-1", "#5eced7", "#2ba4ad"),
            ("redis", "redis1", "#6b78da", "#2e3eb6"),
            ("kube-system/coredns", "coredns", "#3bce8e", "#259564"),
            ("/usr/bin/python", "/usr/bin/python", "#cd8136", "#653f19"),
            ("host1.example", "ip-10", "#4fb5d3", "#2987a2"),
            ("zz", "zz", "#e188a2", "#ca335f"),
            ("", "", "#cc6633", "#8f4724"),
        ];
        for (rank, label, base, dark) in table {
            assert_eq!(hex(node(rank, label, false, Theme::Light)), base, "{rank}");
            assert_eq!(hex(node_dark(rank, label, false)), dark, "{rank}");
        }
        assert_eq!(node_strip("nginx", "nginx-1", false)[..3], [77, 201, 211]);
    }

    #[test]
    fn outlines_in_high_contrast_stand_out_from_white() {
        for first in b'A'..=b'Z' {
            let word = format!("{}x", char::from(first));
            assert!(contrast_with_white(node(&word, &word, false, Theme::Contrast)) >= 3.0, "{word}");
        }
    }

    #[test]
    fn any_script_has_a_hue() {
        for word in ["базы", "数据库", "é", "🚀", "\u{0}"] {
            assert!(hue(word).is_finite() && hue(word) >= 20.0 && hue(word) < 343.0);
        }
    }
}
