//! Health: values with sparklines, and one of them as a larger chart with a time axis and the value under the pointer.

use leptos::prelude::*;
use smol_str::SmolStr;

use super::{CardUi, lists};
use crate::format;
use crate::protocol::MetricVm;
use crate::ui::css;

/// Metrics shown before "more".
const FIRST_METRICS: usize = 3;
const SPARK: (f64, f64) = (96.0, 28.0);
const CHART: (f64, f64) = (360.0, 120.0);

/// The section.
pub fn health(metrics: Vec<MetricVm>, ui: CardUi) -> impl IntoView {
    let id = SmolStr::new_static("health");
    let with_value = metrics.iter().filter(|metric| !metric.text.is_empty()).count();
    let first = if with_value == 0 {
        metrics.len()
    } else {
        with_value.min(FIRST_METRICS)
    };
    let hidden = metrics.len() - first;
    let all = ui.unfolded.with(|open| open.contains(&id));
    let charted = ui.chart.get().and_then(|id| metrics.iter().find(|metric| metric.id == id).cloned());
    view! {
        <section>
            <h3>"Status"</h3>
            <div class="health">
                {metrics.into_iter().take(if all { usize::MAX } else { first }).map(|metric| item(metric, ui)).collect_view()}
            </div>
            {charted.map(|metric| chart(metric, ui))}
            {lists::more(hidden, all, move || ui.toggle(&id))}
        </section>
    }
}

fn item(metric: MetricVm, ui: CardUi) -> impl IntoView {
    let id = metric.id.clone();
    let open = ui.chart.with(|chart| chart.as_ref() == Some(&id));
    let line = line(&metric, SPARK, 3.0);
    let last = line
        .rsplit(['M', 'L'])
        .next()
        .and_then(|point| point.trim().split_once(' '))
        .map(|(x, y)| (x.to_owned(), y.to_owned()));
    view! {
        <button
            class="metric"
            data-metric=metric.label.to_string()
            aria-expanded=open.to_string()
            title=summary(&metric)
            on:click=move |_| {
                let id = id.clone();
                ui.chart.update(|chart| *chart = if chart.as_ref() == Some(&id) { None } else { Some(id) });
            }
        >
            <b>{if metric.text.is_empty() { "–".to_owned() } else { metric.text.to_string() }}</b>
            <svg viewBox=format!("0 0 {} {}", SPARK.0, SPARK.1) aria-hidden="true" preserveAspectRatio="none">
                {if line.is_empty() {
                    view! { <path class="none" d=format!("M2 {y} L{x} {y}", x = SPARK.0 - 2.0, y = SPARK.1 / 2.0) /> }.into_any()
                } else {
                    view! { <path d=line style:stroke=css(metric.colour) /> }.into_any()
                }}
                {last.map(|(x, y)| view! { <circle cx=x cy=y r="2" style:fill=css(metric.colour) /> })}
            </svg>
            <span class="minor">{metric.label.to_string()}</span>
        </button>
    }
}

fn summary(metric: &MetricVm) -> String {
    let (Some(first), Some(last)) = (metric.points.first(), metric.points.last()) else {
        return format!("{}: no samples yet", metric.label);
    };
    let values = || metric.points.iter().map(|(_, value)| *value);
    let show = |value: f64| format::metric(value, &metric.format);
    format!(
        "{}: {} samples over {}\nlowest {}, highest {}, mean {}\nClick for a larger chart",
        metric.label,
        metric.points.len(),
        format::duration((last.0 - first.0) / 1000.0),
        show(values().fold(f64::INFINITY, f64::min)),
        show(values().fold(f64::NEG_INFINITY, f64::max)),
        show(values().sum::<f64>() / metric.points.len() as f64),
    )
}

/// The range shown: all samples, from the smallest (or 0) to the largest.
fn range(metric: &MetricVm) -> (f64, f64) {
    let low = metric.points.iter().map(|(_, value)| *value).fold(f64::INFINITY, f64::min).min(0.0);
    let high = metric.points.iter().map(|(_, value)| *value).fold(f64::NEG_INFINITY, f64::max);
    (low, if high <= low { low + 1.0 } else { high })
}

fn place(metric: &MetricVm, (width, height): (f64, f64), margin: f64) -> impl Fn(f64, f64) -> (f64, f64) {
    let (low, high) = range(metric);
    let start = metric.points.first().map_or(0.0, |(at, _)| *at);
    let end = metric.points.last().map_or(1.0, |(at, _)| *at);
    let span = if end > start { end - start } else { 1.0 };
    move |at, value| {
        (
            margin + (at - start) / span * (width - 2.0 * margin),
            height - margin - (value - low) / (high - low) * (height - 2.0 * margin),
        )
    }
}

fn line(metric: &MetricVm, size: (f64, f64), margin: f64) -> String {
    let place = place(metric, size, margin);
    let mut path = String::new();
    for (at, value) in &metric.points {
        let (x, y) = place(*at, *value);
        path.push_str(&format!("{}{x:.1} {y:.1}", if path.is_empty() { "M" } else { " L" }));
    }
    path
}

fn chart(metric: MetricVm, ui: CardUi) -> impl IntoView {
    let (low, high) = range(&metric);
    let path = line(&metric, CHART, 4.0);
    let start = metric.points.first().map_or(0.0, |(at, _)| *at);
    let end = metric.points.last().map_or(0.0, |(at, _)| *at);
    let points = StoredValue::new(metric.points.clone());
    let format_of = metric.format.clone();
    let show = move |value: f64| format::metric(value, &format_of);
    let (top, bottom) = (show(high), show(low));
    let placed = StoredValue::new(
        metric
            .points
            .iter()
            .map(|(at, value)| place(&metric, CHART, 4.0)(*at, *value))
            .collect::<Vec<_>>(),
    );
    // The card is made anew with every report; what the pointer points at stays.
    let hover = Memo::new(move |_| {
        let x = ui.pointer.get()? * CHART.0;
        placed.with_value(|placed| {
            let nearest = placed
                .iter()
                .enumerate()
                .min_by(|(_, a), (_, b)| (a.0 - x).abs().total_cmp(&(b.0 - x).abs()));
            nearest.map(|(at, _)| at)
        })
    });
    let area = if path.is_empty() {
        String::new()
    } else {
        format!("{path} L{:.1} {h} L4 {h} Z", CHART.0 - 4.0, h = CHART.1 - 4.0)
    };
    view! {
        <figure class="chart" aria-label=format!("{} over time", metric.label)>
            <figcaption>
                <b>{metric.label.to_string()}</b>
                {(metric.url.starts_with("http://") || metric.url.starts_with("https://")).then(|| view! {
                    <a href=metric.url.to_string() target="_blank" rel="noopener noreferrer">"Longer history"</a>
                })}
                <span>
                    {move || hover.get().and_then(|at| points.with_value(|points| points.get(at).copied())).map(|(at, value)| {
                        format!("{} at {}", show(value), clock(at))
                    })}
                </span>
            </figcaption>
            <svg
                viewBox=format!("0 0 {} {}", CHART.0, CHART.1)
                role="img"
                aria-label=summary(&metric)
                on:pointermove=move |event| {
                    let target: web_sys::Element = event_target(&event);
                    let target = target.closest("svg").ok().flatten().unwrap_or(target);
                    let box_ = target.get_bounding_client_rect();
                    ui.pointer.set(Some((f64::from(event.client_x()) - box_.left()) / box_.width()));
                }
                on:pointerleave=move |_| ui.pointer.set(None)
            >
                <path class="grid" d=format!("M4 4 H{w} M4 {m} H{w} M4 {b} H{w}", w = CHART.0 - 4.0, m = CHART.1 / 2.0, b = CHART.1 - 4.0) />
                <path class="area" d=area style:fill=css(metric.colour) />
                <path class="line" d=path style:stroke=css(metric.colour) />
                {move || hover.get().and_then(|at| placed.with_value(|placed| placed.get(at).copied())).map(|(x, y)| view! {
                    <path class="cursor" d=format!("M{x:.1} 4 V{}", CHART.1 - 4.0) />
                    <circle cx=x.to_string() cy=y.to_string() r="3" style:fill=css(metric.colour) />
                })}
            </svg>
            <div class="axis-y" aria-hidden="true"><span>{top}</span><span>{bottom}</span></div>
            <div class="axis-x" aria-hidden="true"><span>{clock(start)}</span><span>{clock((start + end) / 2.0)}</span><span>{clock(end)}</span></div>
        </figure>
    }
}

/// Time of day in this browser's zone.
fn clock(millis: f64) -> String {
    let date = js_sys::Date::new(&millis.into());
    format!("{:02}:{:02}:{:02}", date.get_hours(), date.get_minutes(), date.get_seconds())
}
