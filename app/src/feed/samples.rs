//! Metric samples gathered over the window: a probe of ours says each second only the newest sample, a sparkline wants the last ones.

use std::sync::Arc;

use scope_shared::report::{Kind, Metric, Node, Report, VecMap};
use scope_shared::time::Timestamp;

/// Gives every node of `now` the samples that the same node had in `before` and that are within `window_millis` of its newest one (by
/// their own dates: only compared with one another, and none is later than the newest one said: a probe's clock that was set back does
/// not leave samples of the future behind). Nodes that are the same allocation as in `base_before` did not change and keep what
/// `before` holds of them.
pub(super) fn carry(before: &Report, base_before: Option<&Report>, now: &mut Report, window_millis: u64) {
    for kind in [
        Kind::Process,
        Kind::Container,
        Kind::Host,
        Kind::Pod,
        Kind::Service,
        Kind::Deployment,
    ] {
        carry_kind(before, base_before, now, kind, window_millis);
    }
}

fn carry_kind(before: &Report, raw_before: Option<&Report>, now: &mut Report, kind: Kind, window_millis: u64) {
    let mut old = before.topology(kind).nodes.iter().peekable();
    let mut raw = raw_before.map(|raw| raw.topology(kind).nodes.iter().peekable());
    // All are sorted: side by side, instead of a look-up for each.
    for (id, node) in &mut now.topology_mut(kind).nodes {
        while old.next_if(|(old, _)| *old < id).is_some() {}
        let Some((_, known)) = old.next_if(|(old, _)| *old == id) else {
            continue;
        };
        let raw = raw.as_mut().and_then(|raw| {
            while raw.next_if(|(raw, _)| *raw < id).is_some() {}
            raw.next_if(|(raw, _)| *raw == id)
        });
        if raw.is_some_and(|(_, raw)| Arc::ptr_eq(raw, node)) {
            *node = known.clone();
        } else if node.metrics.iter().any(|(key, _)| known.metrics.contains_key(key)) {
            let metrics = joined(&known.metrics, &node.metrics, window_millis);
            if metrics != node.metrics {
                let mut gathered = Node::clone(node);
                gathered.metrics = metrics;
                *node = Arc::new(gathered);
            }
            if **node == **known {
                *node = known.clone();
            }
        }
    }
}

fn joined(before: &VecMap<Metric>, now: &VecMap<Metric>, window_millis: u64) -> VecMap<Metric> {
    let entries = now.iter().map(|(key, metric)| {
        let metric = before
            .get(key)
            .map_or_else(|| metric.clone(), |before| join(before, metric, window_millis));
        (key.clone(), metric)
    });
    VecMap::from_unsorted(entries.collect())
}

fn join(before: &Metric, now: &Metric, window_millis: u64) -> Metric {
    let Some(newest) = now.last() else { return before.clone() };
    let mut all = now.merged(before);
    let window = i64::try_from(window_millis).unwrap_or(i64::MAX);
    let within = |date: Timestamp| (0..window).contains(&newest.date.unix_millis().saturating_sub(date.unix_millis()));
    all.samples.retain(|sample| within(sample.date));
    let values = || all.samples.iter().map(|sample| sample.value);
    // Where `max` is a capacity it is the newest one's; where it is the largest sample it is that of those kept.
    let (min, max) = (values().fold(now.min, f64::min), values().fold(now.max, f64::max));
    Metric {
        samples: all.samples,
        min,
        max,
    }
}
