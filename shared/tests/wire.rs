//! The codec on real reports and on the worked examples of the format.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use scope_shared::frame::Encoding;
use scope_shared::report::{Kind, Latest, Metric, Node, Report, Sample, SmolStr, StringSet, Value};
use scope_shared::time::Timestamp;
use scope_shared::wire::{DecodeError, decode_report, encode_json, encode_msgpack, encode_msgpack_gzip, gunzip, gzip};

fn json(text: &str) -> Result<Report, DecodeError> {
    decode_report(text.as_bytes(), Encoding::Json, false)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A report whose only container is `node`.
fn with_container(node: Node) -> Report {
    let mut report = Report::default();
    report.topology_mut(Kind::Container).add(node);
    report
}

/// The JSON of one container of a report.
fn container_json(report: &Report) -> String {
    let text = String::from_utf8(encode_json(report)).unwrap();
    let (_, rest) = text.split_once("\"nodes\":{").expect("a topology has nodes");
    let (_, node) = rest.split_once(':').unwrap();
    node.split_once("}},\"Pod\"").map(|(node, _)| node.to_owned()).unwrap()
}

#[test]
fn recorded_reports_survive_both_encodings() {
    for name in common::RECORDED {
        let report = common::report(name);
        assert!(report.iter().any(|(_, topology)| !topology.nodes.is_empty()), "{name} has nodes");
        let msgpack = decode_report(&encode_msgpack(&report), Encoding::Msgpack, false).unwrap();
        assert!(msgpack == report, "{name} through msgpack");
        let json = decode_report(&encode_json(&report), Encoding::Json, false).unwrap();
        assert!(json == report, "{name} through JSON");
        assert!(
            decode_report(&gzip(&encode_json(&report), 6), Encoding::Json, true).unwrap() == report,
            "{name} gzip'd"
        );
        let squeezed = gunzip(&encode_msgpack_gzip(&report, 1), usize::MAX).unwrap();
        assert!(squeezed == encode_msgpack(&report), "{name} compressed piece by piece");
    }
}

#[test]
fn a_full_report_is_written_back_as_the_same_map() {
    // Maps are in random order in the original's bytes, so sizes and not bytes are compared: every field is there, in the same form.
    // (Sparse reports leave shapes and labels out; decoding fills them in.)
    for name in ["host-a-02.msgpack.gz", "host-b-02.msgpack.gz"] {
        let original = gunzip(&common::bytes(name), usize::MAX).unwrap();
        let ours = encode_msgpack(&common::report(name));
        assert_eq!(ours.len(), original.len(), "{name}");
        assert_eq!(ours.get(..16), original.get(..16), "{name}");
    }
}

#[test]
fn fresh_report_is_written_as_the_original_writes_it() {
    let report = Report {
        id: SmolStr::new("1"),
        ..Report::default()
    };
    let text = String::from_utf8(encode_json(&report)).unwrap();
    assert!(text.starts_with(
        r#"{"TS":"0001-01-01T00:00:00Z","Endpoint":{},"Process":{"shape":"square","label":"process","label_plural":"processes"},"#
    ));
    assert!(text.contains(
        r#""VolumeSnapshot":{"shape":"dottedcylinder","tag":"camera","label":"volume snapshot","label_plural":"volume snapshots"},"#
    ));
    assert!(text.ends_with(r#""Sampling":{"Count":0,"Total":0},"Window":0,"Shortcut":false,"Plugins":[],"ID":"1"}"#));
    let msgpack = hex(&encode_msgpack(&report));
    assert!(msgpack.starts_with(
        "de001da25453af010000000000000000\
        00000000ffffa8456e64706f696e7480"
    ));
}

#[test]
fn nodes_are_written_as_the_original_writes_them() {
    let bare = with_container(Node {
        id: "a;<container>".into(),
        ..Node::default()
    });
    assert_eq!(
        container_json(&bare),
        r#"{"id":"a;\u003ccontainer\u003e","sets":null,"parents":null,"children":null}"#
    );
    let msgpack = hex(&encode_msgpack(&bare));
    assert!(msgpack.contains("84a26964ad613b3c636f6e7461696e65723ea473657473c0a7706172656e7473c0a86368696c6472656ec0"));

    let precise = Timestamp::parse("2016-12-25T07:37:00.123456789Z").unwrap();
    let zoned = Timestamp::parse("2016-12-25T07:37:00+01:00").unwrap();
    let mut node = Node::new("a;<container>", "container");
    node.sets.insert("e", StringSet::default());
    node.add_to_set("s", "y");
    node.add_to_set("s", "x");
    node.adjacency.insert("q");
    node.latest.insert(
        "b",
        Latest {
            timestamp: precise,
            value: "v".into(),
        },
    );
    node.latest.insert(
        "a",
        Latest {
            timestamp: zoned,
            value: "w".into(),
        },
    );
    node.metrics.insert("e", Metric::default());
    node.metrics.insert(
        "m",
        Metric {
            samples: vec![Sample { date: precise, value: 1.5 }],
            min: 1.5,
            max: 100.0,
        },
    );
    node.add_parent("host", "h;<host>");
    node.children.push(Node::new("c", "process"));
    assert_eq!(
        container_json(&with_container(node)),
        concat!(
            r#"{"id":"a;\u003ccontainer\u003e","topology":"container","sets":{"e":null,"s":["x","y"]},"adjacency":["q"],"#,
            r#""latest":{"a":{"timestamp":"2016-12-25T07:37:00+01:00","value":"w"},"b":{"timestamp":"2016-12-25T07:37:00.123456789Z","value":"v"}},"#,
            r#""metrics":{"e":{"min":0.0,"max":0.0},"m":{"samples":[{"date":"2016-12-25T07:37:00.123456789Z","value":1.5}],"min":1.5,"max":100.0}},"#,
            r#""parents":{"host":["h;\u003chost\u003e"]},"children":[{"id":"c","topology":"process","sets":null,"parents":null,"children":null}]}"#
        )
    );
}

#[test]
fn times_are_fifteen_bytes_of_raw_string_in_msgpack() {
    for (text, bytes) in [
        ("2016-12-25T07:37:00.123456789Z", "af010000000ecff16e1c075bcd15ffff"),
        ("2016-12-25T07:37:00+01:00", "af010000000ecff1600c00000000003c"),
    ] {
        let report = Report {
            ts: Timestamp::parse(text).unwrap(),
            ..Report::default()
        };
        let encoded = encode_msgpack(&report);
        assert_eq!(hex(encoded.get(6..22).unwrap()), bytes);
        assert_eq!(decode_report(&encoded, Encoding::Msgpack, false).unwrap().ts.to_string(), text);
    }
}

#[test]
fn old_controls_become_the_active_controls_entry() {
    let report = json(
        r#"{"Container":{"nodes":{"x":{"latest":{"k":{"timestamp":"2016-01-01T00:00:00Z","value":"v"}},"latestControls":{
            "docker_attach_container":{"timestamp":"2016-01-01T00:00:00Z","value":{"dead":true}},
            "docker_stop_container":{"timestamp":"2016-01-01T00:00:01Z","value":{"dead":false}},
            "docker_remove_container":{"timestamp":"2016-01-01T00:00:02Z","value":{"dead":false}}}}}}}"#,
    )
    .unwrap();
    let node = &report.topology(Kind::Container).nodes["x"];
    assert_eq!(node.latest("k"), Some("v"));
    let entry = node.latest.get("active_controls").unwrap();
    assert_eq!(entry.value, "docker_remove_container;docker_stop_container");
    assert_eq!(entry.timestamp.to_string(), "2016-01-01T00:00:02Z");
}

#[test]
fn decoding_tolerates_what_the_original_tolerates() {
    let report = json(
        r#"{"Container":{"nodes":{"x":{"id":"x","topology":"container","latest":null,"counters":{"pod":3},"foo":[1]}}},"Host":null,"unknown":1}"#,
    )
    .unwrap();
    let container = report.topology(Kind::Container);
    assert_eq!(container.nodes["x"].latest("count_pod"), Some("3"));
    assert_eq!(container.shape, "hexagon");
    assert_eq!(report.topology(Kind::Host).shape, "");
    assert_eq!(json("{}").unwrap(), Report::default());
    assert_eq!(json("[]").unwrap(), Report::default());
    assert!(matches!(json(r#""x""#), Err(DecodeError::Type { .. })));
    assert!(matches!(json(""), Err(DecodeError::Truncated { .. })));
    assert!(json("{} trailing").is_ok());
}

#[test]
fn times_that_are_no_times_are_refused() {
    for text in [
        "",
        "yesterday",
        "2016-13-01T00:00:00Z",
        "2016-02-30T00:00:00Z",
        "2016-01-01T24:00:00Z",
        "2016-01-01 00:00:00Z",
        "2016-01-01T00:00:00",
    ] {
        assert!(
            matches!(json(&format!(r#"{{"TS":"{text}"}}"#)), Err(DecodeError::Malformed { .. })),
            "{text}"
        );
    }
    assert_eq!(json(r#"{"TS":null}"#).unwrap().ts, Timestamp::ZERO);
}

#[test]
fn numbers_must_be_of_their_fields_type() {
    assert_eq!(json(r#"{"Window":-5}"#).unwrap().window, -5);
    assert!(json(r#"{"Window":1.0}"#).is_err());
    assert!(json(r#"{"Window":1e9}"#).is_err());
    assert!(json(r#"{"Window":9223372036854775808}"#).is_err());
    assert!(json(r#"{"Sampling":{"Count":-1}}"#).is_err());
    let minus_one = [
        0x81, 0xa8, b'S', b'a', b'm', b'p', b'l', b'i', b'n', b'g', 0x81, 0xa5, b'C', b'o', b'u', b'n', b't', 0xff,
    ];
    assert!(decode_report(&minus_one, Encoding::Msgpack, false).is_err());
}

#[test]
fn newer_msgpack_types_are_read_as_the_old_ones() {
    // {"ID": <str8 "abc">}, {"ID": <bin8 "abc">}, {"Shortcut": 1}
    for head in [0xd9, 0xc4] {
        let body = [0x81, 0xa2, b'I', b'D', head, 3, b'a', b'b', b'c'];
        assert_eq!(decode_report(&body, Encoding::Msgpack, false).unwrap().id, "abc");
    }
    let mut body = vec![0x81, 0xa8];
    body.extend_from_slice(b"Shortcut\x01");
    assert!(decode_report(&body, Encoding::Msgpack, false).unwrap().shortcut);
}

#[test]
fn unsorted_sets_are_sorted_and_repeated_keys_keep_the_later_value() {
    let report = json(
        r#"{"Endpoint":{"nodes":{"x":{"adjacency":["b","a","b"],"sets":{"s":["z","y","z"]},
            "latest":{"k":{"value":"first"},"a":null,"k":{"value":"second"}}}}}}"#,
    )
    .unwrap();
    let node = &report.topology(Kind::Endpoint).nodes["x"];
    assert_eq!(node.adjacency.as_slice(), ["a", "b"]);
    assert_eq!(node.sets.get("s").unwrap().as_slice(), ["y", "z"]);
    assert_eq!(node.latest("k"), Some("second"));
    assert_eq!(node.latest.get("a"), Some(&Latest::default()));
}

#[test]
fn what_this_build_does_not_know_survives_a_round_trip() {
    let text = r#"{"Gadget":{"shape":"star","nodes":{"g":{"id":"g","topology":"gadget","colour":{"r":[1,-2,0.5,null,true]}}}},
        "Container":{"flavour":"sour"},"Extra":{"a":[{"b":"c"}]}}"#;
    let report = json(text).unwrap();
    assert_eq!(report.others["Gadget"].shape, "star");
    assert_eq!(report.extra.iter().next().unwrap().0, "Extra");
    assert_eq!(
        report.topology(Kind::Container).extra.iter().next().unwrap().1,
        Value::String("sour".into())
    );
    assert_eq!(decode_report(&encode_msgpack(&report), Encoding::Msgpack, false).unwrap(), report);
    assert_eq!(decode_report(&encode_json(&report), Encoding::Json, false).unwrap(), report);
}

#[test]
fn names_written_under_the_wrong_key_are_moved_to_dns() {
    let report = json(r#"{"DNS":{"1.1.1.1":{}},"nodes":{"10.0.0.1":{"forward":["a.b"]}}}"#).unwrap();
    assert_eq!(report.dns.keys().collect::<Vec<_>>(), ["10.0.0.1"]);
}

#[test]
fn floats_have_a_point_or_an_exponent() {
    for (value, text) in [
        (0.0, "0.0"),
        (1.0, "1.0"),
        (100.0, "100.0"),
        (0.1, "0.1"),
        (0.0001, "0.0001"),
        (0.000_01, "1E-05"),
        (999_999.0, "999999.0"),
        (1e6, "1E+06"),
        (8_589_934_592.0, "8.589934592E+09"),
        (1e20, "1E+20"),
        (-2.5e-7, "-2.5E-07"),
    ] {
        let mut node = Node::new("a", "container");
        node.metrics.insert(
            "m",
            Metric {
                samples: vec![],
                min: value,
                max: 0.0,
            },
        );
        assert!(
            container_json(&with_container(node)).contains(&format!(r#""min":{text},"max""#)),
            "{value} as {text}"
        );
    }
}

#[test]
fn text_is_escaped_as_the_original_escapes_it_and_read_back() {
    let value = "a\"b\\c\n\r\t\u{8}\u{c}\u{1}<>&\u{2028}\u{2029}âé😀";
    let mut node = Node::new("a", "container");
    node.set_latest("k", Timestamp::ZERO, value);
    let report = with_container(node);
    let encoded = container_json(&report);
    assert!(
        encoded.contains(r#""a\"b\\c\n\r\t\b\f\u0001\u003c\u003e\u0026\u2028\u2029âé😀""#),
        "{encoded}"
    );
    assert_eq!(json(&String::from_utf8(encode_json(&report)).unwrap()).unwrap(), report);
    assert_eq!(
        json(r#"{"ID":"\ud83d\ude00 \ud83d \ude00 \u00e9\/"}"#).unwrap().id,
        "😀 \u{fffd} \u{fffd} é/"
    );
}

#[test]
fn nesting_is_capped() {
    for (open, encoding) in [("[", Encoding::Json), ("\u{1}", Encoding::Msgpack)] {
        let mut body = if encoding == Encoding::Json {
            b"{\"x\":".to_vec()
        } else {
            b"\x81\xa1x".to_vec()
        };
        body.extend(std::iter::repeat_n(if open == "[" { b'[' } else { 0x91 }, 100_000));
        assert!(matches!(decode_report(&body, encoding, false), Err(DecodeError::Limit { .. })));
    }
}

#[test]
fn a_length_that_cannot_be_true_allocates_nothing() {
    // A map of four billion entries in seven bytes.
    let body = [0x81, 0xa3, b'D', b'N', b'S', 0xdf, 0xff, 0xff, 0xff, 0xff];
    assert!(matches!(
        decode_report(&body, Encoding::Msgpack, false),
        Err(DecodeError::Truncated { .. })
    ));
}

#[test]
fn inflation_stops_at_the_cap() {
    let bomb = gzip(&vec![0; 1 << 20], 9);
    assert!(matches!(gunzip(&bomb, 1 << 19), Err(DecodeError::Limit { .. })));
    assert_eq!(gunzip(&bomb, 1 << 20).unwrap().len(), 1 << 20);
    assert!(matches!(
        gunzip(bomb.get(..bomb.len() - 20).unwrap(), 1 << 20),
        Err(DecodeError::Gzip(_))
    ));
}
