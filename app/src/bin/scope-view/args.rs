//! The command line.

use clap::{Parser, Subcommand};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Shows what Scope's page would show, without a browser: from report files or from a running server.
///
/// Examples:
///   scope-view --report report.msgpack.gz get /api/topology '/api/topology/containers?system=all'
///   scope-view --server http://127.0.0.1:4040 containers
///   scope-view --server http://127.0.0.1:4040 node containers '<id>'
#[derive(Debug, Parser)]
#[command(
    name = "scope-view",
    version,
    verbatim_doc_comment,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) input: Input,
    /// Link every metric to a graph at this address; `:query` in it stands for the query.
    #[arg(long, value_name = "URL")]
    pub(crate) metrics_graph: Option<String>,
    /// A further choice among containers: those with a label (repeatable).
    #[arg(long, value_name = "TITLE:KEY=VALUE")]
    pub(crate) container_label_filter: Vec<String>,
    /// The same, of those without the label (repeatable).
    #[arg(long, value_name = "TITLE:KEY=VALUE")]
    pub(crate) container_label_filter_exclude: Vec<String>,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Where reports come from.
#[derive(Debug, clap::Args)]
pub(crate) struct Input {
    /// A report file, .json or .msgpack, gzip'd if it ends in .gz (repeatable: several are merged).
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Vec<std::path::PathBuf>,
    /// A running server's address, e.g. http://127.0.0.1:4040.
    #[arg(long, value_name = "URL", env = "SCOPE_SERVER", conflicts_with = "report")]
    pub(crate) server: Option<String>,
    /// The viewer's token for that server.
    #[arg(long, value_name = "TOKEN", env = "SCOPE_VIEWER_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// How many seconds to wait for the server's first report.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) wait: u64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Answer paths of Scope's read API, one JSON document a line.
    Get(Get),
    /// The views and how much each holds.
    Views(How),
    /// Any view by its id, e.g. that of a kind that Scope does not know.
    View(View),
    /// Everything about one node.
    Node(Node),
    /// Serve the views to language-model tools: the Model Context Protocol on standard input and output, read-only.
    Mcp,
    /// Processes.
    Processes(How),
    /// Processes by name.
    ProcessesByName(How),
    /// Containers.
    Containers(How),
    /// Containers by DNS name.
    ContainersByHostname(How),
    /// Containers by image.
    ContainersByImage(How),
    /// Pods.
    Pods(How),
    /// Kubernetes controllers.
    KubeControllers(How),
    /// Kubernetes services.
    Services(How),
    /// ECS tasks.
    EcsTasks(How),
    /// ECS services.
    EcsServices(How),
    /// Swarm services.
    SwarmServices(How),
    /// Hosts.
    Hosts(How),
    /// Weave Net peers.
    Weave(How),
}

impl Verb {
    /// The view that a verb shows.
    pub(crate) fn view(&self) -> Option<(&'static str, &How)> {
        Some(match self {
            Self::Processes(how) => ("processes", how),
            Self::ProcessesByName(how) => ("processes-by-name", how),
            Self::Containers(how) => ("containers", how),
            Self::ContainersByHostname(how) => ("containers-by-hostname", how),
            Self::ContainersByImage(how) => ("containers-by-image", how),
            Self::Pods(how) => ("pods", how),
            Self::KubeControllers(how) => ("kube-controllers", how),
            Self::Services(how) => ("services", how),
            Self::EcsTasks(how) => ("ecs-tasks", how),
            Self::EcsServices(how) => ("ecs-services", how),
            Self::SwarmServices(how) => ("swarm-services", how),
            Self::Hosts(how) => ("hosts", how),
            Self::Weave(how) => ("weave", how),
            Self::Get(_) | Self::Views(_) | Self::View(_) | Self::Node(_) | Self::Mcp => return None,
        })
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Get {
    /// Paths with their queries, e.g. '/api/topology/containers?system=all'. What does not exist prints {"status":404,…}.
    #[arg(required = true)]
    pub(crate) paths: Vec<String>,
    /// Print aligned tables instead of JSON.
    #[arg(long)]
    pub(crate) table: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct View {
    /// The view's id as `views` lists it.
    pub(crate) view: String,
    #[command(flatten)]
    pub(crate) how: How,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Node {
    /// The view, e.g. containers.
    pub(crate) view: String,
    /// The node's id as the view has it.
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) how: How,
}

/// How to show a view.
#[derive(Debug, clap::Args)]
pub(crate) struct How {
    /// An option of the view, e.g. system=all (repeatable); the others take their defaults.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    option: Vec<(String, String)>,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

impl How {
    /// The query string; never empty, so that the defaults of options apply.
    pub(crate) fn query(&self) -> String {
        let pairs = self
            .option
            .iter()
            .map(|(key, value)| format!("{}={}", escaped(key), escaped(value)));
        pairs.chain(std::iter::once("defaults=".to_owned())).collect::<Vec<_>>().join("&")
    }
}

/// Percent-encodes a part of a path or query.
pub(crate) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("expected KEY=VALUE, got {text}"))?;
    Ok((key.to_owned(), value.to_owned()))
}
