//! Reports that two probes of Weave Scope 1.13 really sent: the bodies, and the headers as they were on the wire; and the reports of the
//! golden cases, with what Weave Scope made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One recorded request.
pub struct Recorded {
    /// `host-a-00` and so on; the letter is the probe's host.
    pub name: String,
    /// Request line and header lines, without the blank one.
    pub headers: String,
    /// The body.
    pub body: Vec<u8>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/recorded")
}

/// All of them, each host's in the order sent, hosts taking turns.
pub fn all() -> Result<Vec<Recorded>> {
    let mut names: Vec<String> = std::fs::read_dir(folder())?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".headers.txt").map(str::to_owned))
        .collect();
    names.sort_by_key(|name| {
        name.rsplit('-')
            .next()
            .map(str::to_owned)
            .into_iter()
            .chain([name.clone()])
            .collect::<Vec<_>>()
    });
    names.into_iter().map(one).collect()
}

fn one(name: String) -> Result<Recorded> {
    let headers = std::fs::read_to_string(folder().join(format!("{name}.headers.txt")))?;
    let body = std::fs::read(folder().join(format!("{name}.msgpack.gz")))?;
    Ok(Recorded {
        name,
        headers: headers.trim_end().to_owned(),
        body,
    })
}

impl Recorded {
    /// Sends it as it was sent, byte for byte, but for the `Host` line: that names the server a probe was pointed at. Returns the status.
    pub async fn send(&self, port: u16) -> Result<u16> {
        let lines = self.headers.lines().map(|line| match line.starts_with("Host:") {
            true => format!("Host: 127.0.0.1:{port}"),
            false => line.to_owned(),
        });
        let mut request = lines.collect::<Vec<_>>().join("\r\n").into_bytes();
        request.extend_from_slice(b"\r\n\r\n");
        request.extend_from_slice(&self.body);
        let status = exchange(port, &request).await?;
        ensure!(status != 0, "{}: the server closed the connection without an answer", self.name);
        Ok(status)
    }
}

/// Sends all of them; every one must be accepted.
pub async fn replay(port: u16) -> Result<()> {
    for report in all()? {
        let status = report.send(port).await?;
        ensure!(status == 200, "{} was answered with {status}", report.name);
    }
    Ok(())
}

/// Where the views' golden cases are: reports, and what Weave Scope's own server made of them.
fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../app/tests/golden")
}

/// Sends the reports of a golden case, each as its probe would.
pub async fn post_golden(port: u16, case: &str) -> Result<()> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(golden().join(case))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    files.sort();
    for file in files {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let kind = if name.contains(".json") { "json" } else { "msgpack" };
        // `host-a-03` is the fourth report of the probe `host-a`.
        let probe: String = name
            .split('.')
            .next()
            .unwrap_or_default()
            .trim_end_matches(|c: char| c == '-' || c.is_ascii_digit())
            .into();
        let answer = reqwest::Client::new()
            .post(format!("http://127.0.0.1:{port}/api/report"))
            .header("Content-Type", format!("application/{kind}"))
            .header("Content-Encoding", "gzip")
            .header("X-Scope-Probe-Id", format!("{case}-{probe}"))
            .body(std::fs::read(&file)?)
            .send()
            .await?;
        ensure!(answer.status() == 200, "{name} was answered with {}", answer.status());
    }
    Ok(())
}

/// How many nodes Weave Scope's server gave for requests of a view in a golden case: query (without `?`) and count.
pub fn golden_counts(case: &str, view: &str) -> Result<Vec<(String, usize)>> {
    let path = format!("/api/topology/{view}?");
    let mut counts = Vec::new();
    for line in golden_lines(case)? {
        if let (Some(query), Some(nodes)) = (
            line["request"].as_str().and_then(|request| request.strip_prefix(&path)),
            line["answer"]["nodes"].as_object(),
        ) {
            counts.push((query.to_owned(), nodes.len()));
        }
    }
    ensure!(!counts.is_empty(), "the case {case} has nothing of {view}");
    Ok(counts)
}

/// Ports and number of connections by the ids of client and server.
pub type Traffic = BTreeMap<(String, String), (BTreeSet<u64>, u64)>;

/// What Weave Scope's server counted on the edges of a view in a golden case.
pub fn golden_traffic(case: &str, view: &str) -> Result<Traffic> {
    let path = format!("/api/topology/{view}/");
    let mut edges = Traffic::new();
    for line in golden_lines(case)? {
        let request = line["request"].as_str().unwrap_or_default();
        let node = &line["answer"]["node"];
        let (Some(from), true) = (node["id"].as_str(), request.starts_with(&path) && !request.contains('?')) else {
            continue;
        };
        let groups = node["connections"].as_array().into_iter().flatten();
        for row in groups
            .filter(|group| group["id"] == "outgoing-connections")
            .filter_map(|group| group["connections"].as_array())
            .flatten()
        {
            let number = |id: &str| -> Result<u64> {
                let cells = row["metadata"].as_array().context("a connection without cells")?;
                let cell = cells.iter().find(|cell| cell["id"] == id).context("a cell is missing")?;
                Ok(cell["value"].as_str().context("a cell without a value")?.parse()?)
            };
            let to = row["nodeId"].as_str().context("a connection to nobody")?;
            let (ports, count) = edges.entry((from.to_owned(), to.to_owned())).or_default();
            ports.insert(number("port")?);
            *count += number("count")?;
        }
    }
    ensure!(!edges.is_empty(), "the case {case} has no edges of {view}");
    Ok(edges)
}

fn golden_lines(case: &str) -> Result<Vec<Value>> {
    let file = golden().join(format!("{case}.jsonl.gz"));
    let output = Command::new("gzip").arg("-dc").arg(&file).output()?;
    ensure!(output.status.success(), "cannot read {}", file.display());
    let text = String::from_utf8(output.stdout)?;
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// Sends raw bytes on a connection of their own and returns the status of the answer, 0 if there was none.
pub async fn exchange(port: u16, request: &[u8]) -> Result<u16> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(request).await?;
    let mut head = vec![0; 64];
    let mut filled = 0;
    while filled < 12 {
        let Some(rest) = head.get_mut(filled..) else { break };
        let count = stream.read(rest).await?;
        if count == 0 {
            return Ok(0);
        }
        filled += count;
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    text.split_whitespace()
        .nth(1)
        .context("not an HTTP answer")?
        .parse()
        .context("not a status")
}
