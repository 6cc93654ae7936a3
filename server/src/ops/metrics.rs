//! The server's metrics: every name, type and label in one place, rendered for Prometheus.
//!
//! Handles belong to one server, not to the process, so that tests can run several side by side. Labels come from closed sets only:
//! nothing that a client sends becomes one.

use axum::http::StatusCode;
use metrics::{Counter, Gauge, Key, Label, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::server::Server;

static METADATA: Metadata<'static> = Metadata::new("scope", Level::INFO, None);

/// See the module's documentation.
pub(crate) struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    reports: Counter,
    report_bytes: Counter,
    viewer_bytes: Counter,
    viewer_frames: Counter,
    probes: Gauge,
    viewers: Gauge,
    held: Gauge,
    skipped: Counter,
    controllable: Gauge,
    pipes: Gauge,
    connections: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        let counter = |name: &'static str, help: &'static str| {
            recorder.describe_counter(name.into(), None, help.into());
            recorder.register_counter(&Key::from_static_name(name), &METADATA)
        };
        let gauge = |name: &'static str, help: &'static str| {
            recorder.describe_gauge(name.into(), None, help.into());
            recorder.register_gauge(&Key::from_static_name(name), &METADATA)
        };
        recorder.describe_counter(
            "scope_refused_total".into(),
            None,
            "Requests refused, by what they were and the status.".into(),
        );
        Self {
            reports: counter("scope_reports_total", "Reports taken."),
            report_bytes: counter("scope_report_bytes_total", "Bytes of reports taken, as they travelled."),
            viewer_bytes: counter("scope_viewer_bytes_total", "Bytes sent to viewers."),
            viewer_frames: counter("scope_viewer_frames_total", "Messages sent to viewers."),
            probes: gauge("scope_probes", "Probes with a state."),
            viewers: gauge("scope_viewers", "Viewers connected."),
            controllable: gauge("scope_control_sockets", "Probes that can be controlled now."),
            pipes: gauge("scope_pipes", "Pipes (terminals, logs) that are not over."),
            connections: gauge("scope_connections", "Connections open, of any kind."),
            held: gauge("scope_held_bytes", "Bytes of reports held."),
            skipped: counter("scope_viewer_frames_skipped_total", "Frames that slow viewers were not given."),
            recorder,
            handle,
        }
    }

    pub(crate) fn report_taken(&self, bytes: usize) {
        self.reports.increment(1);
        self.report_bytes.increment(bytes as u64);
    }

    pub(crate) fn sent_to_viewer(&self, bytes: usize) {
        self.viewer_frames.increment(1);
        self.viewer_bytes.increment(bytes as u64);
    }

    /// Counts a refusal of `what`: `report`, `viewer`, `control`, `pipe`, `login`, `access`.
    pub(crate) fn refused(&self, what: &'static str, status: StatusCode) {
        let labels = vec![Label::new("what", what), Label::new("status", status.as_str().to_owned())];
        self.recorder
            .register_counter(&Key::from_parts("scope_refused_total", labels), &METADATA)
            .increment(1);
    }

    /// The page that Prometheus reads.
    #[expect(clippy::cast_precision_loss, reason = "gauges are doubles; counts this large are not reached")]
    pub(crate) fn render(&self, server: &Server) -> String {
        let counts = server.relay.counts();
        self.probes.set(counts.probes as f64);
        self.viewers.set(counts.viewers as f64);
        self.held.set(counts.held as f64);
        self.controllable.set(server.controls.connected() as f64);
        self.pipes.set(server.pipes.open() as f64);
        self.connections.set(server.connections() as f64);
        self.skipped.absolute(counts.skipped);
        self.handle.render()
    }
}
