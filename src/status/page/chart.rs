//! The last hour as lines: places on a canvas of fixed size, drawn by the page as SVG.

use serde::Serialize;

use crate::status::Snapshot;
use crate::status::words::{duration, rate};

/// One unit a sample of an hour.
const WIDTH: usize = 360;
const HEIGHT: f64 = 48.0;

/// Both lines.
#[derive(Debug, Serialize)]
pub(super) struct Charts {
    throughput: Chart,
    lag: Chart,
}

/// One line, and what it says in words.
#[derive(Debug, Serialize)]
struct Chart {
    /// `points` of the line; the newest sample is at the right edge. Empty without samples.
    line: String,
    /// The same closed along the ground.
    area: String,
    now: String,
    max: String,
}

impl Charts {
    pub fn of(snapshot: &Snapshot) -> Self {
        let history = &snapshot.history;
        let rates: Vec<_> = history.records_per_second.iter().map(|rate| Some(*rate)).collect();
        let lags: Vec<_> = history.lag_seconds.iter().copied().collect();
        Self {
            throughput: Chart::of(&rates, Some(snapshot.stream.records_per_second), |value| {
                format!("{}/s", rate(value))
            }),
            lag: Chart::of(&lags, snapshot.watermark.lag_seconds, duration),
        }
    }
}

impl Chart {
    fn of(samples: &[Option<f64>], now: Option<f64>, shown: impl Fn(f64) -> String) -> Self {
        // The figure of this moment is newer than the last sample.
        let max = samples.iter().flatten().copied().chain(now).fold(0.0, f64::max);
        let first = WIDTH.saturating_sub(samples.len());
        let place = |(index, sample): (usize, &Option<f64>)| {
            let y = HEIGHT - (*sample)? / max.max(f64::EPSILON) * (HEIGHT - 2.0) - 1.0;
            Some((first + index + 1, y))
        };
        let places: Vec<_> = samples.iter().enumerate().filter_map(place).collect();
        let line: Vec<_> = places.iter().map(|(x, y)| format!("{x},{y:.1}")).collect();
        let ends = places.first().zip(places.last());
        let area = ends.map_or_else(String::new, |((left, _), (right, _))| {
            format!("{left},{HEIGHT} {} {right},{HEIGHT}", line.join(" "))
        });
        Self { line: line.join(" "), area, now: now.map_or_else(|| "none yet".to_owned(), &shown), max: shown(max) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_sample_is_at_the_right_edge_and_the_largest_one_at_the_top() {
        let chart = Chart::of(&[Some(0.0), None, Some(10.0), Some(5.0)], Some(5.0), |value| value.to_string());
        assert_eq!(chart.line, "357,47.0 359,1.0 360,24.0");
        assert_eq!(chart.area, "357,48 357,47.0 359,1.0 360,24.0 360,48");
        assert_eq!((chart.now.as_str(), chart.max.as_str()), ("5", "10"));
    }

    #[test]
    fn without_samples_there_is_no_line() {
        let chart = Chart::of(&[], None, |value| value.to_string());
        assert_eq!((chart.line.as_str(), chart.area.as_str(), chart.now.as_str()), ("", "", "none yet"));
        let flat = Chart::of(&[Some(0.0); 2], None, |value| value.to_string());
        assert_eq!(flat.line, "359,47.0 360,47.0", "nothing is divided by zero");
    }
}
