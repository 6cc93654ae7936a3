//! The views for language-model tools: a Model Context Protocol server on standard input and output.
//!
//! Read-only by construction: it holds an engine and no way to send a control. Standard output belongs to the protocol; everything for
//! people goes to standard error.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::StreamExt;
use rmcp::model::{
    CallToolRequestParams, CallToolResult, Content, ErrorData, Implementation, JsonObject, ListToolsResult, PaginatedRequestParams,
    ServerCapabilities, ServerInfo, Tool, ToolAnnotations,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler, ServiceExt};
use scope_app::feed::Feed;
use scope_app::view::{Config, Engine, api};
use serde_json::{Value, json};

use crate::args::{Input, escaped};
use crate::{inputs, live};

/// Between attempts to reach a server that went away.
const RECONNECT: Duration = Duration::from_secs(2);

/// Serves until standard input ends.
pub(crate) fn run(input: &Input, config: Config) -> Result<()> {
    let feed = if input.server.is_some() {
        Feed::new()
    } else {
        inputs::feed(input)?
    };
    let engine = Arc::new(Mutex::new(Engine::with_config(feed, config)));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the protocol's runtime")?;
    runtime.block_on(async {
        if let Some(server) = input.server.clone() {
            tokio::spawn(follow(server, input.token.clone(), engine.clone()));
        }
        let service = Views { engine }
            .serve(rmcp::transport::stdio())
            .await
            .context("the client did not begin with a valid greeting")?;
        service.waiting().await.context("the protocol ended badly")?;
        Ok(())
    })
}

/// Keeps the engine up to date with a server, for ever.
async fn follow(server: String, token: Option<String>, engine: Arc<Mutex<Engine>>) {
    let started = Instant::now();
    loop {
        if let Err(error) = follow_once(&server, token.as_deref(), &engine, started).await {
            eprintln!("scope-view: {error:#}; trying again in {} s", RECONNECT.as_secs());
        }
        tokio::time::sleep(RECONNECT).await;
    }
}

async fn follow_once(server: &str, token: Option<&str>, engine: &Mutex<Engine>, started: Instant) -> Result<()> {
    let mut socket = live::connect(server, token).await?;
    while let Some(message) = socket.next().await {
        let mut engine = lock(engine);
        live::take(engine.feed_mut(), message?, started)?;
        engine.feed_mut().expire(started.elapsed().as_millis() as u64);
    }
    bail!("{server} closed the connection")
}

/// A panic while the lock was held would leave an engine that is at worst out of date.
fn lock(engine: &Mutex<Engine>) -> std::sync::MutexGuard<'_, Engine> {
    engine.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Views {
    engine: Arc<Mutex<Engine>>,
}

impl Views {
    /// A path of the read API, as JSON; `None` where the path does not exist.
    fn get(&self, path: &str) -> Option<Value> {
        let answer = api::get(&mut lock(&self.engine), path);
        serde_json::from_slice::<Value>(&answer)
            .ok()
            .filter(|answer| answer.get("status").is_none())
    }

    fn call(&self, name: &str, arguments: &JsonObject) -> std::result::Result<Value, String> {
        let text = |key: &str| {
            arguments
                .get(key)
                .and_then(Value::as_str)
                .ok_or_else(|| format!("the argument `{key}` (text) is missing"))
        };
        match name {
            "list_views" => self
                .get("/api/topology?defaults=")
                .ok_or_else(|| "there is no list of views".to_owned()),
            "list_nodes" => {
                let view = text("view")?;
                let path = format!("/api/topology/{}?{}", escaped(view), query(arguments));
                self.get(&path)
                    .map(|answer| brief_nodes(&answer))
                    .ok_or_else(|| format!("there is no view `{view}`; list_views names them"))
            }
            "node_details" | "connections" => {
                let (view, id) = (text("view")?, text("id")?);
                let path = format!("/api/topology/{}/{}?{}", escaped(view), escaped(id), query(arguments));
                let mut answer = self
                    .get(&path)
                    .ok_or_else(|| format!("view `{view}` has no node `{id}`; list_nodes names them"))?;
                let node = answer.get_mut("node").map(Value::take).unwrap_or_default();
                Ok(if name == "connections" {
                    json!({ "id": id, "connections": node["connections"] })
                } else {
                    node
                })
            }
            other => Err(format!("there is no tool `{other}`")),
        }
    }
}

/// A query from the argument `options`; never empty, so that the defaults apply.
fn query(arguments: &JsonObject) -> String {
    let given = arguments.get("options").and_then(Value::as_object).into_iter().flatten();
    let pairs = given.filter_map(|(key, value)| Some(format!("{}={}", escaped(key), escaped(value.as_str()?))));
    // A model has no use for secrets, and its transcripts are kept.
    pairs
        .chain(["hideEnvironmentVariables=true".to_owned()])
        .collect::<Vec<_>>()
        .join("&")
}

/// What a list needs: who is there and who talks to whom.
fn brief_nodes(answer: &Value) -> Value {
    let nodes = answer
        .get("nodes")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|nodes| nodes.values());
    let brief = nodes.map(|node| {
        let metrics = node["metrics"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|row| json!({ "label": row["label"], "value": row["value"], "unit": row["format"] }));
        json!({
            "id": node["id"], "name": node["label"], "where": node["labelMinor"], "outside": node["pseudo"],
            "connects_to": node["adjacency"], "metrics": metrics.collect::<Vec<_>>(),
        })
    });
    json!({ "nodes": brief.collect::<Vec<_>>() })
}

fn tool(name: &'static str, description: &'static str, arguments: &[(&str, &str)]) -> Tool {
    let mut properties: JsonObject = arguments
        .iter()
        .map(|(name, description)| ((*name).to_owned(), json!({ "type": "string", "description": description })))
        .collect();
    let required: Vec<&str> = arguments.iter().map(|(name, _)| *name).collect();
    if !arguments.is_empty() {
        let options = "Options of the view as list_views gives them, e.g. {\"stopped\": \"both\"}";
        properties.insert(
            "options".to_owned(),
            json!({ "type": "object", "description": options, "additionalProperties": { "type": "string" } }),
        );
    }
    let schema: JsonObject = [
        ("type".to_owned(), json!("object")),
        ("properties".to_owned(), Value::Object(properties)),
        ("required".to_owned(), json!(required)),
    ]
    .into_iter()
    .collect();
    Tool::new(name, description, schema).annotate(ToolAnnotations::new().read_only(true))
}

impl ServerHandler for Views {
    fn get_info(&self) -> ServerInfo {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        let own = Implementation::new("scope-view", env!("CARGO_PKG_VERSION"));
        ServerInfo::new(capabilities).with_server_info(own).with_instructions(
            "What runs on the hosts that Scope watches and what talks to what: start with list_views, then list_nodes of a view, then a node's details.",
        )
    }

    async fn list_tools(&self, _: Option<PaginatedRequestParams>, _: RequestContext<RoleServer>) -> Result<ListToolsResult, ErrorData> {
        const VIEW: (&str, &str) = ("view", "Id of a view, e.g. containers, processes, hosts, pods");
        const ID: (&str, &str) = ("id", "Id of a node, as list_nodes gives it");
        Ok(ListToolsResult::with_all_items(vec![
            tool(
                "list_views",
                "The views, their options, and how many nodes and connections each holds.",
                &[],
            ),
            tool(
                "list_nodes",
                "The nodes of a view, with metrics and the nodes each connects to.",
                &[VIEW],
            ),
            tool(
                "node_details",
                "Everything about a node: metadata, metrics, parents, children, connections.",
                &[VIEW, ID],
            ),
            tool(
                "connections",
                "Who connects to a node and what it connects to, by port, with counts.",
                &[VIEW, ID],
            ),
        ]))
    }

    async fn call_tool(&self, request: CallToolRequestParams, _: RequestContext<RoleServer>) -> Result<CallToolResult, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        Ok(match self.call(&request.name, &arguments) {
            Ok(answer) => CallToolResult::success(vec![Content::text(answer.to_string())]),
            Err(reason) => CallToolResult::error(vec![Content::text(reason)]),
        })
    }
}
