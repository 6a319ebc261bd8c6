//! A plot before it is drawn: axes and curves, for the terminal and for SVG alike.

use super::axis::Axis;
use crate::render::width::Color;

/// A plot.
#[derive(Debug, Clone)]
pub(super) struct Chart {
    pub(super) title: String,
    /// Whose flow it is; holds text from the wire, escaped for a terminal.
    pub(super) subtitle: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    /// Those that come later are drawn over those before.
    pub(super) curves: Vec<Curve>,
    /// What else there is to say.
    pub(super) notes: Vec<String>,
}

/// A curve, or a set of marks.
#[derive(Debug, Clone)]
pub(super) struct Curve {
    pub(super) name: String,
    pub(super) shape: Shape,
    pub(super) ink: Ink,
    /// Where each stands, and from where to where it reaches.
    pub(super) points: Vec<(f64, f64, f64)>,
    /// How many values it stands for, where a number says something.
    pub(super) count: Option<u64>,
}

/// In which way values are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shape {
    /// An upright stroke over the range.
    Strokes,
    /// A value that holds until the next.
    Steps,
    /// The same, with gaps in the line.
    DottedSteps,
    /// A column over the range, so wide; in the terminal of this character, if there is one.
    Columns(f64, Option<char>),
    /// A dot.
    Dots,
    /// A mark over the range: in the terminal this character.
    Marks(char),
}

/// A colour, in the terminal and in SVG. Those of SVG can be told apart by the colour-blind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    Blue,
    Green,
    Orange,
    Purple,
    Sky,
    Red,
}

impl Ink {
    pub(super) const fn color(self) -> Color {
        match self {
            Self::Blue => Color::Blue,
            Self::Green => Color::Good,
            Self::Orange => Color::Odd,
            Self::Purple => Color::Magenta,
            Self::Sky => Color::Cyan,
            Self::Red => Color::Bad,
        }
    }

    pub(super) const fn hex(self) -> &'static str {
        match self {
            Self::Blue => "#0072b2",
            Self::Green => "#00875f",
            Self::Orange => "#b87700",
            Self::Purple => "#b0508a",
            Self::Sky => "#3a96cc",
            Self::Red => "#d03a00",
        }
    }
}
