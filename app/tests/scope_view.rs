//! `scope-view` as a program: paths in, documents out; tables; the Model Context Protocol over a pipe.
#![cfg(feature = "view-cli")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

const REPORT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/fixture/report.json.gz");

fn scope_view(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_scope-view"))
        .args(["--report", REPORT])
        .args(arguments)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn each_path_gives_one_line_in_order() {
    let out = text(&scope_view(&[
        "get",
        "/api/topology/hosts",
        "/api/topology/nothing",
        "/api/probes?sparse",
        "/api/report",
    ]));
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[0]["nodes"]["client.hostname.com;<host>"].is_object());
    assert_eq!(lines[1]["status"], 404);
    assert_eq!(lines[2], true);
    assert!(lines[3]["Host"]["nodes"].is_object());
}

#[test]
fn a_view_is_an_aligned_table() {
    let out = text(&scope_view(&["containers", "--option", "pseudo=show"]));
    let header = out.lines().next().unwrap();
    let column = header.find("WHERE").unwrap();
    assert!(out.lines().skip(1).all(|line| line.get(column - 1..column) == Some(" ")), "{out}");
    assert!(out.contains("client.hostname.com"), "{out}");
}

#[test]
fn people_see_names_in_order_headings_and_words_instead_of_seconds() {
    let out = text(&scope_view(&[
        "get",
        "--table",
        "/api/probes",
        "/api/topology/containers",
        "/api/topology/none",
    ]));
    let sections: Vec<&str> = out.split("\n\n").collect();
    assert!(sections[0].starts_with("# /api/probes\nPROBE"), "{out}");
    let names: Vec<&str> = sections[1]
        .lines()
        .skip(2)
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    assert_eq!(names[..2], ["client", "server"], "{out}");
    assert_eq!(sections[2], "# /api/topology/none\n404 page not found (404)\n");
    let output = scope_view(&["node", "containers", "nobody"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("no such view or node"));
}

#[test]
fn what_cannot_be_read_is_said_and_fails() {
    let output = Command::new(env!("CARGO_BIN_EXE_scope-view"))
        .args(["--report", "none.json", "get", "/api/topology"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot read none.json"));
    let output = Command::new(env!("CARGO_BIN_EXE_scope-view"))
        .args(["containers"])
        .env_remove("SCOPE_SERVER")
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("--report"));
}

#[test]
fn the_model_context_protocol_lists_and_calls_tools() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_scope-view"))
        .args(["--report", REPORT, "mcp"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut ask = |message: Value| writeln!(input, "{message}").unwrap();
    let mut answer = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };

    let hello = json!({ "protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } });
    ask(json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello }));
    assert_eq!(answer()["result"]["serverInfo"]["name"], "scope-view");
    ask(json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    ask(json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" }));
    let tools: Vec<String> = answer()["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(tools, ["list_views", "list_nodes", "node_details", "connections"]);

    let call = |id: u32, name: &str, arguments: Value| json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": name, "arguments": arguments } });
    ask(call(
        3,
        "connections",
        json!({ "view": "containers", "id": "a1b2c3d4e5;<container>" }),
    ));
    let result = answer();
    let connections: Value = serde_json::from_str(result["result"]["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(connections["connections"][1]["connections"][0]["label"], "server");
    ask(call(4, "list_nodes", json!({ "view": "nonsense" })));
    let result = answer();
    assert_eq!(result["result"]["isError"], true);
    assert!(result["result"]["content"][0]["text"].as_str().unwrap().contains("list_views"));

    drop(input);
    assert!(child.wait().unwrap().success());
}
