//! Colours of nodes, metrics and networks, as bytes: hue from the rank, lightness from the label, greens left out.

type Rgb = [u8; 3];

/// Nodes that stand for the outside.
pub const NEUTRAL: Rgb = [0xb1, 0xb1, 0xcb];

/// 0 to about 1.04 from the first two characters, as the original spreads names over its hues.
fn spread(text: &str) -> f64 {
    let mut sum = 0.0;
    let mut length = 0;
    for c in text.chars().take(2) {
        let upper = c.to_uppercase().next().unwrap_or(c) as u32;
        sum = sum * 25.0 + f64::from(upper.clamp(65, 90) - 65);
        length += 1;
    }
    if length == 0 { 0.0 } else { sum / 25f64.powi(length) }
}

/// Hue (degrees) and lightness (0 to 1) of a node.
fn hue_and_lightness(rank: &str, label: &str) -> (f64, f64) {
    let mut hue = 20.0 + 310.0 * spread(rank);
    if hue > 70.0 && hue < 150.0 {
        hue += 80.0;
    }
    let lightness = if label.is_empty() { 0.5 } else { 0.5 + 0.2 * spread(label) };
    (hue, lightness)
}

/// A node's colour.
#[must_use]
pub fn node(rank: &str, label: &str, pseudo: bool) -> Rgb {
    if pseudo {
        return NEUTRAL;
    }
    let (hue, lightness) = hue_and_lightness(rank, label);
    hsl(hue, 0.6, lightness)
}

/// The header of a node's card, and the strip below it. White text is readable on both.
#[must_use]
pub fn card(rank: &str, label: &str, pseudo: bool) -> (Rgb, Rgb) {
    if pseudo {
        return ([0x5c, 0x5c, 0x7e], [0x6f, 0x6f, 0x92]);
    }
    let (hue, lightness) = hue_and_lightness(rank, label);
    let dark = if hue > 20.0 && hue < 120.0 {
        lightness * 0.49
    } else {
        lightness * 0.7
    };
    (readable(hue, dark), readable(hue, dark / 0.7f64.powf(0.8)))
}

/// Darkens until white text on it has a contrast of at least 4.5 to 1.
fn readable(hue: f64, mut lightness: f64) -> Rgb {
    loop {
        let colour = hsl(hue, 0.6, lightness);
        if 1.05 / (luminance(colour) + 0.05) >= 4.5 || lightness < 0.05 {
            return colour;
        }
        lightness *= 0.95;
    }
}

fn luminance(colour: Rgb) -> f64 {
    let [r, g, b] = colour.map(|channel| {
        let share = f64::from(channel) / 255.0;
        if share <= 0.03928 {
            share / 12.92
        } else {
            ((share + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// A metric's colour, by its id.
#[must_use]
pub fn metric(id: &str) -> Rgb {
    if id.contains("mem") {
        [0x46, 0x82, 0xb4]
    } else if id.contains("cpu") {
        [204, 184, 51]
    } else if id.contains("files") {
        [0x94, 0x67, 0xbd]
    } else if id.contains("load") {
        [51, 204, 162]
    } else {
        [0x46, 0x82, 0xb4]
    }
}

/// A network's colour: by its name alone, so that it is the same in every session.
#[must_use]
pub fn network(name: &str) -> Rgb {
    const PALETTE: [Rgb; 10] = [
        [0x1f, 0x77, 0xb4],
        [0xff, 0x7f, 0x0e],
        [0x2c, 0xa0, 0x2c],
        [0xd6, 0x27, 0x28],
        [0x94, 0x67, 0xbd],
        [0x8c, 0x56, 0x4b],
        [0xe3, 0x77, 0xc2],
        [0x7f, 0x7f, 0x7f],
        [0xbc, 0xbd, 0x22],
        [0x17, 0xbe, 0xcf],
    ];
    let hash = name
        .bytes()
        .fold(2_166_136_261u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619));
    PALETTE.get(hash as usize % PALETTE.len()).copied().unwrap_or(NEUTRAL)
}

fn hsl(hue: f64, saturation: f64, lightness: f64) -> Rgb {
    let chroma = (1.0 - (2.0 * lightness - 1.0).abs()) * saturation;
    let sector = (hue / 60.0).rem_euclid(6.0);
    let second = chroma * (1.0 - (sector % 2.0 - 1.0).abs());
    let (r, g, b) = match sector as u32 {
        0 => (chroma, second, 0.0),
        1 => (second, chroma, 0.0),
        2 => (0.0, chroma, second),
        3 => (0.0, second, chroma),
        4 => (second, 0.0, chroma),
        _ => (chroma, 0.0, second),
    };
    let base = lightness - chroma / 2.0;
    [r, g, b].map(|channel| ((channel + base) * 255.0).round().clamp(0.0, 255.0) as u8)
}

#[cfg(test)]
mod tests {
    use super::{card, luminance, node};

    #[test]
    fn names_have_the_colours_people_know() {
        for (rank, label, colour) in [
            ("weaveworks/scope", "weavescope", [0xd5, 0x7b, 0xde]),
            ("nginx", "nginx-1", [0x5e, 0xce, 0xd7]),
            ("kube-system/coredns", "coredns", [0x3b, 0xce, 0x8e]),
            ("/usr/bin/python", "/usr/bin/python", [0xcd, 0x81, 0x36]),
            ("host1.example", "ip-10", [0x4f, 0xb5, 0xd3]),
            ("zz", "zz", [0xe1, 0x88, 0xa2]),
            ("", "", [0xcc, 0x66, 0x33]),
        ] {
            assert_eq!(node(rank, label, false), colour, "{rank}");
        }
    }

    #[test]
    fn white_is_readable_on_every_card() {
        for rank in ["aa", "bz", "fk", "mm", "qq", "zz", "/x", ""] {
            for label in ["", "a", "zz"] {
                let (header, strip) = card(rank, label, false);
                for colour in [header, strip] {
                    assert!(1.05 / (luminance(colour) + 0.05) >= 4.5, "{rank} {label} {colour:?}");
                }
            }
        }
    }
}
