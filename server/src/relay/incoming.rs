//! A report as the relay takes it in: what its headers said, and the finished message for viewers.

use std::collections::BTreeMap;

use bytes::Bytes;
use scope_shared::frame::ReportKind;

use super::ProbeId;

/// A report whose envelope has been checked.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The probe's id.
    pub probe: ProbeId,
    /// What the probe says of itself.
    pub meta: ProbeMeta,
    /// What the body is relative to.
    pub kind: ReportKind,
    /// Header and body as every viewer gets them: one allocation, shared by all.
    pub frame: Bytes,
}

/// What a probe says of itself in headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeMeta {
    /// Its host's name; empty for an original probe.
    pub hostname: String,
    /// Its version; may be empty.
    pub version: String,
    /// Labels that viewers can choose by.
    pub labels: BTreeMap<String, String>,
}
