//! Control requests and answers, as they travel between page, server and probe (JSON, the original's field names).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Ours. How a pipe that ended by itself says so: the probe closes its end of the pipe's WebSocket with code 1000 and, as the reason, this
/// word followed by the process' exit code in decimal (`exited 0`), or the bare [`PIPE_ENDED`] where there is no process. The server hands
/// code and reason on to the page. The original ignores reasons and learns of the end by the `DELETE` that follows.
pub const PIPE_EXITED: &str = "exited ";
/// Ours. Reason of a pipe's close when its stream ended (logs, descriptions) and nothing went wrong.
pub const PIPE_ENDED: &str = "ended";

/// A control to carry out, as the server sends it to the probe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Request {
    /// Filled in by the probe with the id of the server it came from.
    #[serde(rename = "AppID")]
    pub app_id: String,
    /// The node's id, e.g. `<id>;<container>`.
    #[serde(rename = "NodeID")]
    pub node_id: String,
    /// The control's id, e.g. `docker_stop_container`.
    #[serde(rename = "Control")]
    pub control: String,
    /// Arguments, e.g. `height`, `width` and `pipeID` of a resize.
    #[serde(rename = "ControlArgs")]
    pub control_args: Option<BTreeMap<String, String>>,
}

/// What the probe answers. Empty fields are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Response {
    /// Anything the control returns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<serde_json::Value>,
    /// Why it failed; empty means it did not.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub error: String,
    /// The id of the pipe that was opened.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pipe: String,
    /// Whether the pipe carries a raw terminal.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub raw_tty: bool,
    /// The control that resizes the terminal.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resize_tty_control: String,
    /// The node that is gone now.
    #[serde(rename = "removedNode", skip_serializing_if = "String::is_empty")]
    pub removed_node: String,
}
