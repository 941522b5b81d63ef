//! Pictures: charts side by side, both axes logarithmic.

use std::path::Path;

use plotters::prelude::*;

use crate::simulate::{Run, Way};

/// The number of target groups that the picture of the load shows.
const GROUPS: u64 = 2;
/// Of one chart.
const SIZE: (u32, u32) = (400, 380);
const COLOURS: [RGBColor; 6] = [BLUE, MAGENTA, GREEN, RED, BLACK, CYAN];

/// A chart with some lines.
pub(crate) struct Chart<'a> {
    pub(crate) title: &'a str,
    /// What its x is.
    pub(crate) x: &'a str,
    pub(crate) lines: Vec<Line<'a>>,
}

/// A line of a chart.
pub(crate) struct Line<'a> {
    pub(crate) name: &'a str,
    pub(crate) points: Vec<(f64, f64)>,
}

/// Lag and calls over the rate of starts, for each way.
pub(crate) fn load(runs: &[&Run], path: &Path) -> Result<(), String> {
    type Value = fn(&Run) -> Option<f64>;
    let charts: [(&str, Value); 3] = [
        ("Starts that came to a registered task, %", |run| {
            Some(run.figures.registered_percent())
        }),
        ("RUNNING to registered, p99 of those, s", |run| {
            Some(run.figures.lag(0.99)? / 1e3)
        }),
        ("AWS calls per task", |run| Some(run.figures.calls())),
    ];
    let line = |way: Way, value: Value| Line {
        name: way.name(),
        points: runs
            .iter()
            .filter(|run| run.setting.groups == GROUPS && run.setting.way == way)
            .filter_map(|run| Some((run.setting.starts_per_second as f64, value(run)?)))
            .collect(),
    };
    let charts = charts.map(|(title, value)| Chart {
        title,
        x: "starts per second",
        lines: [Way::Direct, Way::OneQueue, Way::TwoQueues, Way::Polling]
            .map(|way| line(way, value))
            .into(),
    });
    draw(&charts, path)
}

/// Draws charts side by side; if the points are too few for a picture, there is none.
pub(crate) fn draw(charts: &[Chart<'_>], path: &Path) -> Result<(), String> {
    let mut all = charts
        .iter()
        .flat_map(|chart| &chart.lines)
        .flat_map(|line| &line.points);
    let first = all.next().map(|(x, _)| *x);
    if all.all(|(x, _)| Some(*x) == first) {
        return Ok(());
    }
    let draw = || -> Result<(), Box<dyn std::error::Error>> {
        let columns = charts.len();
        let size = (SIZE.0 * u32::try_from(columns)?, SIZE.1);
        let area = SVGBackend::new(path, size).into_drawing_area();
        area.fill(&WHITE)?;
        for (area, chart) in area.split_evenly((1, columns)).iter().zip(charts) {
            draw_chart(area, chart)?;
        }
        area.present()?;
        Ok(())
    };
    draw().map_err(|error| error.to_string())
}

fn draw_chart<B: DrawingBackend>(
    area: &DrawingArea<B, plotters::coord::Shift>,
    chart: &Chart<'_>,
) -> Result<(), Box<dyn std::error::Error>>
where
    B::ErrorType: 'static,
{
    // Nothing has no place on such a scale.
    let shown = |line: &Line<'_>| {
        line.points
            .iter()
            .copied()
            .filter(|(_, y)| *y > 0.0)
            .collect::<Vec<_>>()
    };
    let points: Vec<(f64, f64)> = chart.lines.iter().flat_map(shown).collect();
    let least = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).fold(f64::MAX, f64::min);
    let most = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).fold(0.0, f64::max);
    let mut drawn = ChartBuilder::on(area)
        .caption(chart.title, ("sans-serif", 16))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(48)
        .build_cartesian_2d(
            (least(|(x, _)| *x)..most(|(x, _)| *x) * 1.2).log_scale(),
            (least(|(_, y)| *y) * 0.7..most(|(_, y)| *y) * 1.4).log_scale(),
        )?;
    drawn
        .configure_mesh()
        .x_desc(chart.x)
        .x_label_formatter(&|x| format!("{x}"))
        .y_label_formatter(&|y| format!("{y}"))
        .light_line_style(WHITE)
        .draw()?;
    for (line, colour) in chart.lines.iter().zip(COLOURS) {
        let points = shown(line);
        drawn
            .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?
            .label(line.name)
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 16, y)], colour.stroke_width(2)));
        drawn.draw_series(points.into_iter().map(|point| Circle::new(point, 3, colour.filled())))?;
    }
    drawn
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .border_style(BLACK.mix(0.3))
        .background_style(WHITE.mix(0.8))
        .draw()?;
    Ok(())
}
