//! `pods/exec` of the fake API server: a WebSocket whose messages begin with their channel, joined to a real process on a real terminal.

use std::sync::Arc;

use axum::extract::ws::{Message, WebSocket};
use axum::extract::{FromRequestParts as _, WebSocketUpgrade};
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::fake_api::Api;

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STATUS: u8 = 3;
const RESIZE: u8 = 4;

/// What the server knows of shells.
pub struct Exec {
    /// The only protocol it speaks.
    pub protocol: Mutex<&'static str>,
    /// Process ids of all shells so far.
    pub shells: Mutex<Vec<u32>>,
}

impl Default for Exec {
    fn default() -> Self {
        Self {
            protocol: Mutex::new("v5.channel.k8s.io"),
            shells: Mutex::default(),
        }
    }
}

/// Takes the request for a shell.
pub async fn answer(api: &Arc<Api>, parts: &mut Parts) -> Response {
    let query: Vec<(String, String)> = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect();
    let command = query
        .into_iter()
        .filter(|(key, _)| key == "command")
        .map(|(_, value)| value)
        .collect();
    match WebSocketUpgrade::from_request_parts(parts, &()).await {
        Ok(upgrade) => {
            let (api, protocol) = (Arc::clone(api), *api.exec.protocol.lock());
            upgrade.protocols([protocol]).on_upgrade(move |socket| run(api, socket, command))
        }
        Err(rejection) => rejection.into_response(),
    }
}

async fn run(api: Arc<Api>, mut socket: WebSocket, command: Vec<String>) {
    let (pty, pts) = pty_process::open().expect("a terminal");
    let mut child = pty_process::Command::new(&command[0])
        .args(&command[1..])
        .kill_on_drop(true)
        .spawn(pts)
        .expect("the command starts");
    api.exec.shells.lock().push(child.id().expect("a process id"));
    let (mut output, mut input) = pty.into_split();
    let mut buffer = [0; 4096];
    loop {
        tokio::select! {
            read = output.read(&mut buffer) => match read {
                Ok(length @ 1..) => {
                    let message = [&[STDOUT], &buffer[..length]].concat();
                    if socket.send(Message::binary(message)).await.is_err() {
                        return;
                    }
                }
                // A terminal whose last process is gone fails to read.
                _ => break,
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Binary(bytes))) => match (bytes[0], &bytes[1..]) {
                    (STDIN, typed) => input.write_all(typed).await.expect("the terminal takes it"),
                    (RESIZE, size) => {
                        let size: Value = serde_json::from_slice(size).expect("a size");
                        let side = |name: &str| u16::try_from(size[name].as_u64().expect("a number")).expect("a small one");
                        input.resize(pty_process::Size::new(side("Height"), side("Width"))).expect("resized");
                    }
                    // The end of the input, which a terminal does not have.
                    _ => {}
                },
                Some(Ok(_)) => {}
                // Whoever asked is gone: the terminal hangs up.
                None | Some(Err(_)) => return,
            },
        }
    }
    let code = child.wait().await.expect("it ended").code().expect("a code");
    let status = if code == 0 {
        json!({"metadata": {}, "status": "Success"})
    } else {
        json!({"metadata": {}, "status": "Failure", "reason": "NonZeroExitCode", "message": format!("command terminated with exit code {code}"),
            "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]}})
    };
    let message = [&[STATUS], status.to_string().as_bytes()].concat();
    // The probe may have gone meanwhile.
    drop(socket.send(Message::binary(message)).await);
}
