//! A plot as SVG: one file that needs nothing else, with its own background, so that it is readable on any page.

use std::fmt::{self, Write as _};

use super::chart::{Chart, Curve, Shape};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 570.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 70.0;
const BOTTOM: f64 = 72.0;

/// Columns of text that fit into the width of a legend, for the lines that it takes.
const LEGEND_COLUMNS: usize = 116;

/// Text for XML: what has a meaning there is written in another way, and what may not stand there at all is left out.
struct Xml<'a>(&'a str);

impl fmt::Display for Xml<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\t' | '\n' | '\r' => f.write_char(' ')?,
                // The characters that XML 1.0 has no place for.
                '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => f.write_char('\u{fffd}')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Draws a plot.
pub(super) fn draw(chart: &Chart) -> String {
    let mut svg = Svg { chart, out: String::with_capacity(1 << 16) };
    // A String takes whatever is written to it.
    let _ = svg.document();
    svg.out
}

struct Svg<'a> {
    chart: &'a Chart,
    out: String,
}

impl Svg<'_> {
    fn x(&self, value: f64) -> f64 {
        LEFT + self.chart.x.place(value).clamp(-1.0, 2.0) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.chart.y.place(value).clamp(-1.0, 2.0) * (HEIGHT - TOP - BOTTOM)
    }

    fn document(&mut self) -> fmt::Result {
        let chart = self.chart;
        let rows = legend_rows(chart);
        let height = HEIGHT + rows.len() as f64 * 20.0 + chart.notes.len() as f64 * 18.0 + 14.0;
        writeln!(self.out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        writeln!(
            self.out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
             height=\"{height}\" font-family=\"system-ui, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif\" \
             font-size=\"13\" fill=\"#222222\" role=\"img\">"
        )?;
        writeln!(self.out, "<title>{}</title>", Xml(&chart.title))?;
        writeln!(self.out, "<desc>{}</desc>", Xml(&chart.subtitle))?;
        writeln!(self.out, "<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>")?;
        writeln!(
            self.out,
            "<text x=\"{LEFT}\" y=\"28\" font-size=\"18\" font-weight=\"600\">{}</text>",
            Xml(&chart.title)
        )?;
        writeln!(self.out, "<text x=\"{LEFT}\" y=\"49\" fill=\"#555555\">{}</text>", Xml(&chart.subtitle))?;
        self.axes()?;
        writeln!(
            self.out,
            "<clipPath id=\"area\"><rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{}\" height=\"{}\"/></clipPath>",
            WIDTH - LEFT - RIGHT,
            HEIGHT - TOP - BOTTOM
        )?;
        writeln!(self.out, "<g clip-path=\"url(#area)\">")?;
        for curve in &chart.curves {
            self.curve(curve)?;
        }
        writeln!(self.out, "</g>")?;
        self.legend(&rows)?;
        writeln!(self.out, "</svg>")
    }

    fn axes(&mut self) -> fmt::Result {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        let y_ticks = self.chart.y.ticks(8);
        writeln!(self.out, "<g stroke=\"#e3e3e3\">")?;
        for (value, _) in &y_ticks.marks {
            let y = self.y(*value);
            writeln!(self.out, "<path d=\"M{LEFT} {y:.1}H{right}\"/>")?;
        }
        let x_ticks = self.chart.x.ticks(10);
        for (value, _) in &x_ticks.marks {
            let x = self.x(*value);
            writeln!(self.out, "<path d=\"M{x:.1} {TOP}V{bottom}\"/>")?;
        }
        writeln!(self.out, "</g>")?;
        writeln!(self.out, "<path d=\"M{LEFT} {TOP}V{bottom}H{right}\" fill=\"none\" stroke=\"#555555\"/>")?;
        writeln!(self.out, "<g text-anchor=\"end\" fill=\"#444444\">")?;
        for (value, label) in &y_ticks.marks {
            let y = self.y(*value) + 4.0;
            writeln!(self.out, "<text x=\"{}\" y=\"{y:.1}\">{}</text>", LEFT - 8.0, Xml(label))?;
        }
        writeln!(self.out, "</g>")?;
        writeln!(self.out, "<g text-anchor=\"middle\" fill=\"#444444\">")?;
        for (value, label) in &x_ticks.marks {
            let x = self.x(*value);
            writeln!(self.out, "<text x=\"{x:.1}\" y=\"{}\">{}</text>", bottom + 20.0, Xml(label))?;
        }
        let middle = f64::midpoint(LEFT, right);
        let label = format!("{} [{}]", self.chart.x.label, x_ticks.unit);
        writeln!(self.out, "<text x=\"{middle}\" y=\"{}\">{}</text>", bottom + 42.0, Xml(&label))?;
        let middle = f64::midpoint(TOP, bottom);
        let label = format!("{} [{}]", self.chart.y.label, y_ticks.unit);
        writeln!(self.out, "<text transform=\"translate(20 {middle}) rotate(-90)\">{}</text>", Xml(&label))?;
        writeln!(self.out, "</g>")
    }

    fn curve(&mut self, curve: &Curve) -> fmt::Result {
        let ink = curve.ink.hex();
        match curve.shape {
            Shape::Strokes => {
                let mut path = String::new();
                let mut last = String::new();
                for &(at, low, high) in &curve.points {
                    // Short strokes stay visible.
                    let (x, low, high) = (self.x(at), self.y(low), self.y(high));
                    let piece = format!("M{x:.1} {:.1}V{:.1}", low + 0.7, high - 0.7);
                    if piece != last {
                        path.push_str(&piece);
                    }
                    last = piece;
                }
                writeln!(self.out, "<path d=\"{path}\" stroke=\"{ink}\" stroke-width=\"2\" fill=\"none\"/>")
            }
            Shape::Steps | Shape::DottedSteps => {
                let mut path = String::new();
                let mut last = (String::new(), String::new());
                for (index, &(at, value, _)) in curve.points.iter().enumerate() {
                    let place = (format!("{:.1}", self.x(at)), format!("{:.1}", self.y(value)));
                    if index == 0 {
                        write!(path, "M{} {}", place.0, place.1)?;
                    } else {
                        if place.0 != last.0 {
                            write!(path, "H{}", place.0)?;
                        }
                        if place.1 != last.1 {
                            write!(path, "V{}", place.1)?;
                        }
                    }
                    last = place;
                }
                let dash = if curve.shape == Shape::Steps { "" } else { " stroke-dasharray=\"5 3\"" };
                writeln!(self.out, "<path d=\"{path}\" stroke=\"{ink}\" stroke-width=\"1.4\" fill=\"none\"{dash}/>")
            }
            Shape::Columns(width, _) => {
                writeln!(self.out, "<g fill=\"{ink}\">")?;
                for &(at, low, high) in curve.points.iter().filter(|(_, low, high)| high > low) {
                    let (left, right, top, bottom) = (self.x(at), self.x(at + width), self.y(high), self.y(low));
                    let gap = if right - left > 4.0 { 1.0 } else { 0.0 };
                    writeln!(
                        self.out,
                        "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
                        right - left - gap,
                        bottom - top
                    )?;
                }
                writeln!(self.out, "</g>")
            }
            Shape::Dots => {
                let mut path = String::new();
                for &(at, value, _) in &curve.points {
                    write!(path, "M{:.1} {:.1}h0", self.x(at), self.y(value))?;
                }
                writeln!(
                    self.out,
                    "<path d=\"{path}\" stroke=\"{ink}\" stroke-width=\"4.5\" stroke-linecap=\"round\" fill=\"none\"/>"
                )
            }
            Shape::Marks(mark) => {
                let mut path = String::new();
                for &(at, low, high) in &curve.points {
                    let (x, low, high) = (self.x(at), self.y(low), self.y(high));
                    path.push_str(&sign(mark, x, low, high));
                }
                let width = if mark == 's' { "4" } else { "1.8" };
                let opacity = if mark == 's' { " stroke-opacity=\"0.55\"" } else { "" };
                writeln!(
                    self.out,
                    "<path d=\"{path}\" stroke=\"{ink}\" stroke-width=\"{width}\" fill=\"none\"{opacity}/>"
                )
            }
        }
    }

    fn legend(&mut self, rows: &[Vec<&Curve>]) -> fmt::Result {
        let mut y = HEIGHT;
        for row in rows {
            let mut x = LEFT;
            for curve in row {
                let ink = curve.ink.hex();
                let middle = y - 4.5;
                let sample = match curve.shape {
                    Shape::Strokes => format!(
                        "<path d=\"M{} {}V{}\" stroke=\"{ink}\" stroke-width=\"2\"/>",
                        x + 9.0,
                        y - 11.0,
                        y + 2.0
                    ),
                    Shape::Steps => format!("<path d=\"M{x} {middle}h18\" stroke=\"{ink}\" stroke-width=\"1.6\"/>"),
                    Shape::DottedSteps => format!(
                        "<path d=\"M{x} {middle}h18\" stroke=\"{ink}\" stroke-width=\"1.6\" stroke-dasharray=\"5 3\"/>"
                    ),
                    Shape::Columns(..) => format!(
                        "<rect x=\"{}\" y=\"{}\" width=\"12\" height=\"11\" fill=\"{ink}\"/>",
                        x + 3.0,
                        y - 10.0
                    ),
                    Shape::Dots => format!("<circle cx=\"{}\" cy=\"{middle}\" r=\"3\" fill=\"{ink}\"/>", x + 9.0),
                    Shape::Marks(mark) => {
                        let width = if mark == 's' { "4" } else { "1.8" };
                        let path = sign(mark, x + 9.0, y, y - 10.0);
                        format!("<path d=\"{path}\" stroke=\"{ink}\" stroke-width=\"{width}\" fill=\"none\"/>")
                    }
                };
                writeln!(self.out, "{sample}")?;
                let text = legend_text(curve);
                writeln!(self.out, "<text x=\"{}\" y=\"{y}\">{}</text>", x + 24.0, Xml(&text))?;
                x += 24.0 + text.chars().count() as f64 * 7.0 + 22.0;
            }
            y += 20.0;
        }
        for note in &self.chart.notes {
            writeln!(self.out, "<text x=\"{LEFT}\" y=\"{y}\" font-size=\"12\" fill=\"#555555\">{}</text>", Xml(note))?;
            y += 18.0;
        }
        Ok(())
    }
}

/// A mark over a range of heights, by its character in the terminal.
fn sign(mark: char, x: f64, low: f64, high: f64) -> String {
    let middle = f64::midpoint(low, high);
    match mark {
        's' => format!("M{x:.1} {low:.1}V{:.1}", high.min(low - 1.0)),
        'o' => format!("M{:.1} {middle:.1}l4 -4l4 4l-4 4z", x - 4.0),
        'Z' => format!("M{:.1} {:.1}h7l-7 7h7", x - 3.5, middle - 3.5),
        'F' => format!("M{:.1} {:.1}h8l-4 -7z", x - 4.0, middle + 3.5),
        _ => format!("M{:.1} {:.1}l7 7m0 -7l-7 7M{x:.1} {low:.1}V{high:.1}", x - 3.5, middle - 3.5),
    }
}

fn legend_text(curve: &Curve) -> String {
    match curve.count {
        Some(count) => format!("{} ({count})", curve.name),
        None => curve.name.clone(),
    }
}

fn legend_rows(chart: &Chart) -> Vec<Vec<&Curve>> {
    let mut rows: Vec<Vec<&Curve>> = Vec::new();
    let mut used = 0;
    for curve in &chart.curves {
        let needed = legend_text(curve).chars().count() + 7;
        match rows.last_mut() {
            Some(row) if used + needed <= LEGEND_COLUMNS => row.push(curve),
            _ => {
                rows.push(vec![curve]);
                used = 0;
            }
        }
        used += needed;
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::super::axis::{Axis, Unit};
    use super::super::chart::Ink;
    use super::*;

    #[test]
    fn text_is_escaped_for_xml() {
        assert_eq!(
            Xml("<a b='c' d=\"e\">&\n\u{1}\u{ffff}é").to_string(),
            "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp; \u{fffd}\u{fffd}é"
        );
    }

    #[test]
    fn a_hostile_name_stays_text() {
        let points = vec![(0.0, 0.0, 5.0), (1.0, 5.0, 9.0)];
        let shapes = [
            Shape::Strokes,
            Shape::Steps,
            Shape::DottedSteps,
            Shape::Columns(0.5, None),
            Shape::Dots,
            Shape::Marks('R'),
            Shape::Marks('s'),
        ];
        let curves = shapes.map(|shape| Curve {
            name: "a < b".to_owned(),
            shape,
            ink: Ink::Blue,
            points: points.clone(),
            count: Some(2),
        });
        let svg = draw(&Chart {
            title: "Title & more".to_owned(),
            subtitle: "client id </desc><script>alert(1)</script>".to_owned(),
            x: Axis { label: "time", unit: Unit::Seconds, min: 0.0, max: 1.0 },
            y: Axis { label: "bytes", unit: Unit::Bytes, min: 0.0, max: 10.0 },
            curves: curves.to_vec(),
            notes: vec!["\"note\"".to_owned()],
        });
        assert!(!svg.contains("<script"), "{svg}");
        assert!(svg.contains("&lt;script&gt;") && svg.contains("Title &amp; more") && svg.contains("a &lt; b (2)"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
