//! A plot in the terminal.

use super::canvas::Canvas;
use super::chart::{Chart, Curve, Shape};
use crate::render::width::{Color, Style, columns, fit};

/// More columns than this make a plot flat, not clearer.
const WIDEST: usize = 160;

/// Of a dotted line every so manieth dot is drawn.
const DOTTED: i64 = 3;

/// Draws a plot in so many lines, as wide as the style has it.
pub(super) fn draw(chart: &Chart, style: Style, height: usize) -> String {
    let width = style.table_width().min(WIDEST);
    let legend = legend(chart, style, width);
    // Title, subtitle, the unit, the axis and its labels.
    let rows = height.saturating_sub(5 + legend.len()).max(4);
    let y_ticks = chart.y.ticks((rows / 3).max(2));
    let label_width = y_ticks.marks.iter().map(|(_, label)| columns(label)).max().unwrap_or(0).max(3);
    let mut canvas = Canvas::new(width.saturating_sub(label_width + 2).max(10), rows);
    for (owner, curve) in chart.curves.iter().enumerate() {
        draw_curve(chart, curve, owner, &mut canvas);
    }
    let mut out = String::new();
    let mut line = |text: &str| {
        out.push_str(text.trim_end());
        out.push('\n');
    };
    line(&style.paint(Color::Title, &fit(&chart.title, width)));
    line(&fit(&chart.subtitle, width));
    line(&style.paint(Color::Faint, &fit(&format!("{} [{}]", chart.y.label, y_ticks.unit), width)));
    for row in 0..rows {
        let here = |value: f64| {
            let place = chart.y.place(value);
            ((1.0 - place) * (rows as f64 * 4.0 - 1.0) / 4.0).floor() as usize == row
        };
        let label = y_ticks.marks.iter().find(|(value, _)| here(*value)).map(|(_, label)| label.as_str());
        let tick = if label.is_some() { '┤' } else { '│' };
        let axis = style.paint(Color::Faint, &format!("{:>label_width$} {tick}", label.unwrap_or_default()));
        let mut runs = canvas.row(row);
        if let Some((_, last)) = runs.last_mut() {
            last.truncate(last.trim_end().len());
        }
        let dots: String = runs
            .iter()
            .map(|(owner, run)| match chart.curves.get(*owner) {
                Some(curve) => style.paint(curve.ink.color(), run),
                None => run.clone(),
            })
            .collect();
        line(&format!("{axis}{dots}"));
    }
    let (axis, labels) = x_axis(chart, &canvas, label_width);
    line(&style.paint(Color::Faint, &axis));
    line(&style.paint(Color::Faint, &fit(&labels, width)));
    for text in &legend {
        line(text);
    }
    out
}

fn draw_curve(chart: &Chart, curve: &Curve, owner: usize, canvas: &mut Canvas) {
    let (across, down) = ((canvas.across() - 1) as f64, (canvas.down() - 1) as f64);
    let x = |value: f64| (chart.x.place(value) * across).round() as i64;
    let y = |value: f64| ((1.0 - chart.y.place(value)) * down).round() as i64;
    match curve.shape {
        Shape::Strokes => {
            for &(at, low, high) in &curve.points {
                canvas.upright(x(at), y(low), y(high), owner);
            }
        }
        Shape::Dots => {
            for &(at, value, _) in &curve.points {
                canvas.level(x(at), x(at) + 1, y(value), 1, owner);
            }
        }
        Shape::Steps | Shape::DottedSteps => {
            let every = if curve.shape == Shape::Steps { 1 } else { DOTTED };
            for pair in curve.points.windows(2) {
                let [(from, before, _), (to, after, _)] = pair else { continue };
                canvas.level(x(*from), x(*to), y(*before), every, owner);
                if every == 1 {
                    canvas.upright(x(*to), y(*before), y(*after), owner);
                }
            }
            if let Some((at, value, _)) = curve.points.last() {
                canvas.level(x(*at), x(*at) + DOTTED, y(*value), every, owner);
            }
        }
        Shape::Columns(width, mark) => {
            for &(at, low, high) in &curve.points {
                let (from, to) = (x(at), (x(at + width) - 1).max(x(at)));
                for column in from..=to {
                    match mark {
                        None => canvas.upright(column, y(low), y(high), owner),
                        Some(mark) => mark_range(canvas, column, y(low), y(high), mark, owner),
                    }
                }
            }
        }
        Shape::Marks(mark) => {
            for &(at, low, high) in &curve.points {
                mark_range(canvas, x(at), y(low), y(high), mark, owner);
            }
        }
    }
}

/// The mark in every character that the range reaches into.
fn mark_range(canvas: &mut Canvas, x: i64, from: i64, to: i64, mark: char, owner: usize) {
    let (low, high) = (from.min(to).max(0), from.max(to).min(canvas.down() as i64 - 1));
    for row in low / 4..=high / 4 {
        canvas.mark(x, row * 4, mark, owner);
    }
}

/// The line below the plot, and the labels below that.
fn x_axis(chart: &Chart, canvas: &Canvas, label_width: usize) -> (String, String) {
    let ticks = chart.x.ticks((canvas.width / 10).max(2));
    let mut axis: Vec<char> = vec!['─'; canvas.width];
    let offset = label_width + 2;
    let mut labels = String::new();
    for (value, label) in &ticks.marks {
        let place = ((chart.x.place(*value) * (canvas.across() - 1) as f64).round() as usize) / 2;
        if let Some(cell) = axis.get_mut(place) {
            *cell = '┬';
        }
        let start = (offset + place).saturating_sub(columns(label) / 2);
        let used = columns(&labels);
        if start >= used + usize::from(used > 0) {
            labels.push_str(&" ".repeat(start - used));
            labels.push_str(label);
        }
    }
    let name = format!("{} [{}]", chart.x.label, ticks.unit);
    let room = (offset + canvas.width).saturating_sub(columns(&labels) + columns(&name));
    if room >= 2 {
        labels.push_str(&" ".repeat(room));
        labels.push_str(&name);
    } else {
        // The name takes the place of the last labels.
        let kept = (offset + canvas.width).saturating_sub(columns(&name) + 2);
        labels = labels.chars().take(kept).collect();
        labels = labels.rsplit_once(' ').map_or(String::new(), |(rest, _)| rest.trim_end().to_owned());
        let room = (offset + canvas.width).saturating_sub(columns(&labels) + columns(&name));
        labels.push_str(&" ".repeat(room));
        labels.push_str(&name);
    }
    (format!("{:>label_width$} └{}", "", axis.into_iter().collect::<String>()), labels)
}

/// What the curves are, and what else there is to say.
fn legend(chart: &Chart, style: Style, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut used) = (String::new(), 0);
    for curve in &chart.curves {
        let sample = match curve.shape {
            Shape::Strokes => "⡇".to_owned(),
            Shape::Steps => "⠒⠒".to_owned(),
            Shape::DottedSteps => "⠂⠐".to_owned(),
            Shape::Columns(_, None) => "⣿".to_owned(),
            Shape::Dots => "⠒".to_owned(),
            Shape::Columns(_, Some(mark)) | Shape::Marks(mark) => mark.to_string(),
        };
        let count = curve.count.map(|count| format!(" {count}")).unwrap_or_default();
        let text = fit(&format!("{sample} {}{count}", curve.name), width);
        let needed = columns(&text);
        if used > 0 && used + 3 + needed > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push_str("   ");
            used += 3;
        }
        line.push_str(&style.paint(curve.ink.color(), &text));
        used += needed;
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines.extend(chart.notes.iter().map(|note| style.paint(Color::Faint, &fit(note, width))));
    lines
}

#[cfg(test)]
mod tests {
    use super::super::axis::{Axis, Unit};
    use super::super::chart::Ink;
    use super::*;

    fn chart() -> Chart {
        let curve = |name: &str, shape, points: &[(f64, f64, f64)]| Curve {
            name: name.to_owned(),
            shape,
            ink: Ink::Blue,
            points: points.to_vec(),
            count: Some(points.len() as u64),
        };
        Chart {
            title: "A title".to_owned(),
            subtitle: "A subtitle".to_owned(),
            x: Axis { label: "time", unit: Unit::Seconds, min: 0.0, max: 10.0 },
            y: Axis { label: "bytes", unit: Unit::Bytes, min: 0.0, max: 100.0 },
            curves: vec![
                curve("line", Shape::Steps, &[(0.0, 0.0, 0.0), (5.0, 50.0, 50.0), (10.0, 100.0, 100.0)]),
                curve("again", Shape::Marks('R'), &[(5.0, 50.0, 50.0)]),
                curve("nowhere", Shape::Dots, &[(99.0, 1.0, 1.0), (-1.0, 1.0, 1.0)]),
            ],
            notes: vec!["A note".to_owned()],
        }
    }

    #[test]
    fn a_plot_fits_its_lines_and_columns() {
        for width in [Style::LEAST_WIDTH, 80, 100, 300] {
            for height in [10, 24, 50] {
                let style = Style { width: Some(width), ..Style::PLAIN };
                let text = draw(&chart(), style, height);
                assert!(text.lines().all(|line| columns(line) <= width), "{width}\n{text}");
                assert!(text.lines().count() <= height.max(11), "{height}\n{text}");
            }
        }
    }

    #[test]
    fn axes_have_labels_and_marks_stand_over_the_line() {
        let text = draw(&chart(), Style { width: Some(60), ..Style::PLAIN }, 24);
        assert!(text.contains("bytes [B]") && text.contains("time [s]"), "{text}");
        assert!(text.contains("100 ┤") && text.contains(" 60 ┤") && text.contains("  0 ┤"), "{text}");
        assert_eq!(text.matches('R').count(), 2, "one in the plot, one in the legend\n{text}");
        assert!(text.contains("⠒⠒ line 3   R again 1"), "{text}");
    }
}
