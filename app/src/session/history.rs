//! Metrics as this viewer has seen them: five minutes of values for what is on screen, since a report only carries the last few seconds.

use std::collections::{HashMap, VecDeque};

use smol_str::SmolStr;

use crate::model::{MetricRow, NodeSummary};

/// Five minutes of a value a second.
const MAX_POINTS: usize = 300;
/// Nodes remembered; 3 metrics of 300 points of 8 bytes each make 11 MB of 1,500 nodes.
const MAX_NODES: usize = 1_500;
/// Samples that end longer than this before they were seen here are a recording: what was "seen" since is one value over and over.
const MAX_GAP_MILLIS: f64 = 600_000.0;
/// Values nearer than this are one.
const MIN_STEP_MILLIS: u64 = 900;

/// What was seen.
#[derive(Debug, Default)]
pub struct History {
    start: u64,
    nodes: HashMap<SmolStr, NodeHistory>,
}

#[derive(Debug, Default)]
struct NodeHistory {
    seen: u64,
    metrics: Vec<(SmolStr, VecDeque<(u32, f32)>)>,
}

impl History {
    /// Notes a node's metrics at `now` (milliseconds since the Unix epoch).
    pub fn note(&mut self, node: &NodeSummary, now: u64) {
        if self.start == 0 {
            self.start = now;
        }
        if node.metrics.is_empty() || (self.nodes.len() >= MAX_NODES && !self.nodes.contains_key(&node.id)) {
            return;
        }
        let at = u32::try_from(now.saturating_sub(self.start)).unwrap_or(u32::MAX);
        let history = self.nodes.entry(node.id.clone()).or_default();
        history.seen = now;
        for metric in node.metrics.iter().filter(|metric| !metric.value_empty) {
            let points = match history.metrics.iter().position(|(id, _)| *id == metric.template.id) {
                Some(index) => history.metrics.get_mut(index).map(|(_, points)| points),
                None => {
                    history.metrics.push((metric.template.id.clone(), VecDeque::new()));
                    history.metrics.last_mut().map(|(_, points)| points)
                }
            };
            let Some(points) = points else { continue };
            if points
                .back()
                .is_some_and(|(last, _)| u64::from(at.saturating_sub(*last)) < MIN_STEP_MILLIS)
            {
                continue;
            }
            points.push_back((at, metric.value as f32));
            if points.len() > MAX_POINTS {
                points.pop_front();
            }
        }
    }

    /// Forgets nodes not seen for five minutes.
    pub fn forget(&mut self, now: u64) {
        self.nodes.retain(|_, history| now.saturating_sub(history.seen) < 300_000);
    }

    /// A metric's points: what was seen here, and before that the report's own samples.
    #[must_use]
    pub fn points(&self, node: &str, metric: &MetricRow) -> Vec<(f64, f64)> {
        let seen = self
            .nodes
            .get(node)
            .and_then(|history| history.metrics.iter().find(|(id, _)| *id == metric.template.id))
            .map(|(_, points)| points);
        let first = seen
            .and_then(VecDeque::front)
            .map_or(f64::INFINITY, |(at, _)| (self.start + u64::from(*at)) as f64);
        let samples: Vec<(f64, f64)> = metric
            .samples
            .iter()
            .flatten()
            .filter_map(|sample| Some((crate::format::parse_date(&sample.date)?, sample.value)))
            .collect();
        if samples
            .last()
            .is_some_and(|(at, _)| first - at > MAX_GAP_MILLIS && first.is_finite())
        {
            return samples;
        }
        samples
            .into_iter()
            .filter(|(at, _)| *at < first - MIN_STEP_MILLIS as f64)
            .chain(
                seen.into_iter()
                    .flatten()
                    .map(|(at, value)| ((self.start + u64::from(*at)) as f64, f64::from(*value))),
            )
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{History, MAX_POINTS};
    use crate::model::{MetricRow, MetricSample, NodeSummary};
    use scope_shared::report::MetricTemplate;
    use std::sync::Arc;

    fn node(value: f64) -> NodeSummary {
        NodeSummary {
            id: "n".into(),
            metrics: vec![MetricRow {
                template: Arc::new(MetricTemplate {
                    id: "cpu".into(),
                    ..MetricTemplate::default()
                }),
                value,
                ..MetricRow::default()
            }],
            ..NodeSummary::default()
        }
    }

    #[test]
    fn a_metric_keeps_five_minutes_and_no_more() {
        let mut history = History::default();
        for second in 0..1000u64 {
            history.note(&node(second as f64), 1_000_000 + second * 1000);
        }
        let points = history.points("n", &node(0.0).metrics[0]);
        assert_eq!(points.len(), MAX_POINTS);
        assert_eq!(points.last(), Some(&(1_999_000.0, 999.0)));
    }

    #[test]
    fn samples_of_the_report_come_before_what_was_seen_here() {
        let mut history = History::default();
        history.note(&node(5.0), 10_000);
        let mut metric = node(5.0).metrics[0].clone();
        metric.samples = Some(vec![
            MetricSample {
                date: "1970-01-01T00:00:08Z".into(),
                value: 4.0,
            },
            MetricSample {
                date: "1970-01-01T00:00:10Z".into(),
                value: 5.0,
            },
        ]);
        assert_eq!(history.points("n", &metric), [(8_000.0, 4.0), (10_000.0, 5.0)]);
    }

    #[test]
    fn a_recording_is_charted_when_it_was_made() {
        let mut history = History::default();
        history.note(&node(5.0), 100_000_000);
        let mut metric = node(5.0).metrics[0].clone();
        metric.samples = Some(vec![MetricSample {
            date: "1970-01-01T00:00:08Z".into(),
            value: 4.0,
        }]);
        assert_eq!(history.points("n", &metric), [(8_000.0, 4.0)]);
    }

    #[test]
    fn what_is_gone_is_forgotten() {
        let mut history = History::default();
        history.note(&node(1.0), 10_000);
        history.forget(400_000);
        assert!(history.points("n", &node(0.0).metrics[0]).is_empty());
    }
}
