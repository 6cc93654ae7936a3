//! What a report's headers say: who sends it, what it is relative to, and how it is encoded.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};
use scope_shared::frame::{Encoding, MAX_NAME_BYTES, ReportKind};
use scope_shared::headers;

use crate::peer::Peer;
use crate::refusal::Refusal;
use crate::relay::{ProbeId, ProbeMeta};

/// Labels of one probe: more than a person would choose by is a mistake.
const LABELS: usize = 64;

/// The headers of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) probe: ProbeId,
    pub(super) meta: ProbeMeta,
    pub(super) kind: ReportKind,
    pub(super) encoding: Encoding,
    pub(super) gzip: bool,
}

impl Head {
    /// Reads the headers. A report without a probe id (sent by hand, say) is filed under the sender's address.
    pub(super) fn read(headers: &HeaderMap, peer: &Peer) -> Result<Self, Refusal> {
        let encoding = match text(headers, header::CONTENT_TYPE.as_str()) {
            Some(value) if value.starts_with("application/msgpack") => Encoding::Msgpack,
            Some(value) if value.starts_with("application/json") => Encoding::Json,
            other => {
                return Err(Refusal::bad_request(format!(
                    "Unsupported Content-Type: {}",
                    other.unwrap_or_default().chars().take(100).collect::<String>()
                )));
            }
        };
        Ok(Self {
            probe: probe_id(headers)?.unwrap_or_else(|| format!("peer-{}", peer.address.ip()).into()),
            meta: ProbeMeta {
                hostname: name(headers, headers::PROBE_HOSTNAME)?,
                version: name(headers, headers::PROBE_VERSION)?,
                labels: labels(headers)?,
            },
            kind: kind(headers)?,
            encoding,
            gzip: text(headers, header::CONTENT_ENCODING.as_str()).is_some_and(|value| value.contains("gzip")),
        })
    }
}

/// The probe's id, if it names one.
pub(crate) fn probe_id(headers: &HeaderMap) -> Result<Option<ProbeId>, Refusal> {
    match text(headers, headers::PROBE_ID) {
        None | Some("") => Ok(None),
        Some(id) if id.len() <= MAX_NAME_BYTES => Ok(Some(id.into())),
        Some(_) => Err(Refusal::bad_request(format!("a probe's id has at most {MAX_NAME_BYTES} bytes"))),
    }
}

/// A header as text; one that is not UTF-8 counts as absent.
pub(crate) fn text<'a>(headers: &'a HeaderMap, key: &str) -> Option<&'a str> {
    headers.get(key).and_then(|value| value.to_str().ok())
}

fn name(headers: &HeaderMap, key: &str) -> Result<String, Refusal> {
    let value = decode(text(headers, key).unwrap_or_default());
    if value.len() > MAX_NAME_BYTES {
        return Err(Refusal::bad_request(format!("{key} has at most {MAX_NAME_BYTES} bytes")));
    }
    Ok(value)
}

fn labels(headers: &HeaderMap) -> Result<BTreeMap<String, String>, Refusal> {
    let text = text(headers, headers::PROBE_LABELS).unwrap_or_default();
    let pairs: BTreeMap<_, _> = text
        .split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (decode(key.trim()), decode(value.trim())))
        .take(LABELS + 1)
        .collect();
    if pairs.len() > LABELS {
        return Err(Refusal::bad_request(format!("a probe has at most {LABELS} labels")));
    }
    Ok(pairs)
}

fn kind(headers: &HeaderMap) -> Result<ReportKind, Refusal> {
    let number = |key: &str| {
        text(headers, key)
            .and_then(|value| value.parse::<u64>().ok())
            .filter(|number| *number > 0)
            .ok_or_else(|| Refusal::bad_request(format!("{key} must be a number from 1")))
    };
    match text(headers, headers::REPORT_KIND) {
        None => Ok(ReportKind::Plain),
        Some("full") => Ok(ReportKind::Full {
            sequence: number(headers::REPORT_SEQUENCE)?,
        }),
        Some("delta") => {
            let (sequence, base) = (number(headers::REPORT_SEQUENCE)?, number(headers::REPORT_BASE)?);
            if base >= sequence {
                return Err(Refusal::bad_request("a delta comes after the full report it is relative to"));
            }
            Ok(ReportKind::Delta { sequence, base })
        }
        Some(other) => Err(Refusal::bad_request(format!(
            "{} is full or delta, not {:?}",
            headers::REPORT_KIND,
            other.chars().take(20).collect::<String>()
        ))),
    }
}

fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Head, Refusal> {
        let mut headers = HeaderMap::new();
        for (key, value) in pairs {
            headers.insert(
                axum::http::HeaderName::from_bytes(key.as_bytes()).expect("name"),
                value.parse().expect("value"),
            );
        }
        Head::read(&headers, &Peer::local())
    }

    #[test]
    fn an_original_probes_headers_make_a_plain_report() {
        let head = read(&[
            ("Content-Type", "application/msgpack"),
            ("Content-Encoding", "gzip"),
            ("X-Scope-Probe-ID", "19c0b13066ff8eb8"),
            ("X-Scope-Probe-Version", "12175b96a"),
        ])
        .expect("headers");
        assert_eq!((head.kind, head.encoding, head.gzip), (ReportKind::Plain, Encoding::Msgpack, true));
        assert_eq!((&*head.probe, head.meta.version.as_str()), ("19c0b13066ff8eb8", "12175b96a"));
    }

    #[test]
    fn our_headers_carry_sequence_host_and_labels() {
        let head = read(&[
            ("Content-Type", "application/json"),
            ("X-Scope-Probe-ID", "a"),
            ("X-Scope-Probe-Hostname", "caf%C3%A9"),
            ("X-Scope-Probe-Labels", "zone=a%2Cb,rack=1"),
            ("X-Scope-Report-Kind", "delta"),
            ("X-Scope-Report-Seq", "7"),
            ("X-Scope-Report-Base", "5"),
        ])
        .expect("headers");
        assert_eq!(head.kind, ReportKind::Delta { sequence: 7, base: 5 });
        assert_eq!(head.meta.hostname, "café");
        assert_eq!(head.meta.labels.get("zone").map(String::as_str), Some("a,b"));
    }

    #[test]
    fn each_bad_header_is_refused_with_its_reason() {
        let json = ("Content-Type", "application/json");
        for (headers, reason) in [
            (vec![("Content-Type", "text/plain")], "Unsupported Content-Type: text/plain"),
            (vec![], "Unsupported Content-Type: "),
            (vec![json, ("X-Scope-Report-Kind", "half")], "full or delta"),
            (vec![json, ("X-Scope-Report-Kind", "full")], "x-scope-report-seq"),
            (vec![json, ("X-Scope-Report-Kind", "full"), ("X-Scope-Report-Seq", "0")], "from 1"),
            (
                vec![
                    json,
                    ("X-Scope-Report-Kind", "delta"),
                    ("X-Scope-Report-Seq", "3"),
                    ("X-Scope-Report-Base", "3"),
                ],
                "comes after",
            ),
        ] {
            let refusal = read(&headers).expect_err("refused");
            assert_eq!(refusal.status, 400);
            assert!(refusal.reason.contains(reason), "{refusal}");
        }
    }
}
