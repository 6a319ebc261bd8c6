//! Which views are rows, and whether what is shown can be sorted as it is asked for.

use anyhow::bail;
use clap::ValueEnum as _;
use mqttsniff::render::View as RenderView;

use super::args::{Output, View};
use super::failure::Failure;

/// The view as renderers know it; the summary is no list of rows.
pub(super) const fn rows_of(view: View) -> Option<RenderView> {
    Some(match view {
        View::Packets => RenderView::Packets,
        View::Messages => RenderView::Messages,
        View::Flows => RenderView::Flows,
        View::Sessions => RenderView::Sessions,
        View::Deliveries => RenderView::Deliveries,
        View::Topics => RenderView::Topics,
        View::Findings => RenderView::Findings,
        View::Neighbours => RenderView::Neighbours,
        View::Summary => return None,
    })
}

/// Refuses a column that a view which was asked for has not. Of the tables that are shown by default some have it, and those
/// are sorted.
pub(super) fn refuse_order(arguments: &Output) -> anyhow::Result<()> {
    let Some(order) = &arguments.sort else { return Ok(()) };
    if !arguments.show.is_empty() {
        return arguments
            .show
            .iter()
            .filter_map(|view| rows_of(*view))
            .try_for_each(|view| refuse(view, &order.column));
    }
    if [RenderView::Flows, RenderView::Sessions, RenderView::Findings].iter().any(|view| view.has(&order.column)) {
        return Ok(());
    }
    let all = View::value_variants().iter().copied();
    let views = all.filter(|view| rows_of(*view).is_some_and(|rows| rows.has(&order.column)));
    let names: Vec<_> = views.map(|view| format!("--show {}", name(view))).collect();
    bail!(Failure::new(
        format!("none of the tables that are shown has a column '{}'", order.column),
        Some(format!("ask for what has it: {}", names.join(", "))),
    ))
}

/// Refuses a column that a view has not.
pub(super) fn refuse(view: RenderView, column: &str) -> anyhow::Result<()> {
    if view.has(column) {
        return Ok(());
    }
    let asked = View::value_variants().iter().find(|asked| rows_of(**asked) == Some(view));
    let name = asked.map_or_else(String::new, |view| name(*view));
    bail!(Failure::new(
        format!("the view '{name}' has no column '{column}'"),
        Some(format!("it has {}", view.columns().collect::<Vec<_>>().join(", "))),
    ))
}

/// As `--show` names it.
fn name(view: View) -> String {
    view.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
