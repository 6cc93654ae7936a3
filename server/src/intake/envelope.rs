//! The check of a report's envelope: that the body inflates within its cap and is a map. It knows no field.

use scope_shared::frame::Encoding;
use scope_shared::limits as wire;
use scope_shared::wire::{DecodeError, gunzip};

use crate::refusal::Refusal;

/// Checks a body. Takes CPU time: to be called off the asynchronous threads.
pub(super) fn check(body: &[u8], encoding: Encoding, gzip: bool) -> Result<(), Refusal> {
    let inflated;
    let plain = if gzip {
        inflated = gunzip(body, wire::REPORT_INFLATED_BYTES).map_err(|error| refusal(&error))?;
        inflated.as_slice()
    } else {
        body
    };
    let is_map = match (encoding, plain.iter().find(|byte| !byte.is_ascii_whitespace())) {
        (Encoding::Json, Some(b'{')) => true,
        (Encoding::Msgpack, _) => plain.first().is_some_and(|byte| matches!(byte, 0x80..=0x8f | 0xde | 0xdf)),
        _ => false,
    };
    if is_map {
        return Ok(());
    }
    Err(Refusal::bad_request("the report cannot be read: it is not a map"))
}

fn refusal(error: &DecodeError) -> Refusal {
    match error {
        DecodeError::Limit { .. } => Refusal::too_large(format!("the report is too large: {error}")),
        _ => Refusal::bad_request(format!("the report cannot be read: {error}")),
    }
}
