//! The check of a report's envelope, and how its outcome is told to the sender.

use scope_shared::frame::Encoding;
use scope_shared::wire::check_envelope;

use crate::refusal::Refusal;

/// Checks a body. Takes CPU time: to be called off the asynchronous threads.
pub(super) fn check(body: &[u8], encoding: Encoding, gzip: bool) -> Result<(), Refusal> {
    match check_envelope(body, encoding, gzip) {
        Ok(_) => Ok(()),
        Err(error) if error.is_size() => Err(Refusal::too_large(format!("the report is too large: {error}"))),
        Err(error) => Err(Refusal::bad_request(format!("the report cannot be read: {error}"))),
    }
}
