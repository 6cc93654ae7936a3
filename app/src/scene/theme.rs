//! Colours of the map in its three themes.
//!
//! Only design tokens: what a node's own colour is, `colour` says.

use serde::{Deserialize, Serialize};

/// Red, green, blue, alpha, each 0 to 255, not premultiplied.
pub type Rgba = [u8; 4];

/// Which set of colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Theme {
    /// Dark ink on a very light lavender.
    #[default]
    Light,
    /// Light ink on a deep blue-grey.
    Dark,
    /// Black on white, wider strokes.
    Contrast,
}

/// The colours and widths of one theme.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Palette {
    /// Behind everything.
    pub canvas: Rgba,
    /// Inside of a glyph.
    pub body: Rgba,
    /// Soft ring inside of the outline.
    pub ring: Rgba,
    /// Captions.
    pub text: Rgba,
    /// Second lines.
    pub text_minor: Rgba,
    /// Dot in the middle of a glyph, camera badge.
    pub mark: Rgba,
    /// Edges.
    pub edge: Rgba,
    /// Edges of the focused node and arrowheads.
    pub edge_focus: Rgba,
    /// Halo of what is highlighted, matches, focus ring.
    pub accent: Rgba,
    /// Tint behind matched characters.
    pub tint: Rgba,
    /// Nodes that stand for the outside.
    pub neutral: Rgba,
    /// Share of a blurred thing's own colour that remains, 0 to 1.
    pub blur: f32,
    /// Width of a glyph's outline, in units of its radius times two.
    pub outline: f32,
    /// Width of edges, CSS pixels at zoom 1.
    pub edge_width: f32,
}

impl Theme {
    /// The colours of this theme.
    pub const fn palette(self) -> Palette {
        match self {
            Self::Light => Palette {
                canvas: [249, 249, 251, 255],
                body: [255, 255, 255, 255],
                ring: [245, 245, 245, 255],
                text: [61, 61, 92, 255],
                text_minor: [92, 92, 138, 255],
                mark: [61, 61, 92, 255],
                edge: [102, 102, 153, 255],
                edge_focus: [71, 71, 107, 255],
                accent: [0, 176, 214, 255],
                tint: [153, 236, 255, 255],
                neutral: [177, 177, 203, 255],
                blur: 0.22,
                outline: 0.06,
                edge_width: 1.0,
            },
            Self::Dark => Palette {
                canvas: [22, 24, 34, 255],
                body: [34, 37, 51, 255],
                ring: [42, 46, 62, 255],
                text: [226, 228, 240, 255],
                text_minor: [160, 165, 192, 255],
                mark: [214, 217, 234, 255],
                edge: [118, 124, 160, 255],
                edge_focus: [190, 196, 226, 255],
                accent: [64, 205, 240, 255],
                tint: [16, 92, 116, 255],
                neutral: [122, 126, 156, 255],
                blur: 0.22,
                outline: 0.06,
                edge_width: 1.0,
            },
            Self::Contrast => Palette {
                canvas: [255, 255, 255, 255],
                body: [255, 255, 255, 255],
                ring: [255, 255, 255, 255],
                text: [0, 0, 0, 255],
                text_minor: [0, 0, 0, 255],
                mark: [0, 0, 0, 255],
                edge: [0, 0, 0, 255],
                edge_focus: [0, 0, 0, 255],
                accent: [0, 90, 200, 255],
                tint: [255, 225, 77, 255],
                neutral: [90, 90, 104, 255],
                blur: 0.4,
                outline: 0.08,
                edge_width: 1.5,
            },
        }
    }
}
