//! Labels of the generated values, as probes publish them.

use scope_shared::report::{Control, Kind, MetadataTemplate, MetricTemplate, Report, TableTemplate};

type Metadata = (&'static str, &'static str, &'static str, &'static str);
type Metrics = (&'static str, &'static str, &'static str);

const PROCESS: &[Metadata] = &[
    ("pid", "PID", "number", "latest"),
    ("cmdline", "Command", "", "latest"),
    ("ppid", "Parent PID", "number", "latest"),
    ("threads", "# Threads", "number", "latest"),
];
const CONTAINER: &[Metadata] = &[
    ("docker_image_tag", "Image tag", "", "latest"),
    ("docker_image_name", "Image name", "", "latest"),
    ("docker_container_command", "Command", "", "latest"),
    ("docker_container_state_human", "State", "", "latest"),
    ("docker_container_uptime", "Uptime", "duration", "latest"),
    ("docker_container_restart_count", "Restart #", "", "latest"),
    ("docker_container_ips", "IPs", "", "sets"),
    ("docker_container_created", "Created", "datetime", "latest"),
    ("docker_container_id", "ID", "", "latest"),
];
const HOST: &[Metadata] = &[
    ("kernel_version", "Kernel version", "", "latest"),
    ("uptime", "Uptime", "duration", "latest"),
    ("host_name", "Hostname", "", "latest"),
    ("os", "OS", "", "latest"),
];

/// Puts templates and controls into a report.
pub(super) fn add(report: &mut Report) {
    metadata(report, Kind::Process, PROCESS);
    metadata(report, Kind::Container, CONTAINER);
    metadata(report, Kind::Host, HOST);
    metadata(report, Kind::ContainerImage, &[("container", "# Containers", "number", "counters")]);
    metrics(
        report,
        Kind::Process,
        &[
            ("process_cpu_usage_percent", "CPU", "percent"),
            ("process_memory_usage_bytes", "Memory", "filesize"),
        ],
    );
    metrics(
        report,
        Kind::Container,
        &[
            ("docker_cpu_total_usage", "CPU", "percent"),
            ("docker_memory_usage", "Memory", "filesize"),
        ],
    );
    metrics(
        report,
        Kind::Host,
        &[
            ("host_cpu_usage_percent", "CPU", "percent"),
            ("host_mem_usage_bytes", "Memory", "filesize"),
            ("load1", "Load (1m)", ""),
        ],
    );
    let table = TableTemplate {
        id: "docker_label_".into(),
        label: "Docker labels".into(),
        prefix: "docker_label_".into(),
        kind: "property-list".into(),
        ..TableTemplate::default()
    };
    report.topology_mut(Kind::Container).table_templates.insert(table.id.clone(), table);
    for (rank, (kind, id, human)) in [
        (Kind::Container, "docker_attach_container", "Attach"),
        (Kind::Container, "docker_exec_container", "Exec shell"),
        (Kind::Container, "docker_stop_container", "Stop"),
        (Kind::Host, "host_exec", "Exec shell"),
    ]
    .into_iter()
    .enumerate()
    {
        let control = Control {
            id: id.into(),
            human: human.into(),
            icon: "fa fa-terminal".into(),
            rank: rank as i64,
            ..Control::default()
        };
        report.topology_mut(kind).controls.insert(control.id.clone(), control);
    }
}

fn metadata(report: &mut Report, kind: Kind, rows: &[Metadata]) {
    for (at, (id, label, data_type, from)) in rows.iter().enumerate() {
        let template = MetadataTemplate {
            id: (*id).into(),
            label: (*label).into(),
            truncate: 0,
            data_type: (*data_type).into(),
            priority: (at + 1) as f64,
            from: (*from).into(),
        };
        report.topology_mut(kind).metadata_templates.insert(template.id.clone(), template);
    }
}

fn metrics(report: &mut Report, kind: Kind, rows: &[Metrics]) {
    for (at, (id, label, format)) in rows.iter().enumerate() {
        let template = MetricTemplate {
            id: (*id).into(),
            label: (*label).into(),
            format: (*format).into(),
            group: "".into(),
            priority: (at + 1) as f64,
        };
        report.topology_mut(kind).metric_templates.insert(template.id.clone(), template);
    }
}
