//! The picture: lag and calls over the rate of starts, for each way.

use std::path::Path;

use plotters::prelude::*;

use crate::{Run, Way};

/// The number of target groups that the picture shows.
const GROUPS: u64 = 2;
const SIZE: (u32, u32) = (1200, 380);

type Value = fn(&Run) -> Option<f64>;

/// Draws it; if the runs are too few for a picture, there is none.
pub(crate) fn plot(runs: &[Run], path: &Path) -> Result<(), String> {
    let shown: Vec<&Run> = runs.iter().filter(|run| run.groups == GROUPS).collect();
    let charts: [(&str, Value); 3] = [
        ("Starts that came to a registered task, %", |run| {
            // Nothing has no place on such a scale.
            Some(run.figures.registered_percent()).filter(|percent| *percent > 0.0)
        }),
        ("RUNNING to registered, p99 of those, s", |run| {
            Some(run.figures.lag(0.99)? / 1e3)
        }),
        ("AWS calls per task", |run| Some(run.figures.calls())),
    ];
    if shown.iter().map(|run| run.starts_per_second).min() == shown.iter().map(|run| run.starts_per_second).max() {
        return Ok(());
    }
    let draw = || -> Result<(), Box<dyn std::error::Error>> {
        let area = SVGBackend::new(path, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        for (area, (title, value)) in area.split_evenly((1, 3)).iter().zip(charts) {
            chart(area, title, value, &shown)?;
        }
        area.present()?;
        Ok(())
    };
    draw().map_err(|error| error.to_string())
}

fn chart<B: DrawingBackend>(
    area: &DrawingArea<B, plotters::coord::Shift>,
    title: &str,
    value: Value,
    runs: &[&Run],
) -> Result<(), Box<dyn std::error::Error>>
where
    B::ErrorType: 'static,
{
    let rates = runs.iter().map(|run| run.starts_per_second as f64);
    let (lowest, highest) = (rates.clone().fold(f64::MAX, f64::min), rates.fold(0.0, f64::max));
    let values = runs.iter().filter_map(|run| value(run));
    let (least, most) = (values.clone().fold(f64::MAX, f64::min), values.fold(0.0, f64::max));
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 16))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(48)
        .build_cartesian_2d(
            (lowest..highest * 1.2).log_scale(),
            (least * 0.7..most * 1.4).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc("starts per second")
        .x_label_formatter(&|x| format!("{x}"))
        .y_label_formatter(&|y| format!("{y}"))
        .light_line_style(WHITE)
        .draw()?;
    for (way, colour) in [
        (Way::Direct, BLUE),
        (Way::OneQueue, MAGENTA),
        (Way::TwoQueues, GREEN),
        (Way::Polling, RED),
    ] {
        let points: Vec<(f64, f64)> = runs
            .iter()
            .filter(|run| run.way == way)
            .filter_map(|run| Some((run.starts_per_second as f64, value(run)?)))
            .collect();
        chart
            .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?
            .label(way.name())
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 16, y)], colour.stroke_width(2)));
        chart.draw_series(points.into_iter().map(|point| Circle::new(point, 3, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .border_style(BLACK.mix(0.3))
        .background_style(WHITE)
        .draw()?;
    Ok(())
}
