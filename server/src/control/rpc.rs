//! The framing of control calls: Go's net/rpc over JSON, every message two text frames, a header and a body.
//!
//! Pure: text in, messages out. A frame that is neither what was expected nor readable ends the conversation, as in the original.

use scope_shared::control::Request;
use serde_json::{Value, json};
use thiserror::Error;

const METHOD: &str = "control.Handle";

/// The two frames of a call.
pub(super) fn call(sequence: u64, request: &Request) -> [String; 2] {
    [
        json!({"Request": {"Seq": sequence, "ServiceMethod": METHOD}, "Response": null, "Value": null}).to_string(),
        json!({"Request": null, "Response": null, "Value": request}).to_string(),
    ]
}

/// Why the other end cannot be talked to any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum ProtocolError {
    #[error("a control frame is not a JSON object")]
    Malformed,
    #[error("expected the header of an answer")]
    NotAHeader,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) sequence: u64,
    /// The probe's answer, or why the call failed before a handler saw it.
    pub(super) outcome: Result<Value, String>,
}

/// Puts answers together from frames.
#[derive(Debug, Default)]
pub(super) struct Reader {
    header: Option<(u64, String)>,
}

impl Reader {
    /// Takes a frame; gives the answer when it is complete.
    pub(super) fn frame(&mut self, text: &[u8]) -> Result<Option<Answer>, ProtocolError> {
        let mut frame: Value = serde_json::from_slice(text).map_err(|_| ProtocolError::Malformed)?;
        let fields = frame.as_object_mut().ok_or(ProtocolError::Malformed)?;
        let Some((sequence, error)) = self.header.take() else {
            let response = fields
                .get("Response")
                .filter(|value| !value.is_null())
                .ok_or(ProtocolError::NotAHeader)?;
            let sequence = response.get("Seq").and_then(Value::as_u64).ok_or(ProtocolError::NotAHeader)?;
            let error = response.get("Error").and_then(Value::as_str).unwrap_or_default();
            self.header = Some((sequence, error.to_owned()));
            return Ok(None);
        };
        let outcome = if error.is_empty() {
            Ok(fields.remove("Value").unwrap_or(Value::Null))
        } else {
            Err(error)
        };
        Ok(Some(Answer { sequence, outcome }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_two_frames_as_the_original_writes_them() {
        let request = Request {
            node_id: "x;<container>".to_owned(),
            control: "docker_pause_container".to_owned(),
            ..Request::default()
        };
        let frames = call(3, &request).map(|text| serde_json::from_str::<Value>(&text).expect("JSON"));
        assert_eq!(
            frames[0],
            json!({"Request": {"Seq": 3, "ServiceMethod": "control.Handle"}, "Response": null, "Value": null})
        );
        assert_eq!(
            frames[1]["Value"],
            json!({"AppID": "", "Control": "docker_pause_container", "ControlArgs": null, "NodeID": "x;<container>"})
        );
    }

    #[test]
    fn an_error_in_the_header_wins_over_the_body() {
        let mut reader = Reader::default();
        let header = br#"{"Response":{"Seq":7,"Error":"no such method"}}"#;
        assert_eq!(reader.frame(header), Ok(None));
        let answer = reader.frame(b"{}").expect("body").expect("complete");
        assert_eq!((answer.sequence, answer.outcome), (7, Err("no such method".to_owned())));
    }

    #[test]
    fn frames_of_another_kind_end_the_conversation() {
        assert_eq!(Reader::default().frame(b"[]"), Err(ProtocolError::Malformed));
        assert_eq!(
            Reader::default().frame(b"{\"Request\":{\"Seq\":0}}"),
            Err(ProtocolError::NotAHeader)
        );
        assert_eq!(Reader::default().frame(b"\xff"), Err(ProtocolError::Malformed));
    }
}
