//! The vectors of the original's grammar, and where ours is better.

use super::{Asked, Names, Operator, Query, examples, find, holds, parse, strip, suggest};
use std::sync::Arc;

use scope_shared::report::{MetadataTemplate, MetricTemplate};

use crate::model::{MetadataRow, MetricRow, NodeSummary, Parent, Table, TableRow};

fn metric(id: &str, label: &str, format: &str, value: f64) -> MetricRow {
    MetricRow {
        template: Arc::new(MetricTemplate {
            id: id.into(),
            label: label.into(),
            format: format.into(),
            ..MetricTemplate::default()
        }),
        value,
        ..MetricRow::default()
    }
}

fn node() -> NodeSummary {
    NodeSummary {
        id: "n".into(),
        label: "node label 1".into(),
        label_minor: "host-a".into(),
        metadata: vec![MetadataRow {
            template: Arc::new(MetadataTemplate {
                id: "docker_image_name".into(),
                label: "Image name".into(),
                ..MetadataTemplate::default()
            }),
            value: "shop/Web".into(),
        }],
        parents: vec![Parent {
            id: "h;<host>".into(),
            label: "host-a".into(),
            topology_id: "hosts".into(),
        }],
        metrics: vec![
            metric("docker_cpu_total_usage", "CPU", "", 2.0),
            metric("docker_memory_usage", "Memory", "filesize", 10_485_760.0),
        ],
        tables: vec![Table {
            id: "docker_label_".into(),
            kind: "property-list".into(),
            rows: vec![TableRow {
                id: "docker_label_com.domain.Label".into(),
                entries: [("label".into(), "com.domain.Label".into()), ("value".into(), "blue green".into())].into(),
            }],
            ..Table::default()
        }],
        ..NodeSummary::default()
    }
}

fn matches(query: &str) -> bool {
    parse(query).is_some_and(|query| {
        let found = find(&query, &node()).is_some();
        let mut asked = Asked::default();
        for again in [false, true] {
            assert_eq!(holds(&query, &node(), &mut asked), found, "{query:?}, {again}");
        }
        found
    })
}

#[test]
fn queries_are_read_as_the_original_read_them() {
    for void in ["", "  ", ":text", "text:", "cpu >", "> 3", "cpu > x"] {
        assert!(parse(void).is_none(), "{void:?} is no query");
    }
    assert!(matches!(parse("text"), Some(Query::Text(_))));
    assert!(matches!(parse("prefix:text"), Some(Query::Prefixed { .. })));
    for (text, operator, value) in [
        ("cpu > 1", Operator::Greater, 1.0),
        ("memory < 10mb", Operator::Less, 10_485_760.0),
        ("cpu = 1.34%", Operator::Equal, 1.34),
        ("memory > 10kB", Operator::Greater, 10_240.0),
        ("memory > 1m", Operator::Greater, 1_048_576.0),
        ("cpu >= 2", Operator::AtLeast, 2.0),
        ("cpu <= 2", Operator::AtMost, 2.0),
        ("cpu != 2", Operator::Differs, 2.0),
    ] {
        match parse(text) {
            Some(Query::Metric { operator: o, value: v, .. }) => assert_eq!((o, v), (operator, value), "{text}"),
            other => panic!("{text} was read as {other:?}"),
        }
    }
}

#[test]
fn an_invalid_expression_is_taken_literally() {
    let mut odd = node();
    odd.label = "a que[ b".into();
    let query = parse("que[").expect("a query");
    assert_eq!(find(&query, &odd).and_then(|found| found.span("label")), Some((2, 6)));
}

#[test]
fn text_is_looked_for_in_every_field_whatever_its_case() {
    for yes in ["LABEL 1", "shop/web", "host-a", "green", "shop|nothing", "^node", "l.bel"] {
        assert!(matches(yes), "{yes}");
    }
    for no in ["nothing", "^label", "node label 2", "x*", "(|node)"] {
        assert!(!matches(no), "{no}");
    }
}

#[test]
fn prefixes_choose_fields_by_stripped_label() {
    for yes in [
        "image name:shop",
        "imagename:web",
        "im.ge:web",
        "domainlabel:blue",
        "hosts:host",
        "label:node",
        "labelminor:host",
    ] {
        assert!(matches(yes), "{yes}");
    }
    for no in ["imagenames:web", "pid:web", "hosts:node"] {
        assert!(!matches(no), "{no}");
    }
    assert!(matches("a:b:c") || parse("a:b:c").is_some(), "two colons are plain text");
}

#[test]
fn metrics_are_compared_by_whole_stripped_name() {
    for yes in ["cpu = 2", "cpu >= 2", "memory > 9mb", "cpu < 2.1", "Memory = 10mb"] {
        assert!(matches(yes), "{yes}");
    }
    for no in ["cpu > 2", "mem > 1", "cpu != 2", "load1m > 0"] {
        assert!(!matches(no), "{no}");
    }
}

#[test]
fn a_match_says_where() {
    let query = parse("WEB").expect("a query");
    let found = find(&query, &node()).expect("a match");
    assert_eq!(found.fields[0].key, "metadata/docker_image_name");
    assert_eq!(found.fields[0].span, (5, 8));
}

#[test]
fn help_lists_what_can_be_asked() {
    // Twice the same is the usual case; what differs at a place comes on top.
    let mut other = node();
    Arc::make_mut(&mut other.metadata[0].template).label = "State".into();
    let names: Names = [&node(), &node(), &other].into_iter().collect();
    assert_eq!(
        names.fields(),
        ["comdomainlabel", "hosts", "imagename", "label", "labelminor", "state"]
    );
    assert_eq!(names.compared(), ["cpu", "memory"]);
    assert_eq!(strip("Load (1m)"), "load1m");
}

#[test]
fn suggestions_come_from_what_is_there() {
    let nodes = [node()];
    let names: Names = nodes.iter().collect();
    let of = |typed: &str| {
        suggest(typed, &names, nodes.iter())
            .into_iter()
            .map(|one| one.query.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("cp"), ["cpu > "]);
    assert_eq!(of("ima"), ["imagename:"]);
    assert_eq!(of("imagename:s"), ["imagename:shop/Web"]);
    assert_eq!(of("imagename:"), ["imagename:shop/Web"]);
    assert_eq!(of("domain label:"), [""; 0], "a name of a label is its whole");
    assert_eq!(of("NODE"), ["node label 1"]);
    let queries: Vec<_> = examples(nodes.first()).into_iter().map(|one| one.query.to_string()).collect();
    assert_eq!(queries, ["node", "imagename:shop", "cpu > 2%"]);
}
