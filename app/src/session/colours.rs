//! Colours of cards, tables and lists as bytes: those of the map (`scene::colour`), with card headers darkened until white text on them is
//! readable.

use crate::scene::{
    colour,
    theme::{Rgba, Theme},
};

type Rgb = [u8; 3];

fn rgb([red, green, blue, _]: Rgba) -> Rgb {
    [red, green, blue]
}

/// A node's colour.
#[must_use]
pub fn node(rank: &str, label: &str, pseudo: bool) -> Rgb {
    rgb(colour::node(rank, label, pseudo, Theme::Light))
}

/// The header of a node's card, and the strip below it.
#[must_use]
pub fn card(rank: &str, label: &str, pseudo: bool) -> (Rgb, Rgb) {
    (
        readable(rgb(colour::node_dark(rank, label, pseudo))),
        readable(rgb(colour::node_strip(rank, label, pseudo))),
    )
}

/// A metric's colour.
#[must_use]
pub fn metric(id: &str) -> Rgb {
    rgb(colour::metric(id))
}

/// A network's colour.
#[must_use]
pub fn network(name: &str) -> Rgb {
    rgb(colour::network(name))
}

/// Darkens until white text on it has a contrast of at least 4.5 to 1.
fn readable(mut colour: Rgb) -> Rgb {
    while 1.05 / (luminance(colour) + 0.05) < 4.5 {
        colour = colour.map(|channel| (f64::from(channel) * 0.95) as u8);
    }
    colour
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

#[cfg(test)]
mod tests {
    use super::{card, luminance};

    #[test]
    fn white_is_readable_on_every_card() {
        for rank in ["aa", "bz", "fk", "mm", "qq", "zz", "/x", ""] {
            for label in ["", "a", "zz"] {
                for pseudo in [false, true] {
                    let (header, strip) = card(rank, label, pseudo);
                    for colour in [header, strip] {
                        assert!(1.05 / (luminance(colour) + 0.05) >= 4.5, "{rank} {label} {colour:?}");
                    }
                }
            }
        }
    }
}
