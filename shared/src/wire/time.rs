//! Times as msgpack carries them: 15 bytes of an ordinary string. An offset of zero reads as UTC, as it does in text.

use crate::time::Timestamp;

/// Reads msgpack's form: version, seconds, nanoseconds, zone in minutes (and in version 2 a byte of further seconds, ignored).
#[inline]
pub(super) fn parse_binary(bytes: &[u8]) -> Option<Timestamp> {
    let fixed: &[u8; 15] = match bytes.len() {
        15 if bytes.first() == Some(&1) => bytes.first_chunk()?,
        16 if bytes.first() == Some(&2) => bytes.first_chunk()?,
        _ => return None,
    };
    let [_, s0, s1, s2, s3, s4, s5, s6, s7, n0, n1, n2, n3, z0, z1] = *fixed;
    let nanos = u32::from_be_bytes([n0, n1, n2, n3]);
    let zone = i16::from_be_bytes([z0, z1]);
    if nanos > 999_999_999 {
        return None;
    }
    Some(Timestamp {
        seconds: i64::from_be_bytes([s0, s1, s2, s3, s4, s5, s6, s7]),
        nanos,
        zone: (zone != -1 && zone != 0).then_some(zone),
    })
}

/// Writes msgpack's form.
pub(super) fn binary(time: Timestamp) -> [u8; 15] {
    let mut out = [0; 15];
    let (version, rest) = out.split_at_mut(1);
    let (seconds, rest) = rest.split_at_mut(8);
    let (nanos, zone) = rest.split_at_mut(4);
    version.copy_from_slice(&[1]);
    seconds.copy_from_slice(&time.seconds.to_be_bytes());
    nanos.copy_from_slice(&time.nanos.to_be_bytes());
    zone.copy_from_slice(&time.zone.unwrap_or(-1).to_be_bytes());
    out
}
