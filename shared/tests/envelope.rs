//! The check of an envelope: what passes, what does not, and what it says then.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use scope_shared::frame::Encoding::{Json, Msgpack};
use scope_shared::limits;
use scope_shared::wire::{EnvelopeError, check_envelope, encoding_of_file, gzip};

fn json(text: &str) -> Result<usize, EnvelopeError> {
    check_envelope(text.as_bytes(), Json, false)
}

fn reason(result: Result<usize, EnvelopeError>) -> String {
    result.expect_err("must be refused").to_string()
}

#[test]
fn recorded_reports_pass_however_they_are_compressed() {
    for name in common::RECORDED {
        let (encoding, _) = encoding_of_file(name).unwrap();
        let compressed = common::bytes(name);
        let plain = scope_shared::wire::gunzip(&compressed, usize::MAX).unwrap();
        assert_eq!(check_envelope(&compressed, encoding, true), Ok(plain.len()), "{name}");
        assert_eq!(check_envelope(&plain, encoding, false), Ok(plain.len()), "{name}");
    }
}

#[test]
fn every_cut_of_a_report_is_refused_as_cut() {
    for name in ["shortlived.json.gz", "host-b-03.msgpack.gz"] {
        let (encoding, _) = encoding_of_file(name).unwrap();
        let compressed = common::bytes(name);
        let plain = scope_shared::wire::gunzip(&compressed, usize::MAX).unwrap();
        let plain = plain.trim_ascii_end();
        for length in 0..plain.len() {
            let found = check_envelope(plain.get(..length).unwrap(), encoding, false);
            let cut = matches!(found, Err(EnvelopeError::Truncated { at }) if at == length);
            assert!(
                cut || (length == 0 && found == Err(EnvelopeError::Empty)),
                "{name} cut at {length}: {found:?}"
            );
        }
        for length in 0..compressed.len() {
            let found = check_envelope(compressed.get(..length).unwrap(), encoding, true);
            assert!(
                matches!(found, Err(EnvelopeError::Gzip(_) | EnvelopeError::Empty)),
                "{name} gzip'd, cut at {length}: {found:?}"
            );
        }
    }
}

#[test]
fn a_body_must_be_one_map() {
    for (body, found) in [
        ("[]", "an array"),
        ("\"x\"", "a string"),
        ("null", "null"),
        ("1", "a number"),
        ("true", "true or false"),
        ("x", "no JSON"),
    ] {
        assert_eq!(reason(json(body)), format!("the body is {found}; a report is a map"));
    }
    for (byte, found) in [
        (0x90, "an array"),
        (0xa0, "a string"),
        (0xc0, "null"),
        (0x00, "a number"),
        (0xc3, "true or false"),
        (0xc1, "no msgpack"),
    ] {
        assert_eq!(
            reason(check_envelope(&[byte], Msgpack, false)),
            format!("the body is {found}; a report is a map")
        );
    }
    assert_eq!(json(""), Err(EnvelopeError::Empty));
    assert_eq!(json(" \n"), Err(EnvelopeError::Empty));
    assert_eq!(check_envelope(&[], Msgpack, false), Err(EnvelopeError::Empty));
    assert!(json(" {} ").is_ok());
    assert!(check_envelope(&[0x80], Msgpack, false).is_ok());
}

#[test]
fn what_follows_the_map_is_ignored() {
    assert_eq!(json("{}rubbish"), Ok(9));
    assert_eq!(check_envelope(b"\x80rubbish", Msgpack, false), Ok(8));
}

#[test]
fn json_must_follow_its_grammar() {
    for good in [
        r#"{"a":[],"b":{},"c":[1,-0.5e+10,true,false,null,"\u00e9\n\"\\"],"d":{"e":{}}}"#,
        "{ \"a\" : [ 1 , 2 ] , \"b\" : 0 }",
        r#"{"a":0,"b":10,"c":-1,"d":1E5}"#,
        "{\"é\":\"😀\"}",
    ] {
        assert!(json(good).is_ok(), "{good}: {:?}", json(good));
        let valid: Result<serde_json::Value, _> = serde_json::from_str(good);
        assert!(valid.is_ok(), "{good}");
    }
    for bad in [
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":1 \"b\":2}",
        "{a:1}",
        "{1:1}",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{\"a\":[1}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":-}",
        "{\"a\":1e}",
        "{\"a\":+1}",
        "{\"a\":tru}",
        "{\"a\":nulll}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":'b'}",
        "{\"a\":1]",
        "{\"a\":NaN}",
    ] {
        assert!(matches!(json(bad), Err(EnvelopeError::Malformed { .. })), "{bad}: {:?}", json(bad));
    }
    for bad in [
        &b"{\"a\":\"\xff\"}"[..],
        b"{\"\xc3\":1}",
        b"{\"a\":\"\xe2\x82\"}",
        b"{\"a\":\"\xc0\x80\"}",
    ] {
        assert!(
            matches!(check_envelope(bad, Json, false), Err(EnvelopeError::Malformed { .. })),
            "{bad:?}"
        );
    }
}

#[test]
fn msgpack_must_follow_its_grammar() {
    for (bad, why) in [
        (&b"\x81\x01\x01"[..], "a number as a key"),
        (b"\x81\xa1a\xc1", "a reserved byte"),
        (b"\x81\xa1a\xd4\x00\x00", "an extension type"),
    ] {
        assert!(
            matches!(check_envelope(bad, Msgpack, false), Err(EnvelopeError::Malformed { .. })),
            "{why}"
        );
    }
    assert!(
        check_envelope(
            b"\x82\xa1a\x92\x01\xcb\0\0\0\0\0\0\0\0\xd9\x01b\x81\xc4\x01k\xdc\0\x01\xc0",
            Msgpack,
            false
        )
        .is_ok()
    );
}

#[test]
fn a_map_deeper_or_fuller_or_wordier_than_the_caps_is_refused() {
    let deep = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    assert!(json(&deep(limits::REPORT_DEPTH)).is_ok());
    assert!(json(&deep(limits::REPORT_DEPTH + 1)).unwrap_err().is_size());
    let deep = |depth: usize| [b"\x81\xa1a".repeat(depth), b"\x01".to_vec()].concat();
    assert!(check_envelope(&deep(limits::REPORT_DEPTH), Msgpack, false).is_ok());
    assert!(
        check_envelope(&deep(limits::REPORT_DEPTH + 1), Msgpack, false)
            .unwrap_err()
            .is_size()
    );
    let many = [&b"\x81\xa1a\xdd"[..], &u32::try_from(limits::REPORT_VALUES).unwrap().to_be_bytes()].concat();
    assert!(check_envelope(&many, Msgpack, false).unwrap_err().is_size());
    let long = [
        &b"\x81\xa1a\xdb"[..],
        &u32::try_from(limits::REPORT_STRING_BYTES + 1).unwrap().to_be_bytes(),
    ]
    .concat();
    assert!(check_envelope(&long, Msgpack, false).unwrap_err().is_size());
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(limits::REPORT_STRING_BYTES + 1));
    assert!(json(&long).unwrap_err().is_size());
}

#[test]
fn bombs_are_refused_without_being_inflated() {
    let zeros = gzip(&vec![0; 64 << 20], 6);
    assert!(zeros.len() < 100_000);
    assert!(matches!(check_envelope(&zeros, Msgpack, true), Err(EnvelopeError::NotAMap { .. })));
    assert!(matches!(check_envelope(&zeros, Json, true), Err(EnvelopeError::NotAMap { .. })));
    // A well-formed beginning and an endless rest: gzip streams, one after the other, are one body.
    let endless = [gzip(b"{}", 6), gzip(&vec![b' '; limits::REPORT_INFLATED_BYTES / 64], 6).repeat(64)].concat();
    assert_eq!(
        check_envelope(&endless, Json, true),
        Err(EnvelopeError::InflatedSize {
            limit: limits::REPORT_INFLATED_BYTES
        })
    );
    assert!(matches!(
        check_envelope(&vec![b' '; limits::REPORT_COMPRESSED_BYTES + 1], Json, false),
        Err(EnvelopeError::CompressedSize { .. })
    ));
}

#[test]
fn a_body_that_is_not_what_it_says_is_refused() {
    assert!(matches!(check_envelope(b"{}", Json, true), Err(EnvelopeError::Gzip(_))));
    assert!(matches!(
        check_envelope(&gzip(b"{}", 6), Json, false),
        Err(EnvelopeError::NotAMap { .. })
    ));
    assert!(matches!(check_envelope(b"{}", Msgpack, false), Err(EnvelopeError::NotAMap { .. })));
    assert!(matches!(check_envelope(b"\x80", Json, false), Err(EnvelopeError::NotAMap { .. })));
}
