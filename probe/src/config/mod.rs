//! The probe's flags, each with its environment variable.
//!
//! Names stay close to the original's (`--probe.omit.cmd-args` is accepted for `--omit-cmd-args`). The groups are separate so that
//! `scope launch`, which brings its own address and token, can take the ones that make sense there. This module reads no file and starts
//! nothing; [`Args::check`] says what cannot work before anything starts.

mod duration;
mod policy;

use std::path::PathBuf;
use std::time::Duration;

pub use duration::parse_duration;
pub use policy::{Allow, ControlArgs, Policy};

/// Everything `scope probe` takes.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Probe")]
pub struct Args {
    /// Where to send reports: servers as HOST, HOST:PORT or URL (default port 4040; a path is kept as a prefix). Several may be given; each gets everything.
    #[arg(value_name = "SERVER", env = "SCOPE_SERVERS", value_delimiter = ' ')]
    pub targets: Vec<String>,
    /// How reports travel.
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// What is collected.
    #[command(flatten)]
    pub collect: CollectArgs,
    /// What may be done.
    #[command(flatten)]
    pub control: ControlArgs,
}

/// How reports travel to the servers.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Probe: sending")]
pub struct ConnectArgs {
    /// Token that servers ask of probes. A user name in a server's URL overrides it for that server.
    #[arg(
        long,
        alias = "probe.token",
        env = "SCOPE_PROBE_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        default_value = ""
    )]
    pub probe_token: String,
    /// Read the token from this file instead; white space around it is dropped.
    #[arg(long, env = "SCOPE_PROBE_TOKEN_FILE", value_name = "FILE")]
    pub probe_token_file: Option<PathBuf>,
    /// Accept only the server certificate with this SHA-256 fingerprint (hex, colons allowed); authorities and names are not looked at then.
    #[arg(long, env = "SCOPE_TLS_FINGERPRINT", value_name = "SHA256")]
    pub tls_fingerprint: Option<String>,
    /// Trust the certificate authorities in this PEM file, besides the public ones.
    #[arg(long, env = "SCOPE_TLS_CA", value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// Do not verify server certificates at all.
    #[arg(long, alias = "probe.insecure", env = "SCOPE_PROBE_INSECURE")]
    pub insecure: bool,
    /// HTTP basic authentication towards an original Scope app: USER:PASSWORD.
    #[arg(long, env = "SCOPE_PROBE_BASIC_AUTH", hide_env_values = true, value_name = "USER:PASSWORD")]
    pub basic_auth: Option<String>,
    /// Time between reports.
    #[arg(long, alias = "probe.publish.interval", env = "SCOPE_PUBLISH_INTERVAL", default_value = "1s", value_parser = parse_duration, value_name = "DURATION")]
    pub publish_interval: Duration,
    /// Time between scans of the machine.
    #[arg(long, alias = "probe.spy.interval", env = "SCOPE_SPY_INTERVAL", default_value = "1s", value_parser = parse_duration, value_name = "DURATION")]
    pub spy_interval: Duration,
    /// Every how many reports a full one is sent; the others carry what changed.
    #[arg(long, alias = "probe.full-report-every", env = "SCOPE_FULL_REPORT_EVERY", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=1000), value_name = "N")]
    pub full_report_every: u32,
    /// Print reports as JSON on standard output instead of sending them.
    #[arg(long, alias = "probe.publish.stdout", env = "SCOPE_PUBLISH_STDOUT")]
    pub publish_stdout: bool,
    /// Labels of this probe that viewers can choose by: `key=value`, several allowed.
    #[arg(long = "label", env = "SCOPE_PROBE_LABELS", value_delimiter = ',', value_name = "KEY=VALUE")]
    pub labels: Vec<String>,
    /// DNS server (IP:PORT, asked over TCP) that resolves the servers' names, instead of the system's.
    #[arg(long, alias = "probe.resolver", env = "SCOPE_RESOLVER", value_name = "IP:PORT")]
    pub resolver: Option<std::net::SocketAddr>,
}

/// What the probe collects and from where.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Probe: collecting")]
pub struct CollectArgs {
    /// Name and id of this host; the system's host name if not given.
    #[arg(long, env = "SCOPE_HOSTNAME", value_name = "NAME")]
    pub hostname: Option<String>,
    /// Where connections are seen: `ebpf` sees every one, however short, and costs least (Linux 5.8, root); `diag` sweeps all sockets by netlink;
    /// `proc` reads /proc/net, the last resort; `auto` is the best that works. What does not work gives way to the next best.
    #[arg(long, env = "SCOPE_TIER", default_value = "auto", value_parser = ["auto", "ebpf", "diag", "proc"], value_name = "TIER")]
    pub tier: String,
    /// Use the eBPF program where the kernel offers it.
    #[arg(long, alias = "probe.ebpf.connections", env = "SCOPE_EBPF", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "BOOL")]
    pub ebpf: bool,
    /// Use conntrack, so that translated connections join their real ends.
    #[arg(long, alias = "probe.conntrack", env = "SCOPE_CONNTRACK", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "BOOL")]
    pub conntrack: bool,
    /// Receive buffer of the conntrack socket, in bytes.
    #[arg(long, alias = "probe.conntrack.buffersize", env = "SCOPE_CONNTRACK_BUFFER", default_value_t = 4 << 20, value_name = "BYTES")]
    pub conntrack_buffer_size: usize,
    /// Find the processes behind sockets (needs root).
    #[arg(long, alias = "probe.proc.spy", env = "SCOPE_PROC_SPY", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "BOOL")]
    pub proc_spy: bool,
    /// Where the proc file system is mounted.
    #[arg(
        long,
        alias = "probe.proc.root",
        env = "SCOPE_PROC_ROOT",
        default_value = "/proc",
        value_name = "DIR"
    )]
    pub proc_root: PathBuf,
    /// Where the cgroup file systems are mounted.
    #[arg(long, env = "SCOPE_CGROUP_ROOT", default_value = "/sys/fs/cgroup", value_name = "DIR")]
    pub cgroup_root: PathBuf,
    /// Report processes.
    #[arg(long, alias = "probe.processes", env = "SCOPE_PROCESSES", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "BOOL")]
    pub processes: bool,
    /// Leave the arguments out of command lines.
    #[arg(long, alias = "probe.omit.cmd-args", env = "SCOPE_OMIT_CMD_ARGS")]
    pub omit_cmd_args: bool,
    /// Leave out the environment variables of containers.
    #[arg(long, alias = "probe.omit.env-vars", env = "SCOPE_OMIT_ENV_VARS", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "BOOL")]
    pub omit_env_vars: bool,
    /// Resolve addresses to names: reverse look-ups and answers seen on the wire.
    #[arg(long, env = "SCOPE_DNS", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "BOOL")]
    pub dns: bool,
    /// Report Docker (or Podman) containers; the engine may appear later.
    #[arg(long, alias = "probe.docker", env = "SCOPE_DOCKER", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "BOOL")]
    pub docker: bool,
    /// Report containers that no engine tells of (containerd, CRI-O, Podman): by their cgroups, with the names in their runtimes' files.
    #[arg(long, env = "SCOPE_RUNTIMES", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "BOOL")]
    pub runtimes: bool,
    /// Ask the Kubernetes runtime (containerd, CRI-O, cri-dockerd) about its containers, where its socket is: names, labels, images, stopped ones.
    #[arg(long, alias = "probe.cri", env = "SCOPE_CRI", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "BOOL")]
    pub cri: bool,
    /// The runtime's socket (`unix:///path`); if not given, the first usual one that answers.
    #[arg(long, alias = "probe.cri.endpoint", env = "SCOPE_CRI_ENDPOINT", value_parser = crate::cri::parse_endpoint, value_name = "SOCKET")]
    pub cri_endpoint: Option<PathBuf>,
    /// The engine's address (`unix:///path` or `tcp://host:port`); if not given, Docker's socket, then Podman's.
    #[arg(long, env = "DOCKER_HOST", value_name = "ADDRESS")]
    pub docker_host: Option<String>,
    /// How often images and networks are listed again, and how long to wait before connecting to the engine again.
    #[arg(long, alias = "probe.docker.interval", env = "SCOPE_DOCKER_INTERVAL", default_value = "10s", value_parser = parse_duration, value_name = "DURATION")]
    pub docker_interval: Duration,
    /// Directory of plugin sockets; empty switches plugins off.
    #[arg(
        long,
        alias = "probe.plugins.root",
        env = "SCOPE_PLUGINS_ROOT",
        default_value = "/var/run/scope/plugins",
        value_parser = possibly_empty_path(),
        value_name = "DIR"
    )]
    pub plugins_root: PathBuf,
    /// Kubernetes.
    #[command(flatten)]
    pub kubernetes: KubernetesArgs,
    /// Report Amazon ECS tasks and services (from container labels and the ECS API).
    #[arg(long, alias = "probe.ecs", env = "SCOPE_ECS")]
    pub ecs: bool,
    /// AWS region of the ECS clusters; the instance's if not given.
    #[arg(long, alias = "probe.ecs.cluster.region", env = "AWS_REGION", value_name = "REGION")]
    pub ecs_region: Option<String>,
    /// Address of the ECS API instead of Amazon's (also AWS_ENDPOINT_URL_ECS).
    #[arg(long, env = "AWS_ENDPOINT_URL_ECS", value_name = "URL")]
    pub ecs_endpoint: Option<String>,
    /// Address of the ECS agent on this machine, for containers without its labels; empty to leave it out.
    #[arg(long, env = "SCOPE_ECS_AGENT", default_value = "http://127.0.0.1:51678", value_name = "URL")]
    pub ecs_agent: String,
    /// How long what the ECS API said is kept.
    #[arg(long, alias = "probe.ecs.cache.expiry", env = "SCOPE_ECS_CACHE_EXPIRY", default_value = "1h", value_parser = parse_duration, value_name = "DURATION")]
    pub ecs_cache_expiry: Duration,
    /// Report the Weave Net overlay.
    #[arg(long, env = "SCOPE_WEAVE", default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "BOOL")]
    pub weave: bool,
    /// Address of the Weave Net router's status page.
    #[arg(
        long,
        alias = "probe.weave.addr",
        env = "SCOPE_WEAVE_ADDRESS",
        default_value = "127.0.0.1:6784",
        value_name = "ADDRESS"
    )]
    pub weave_address: String,
    /// Share of one core, in percent: a probe that uses more for longer than a few seconds looks at the machine less often (down to a sixteenth
    /// as often), says so in its log and on its host node, and is as quick as before when the load is gone.
    #[arg(long, env = "SCOPE_MAX_CPU", default_value_t = 5.0, value_name = "PERCENT")]
    pub max_cpu: f64,
    /// Serve Prometheus metrics of the probe itself at this address.
    #[arg(long, aliases = ["metrics-address", "probe.http.listen"], env = "SCOPE_PROBE_METRICS_ADDRESS", value_name = "IP:PORT")]
    pub probe_metrics_address: Option<std::net::SocketAddr>,
}

/// How the probe finds and talks to a Kubernetes API server.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Probe: Kubernetes")]
pub struct KubernetesArgs {
    /// Report Kubernetes objects.
    #[arg(id = "kubernetes", long = "kubernetes", alias = "probe.kubernetes", env = "SCOPE_KUBERNETES", default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "BOOL")]
    pub enabled: bool,
    /// `host`: only tie this node's containers to pods, without asking the API server; `cluster`: only the API server's objects; empty: both. Switches Kubernetes on.
    #[arg(id = "kubernetes-role", long = "kubernetes-role", alias = "probe.kubernetes.role", env = "SCOPE_KUBERNETES_ROLE", default_value = "", value_parser = ["", "host", "cluster"], value_name = "ROLE")]
    pub role: String,
    /// API server's URL; if neither this nor a kubeconfig is given, the pod's own account is used.
    #[arg(id = "kubernetes-api", long = "kubernetes-api", aliases = ["probe.kubernetes.api", "probe.kubernetes.server"], env = "SCOPE_KUBERNETES_API", value_name = "URL")]
    pub api: Option<String>,
    /// Kubeconfig file.
    #[arg(
        id = "kubeconfig",
        long = "kubeconfig",
        alias = "probe.kubernetes.kubeconfig",
        env = "KUBECONFIG",
        value_name = "FILE"
    )]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig.
    #[arg(
        id = "kubernetes-context",
        long = "kubernetes-context",
        alias = "probe.kubernetes.context",
        value_name = "NAME"
    )]
    pub context: Option<String>,
    /// Cluster of the kubeconfig.
    #[arg(
        id = "kubernetes-cluster",
        long = "kubernetes-cluster",
        alias = "probe.kubernetes.cluster",
        value_name = "NAME"
    )]
    pub cluster: Option<String>,
    /// User of the kubeconfig.
    #[arg(
        id = "kubernetes-user",
        long = "kubernetes-user",
        alias = "probe.kubernetes.user",
        value_name = "NAME"
    )]
    pub user: Option<String>,
    /// Bearer token for the API server.
    #[arg(
        id = "kubernetes-token",
        long = "kubernetes-token",
        alias = "probe.kubernetes.token",
        env = "SCOPE_KUBERNETES_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    pub token: Option<String>,
    /// Certificate authority of the API server (PEM).
    #[arg(
        id = "kubernetes-ca",
        long = "kubernetes-ca",
        alias = "probe.kubernetes.certificate-authority",
        value_name = "FILE"
    )]
    pub certificate_authority: Option<PathBuf>,
    /// Do not verify the API server's certificate.
    #[arg(
        id = "kubernetes-insecure",
        long = "kubernetes-insecure",
        alias = "probe.kubernetes.insecure-skip-tls-verify"
    )]
    pub insecure: bool,
    /// Report only the pods of this node.
    #[arg(
        id = "kubernetes-node-name",
        long = "kubernetes-node-name",
        alias = "probe.kubernetes.node-name",
        env = "KUBERNETES_NODENAME",
        value_name = "NAME"
    )]
    pub node_name: Option<String>,
}

/// Which part of the probe runs on this machine (Kubernetes splits it in two).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    All,
    /// The machine only; containers are tied to pods by their labels.
    Host,
    /// The cluster's objects only.
    Cluster,
}

impl KubernetesArgs {
    /// The role that was asked for.
    #[must_use]
    pub fn role(&self) -> Role {
        match self.role.as_str() {
            "host" => Role::Host,
            "cluster" => Role::Cluster,
            _ => Role::All,
        }
    }

    /// Whether Kubernetes is on at all: asked for, or implied by a role.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.enabled || self.role() != Role::All
    }
}

/// Paths, of which the empty one means "none": the usual parser refuses it.
fn possibly_empty_path() -> impl clap::builder::TypedValueParser<Value = PathBuf> {
    clap::builder::TypedValueParser::map(clap::builder::OsStringValueParser::new(), PathBuf::from)
}

macro_rules! default_by_parsing {
    ($($args:ty),*) => {$(
        impl Default for $args {
            /// As if no flag were given and no environment variable set.
            fn default() -> Self {
                use clap::{Args as _, FromArgMatches as _};
                let command = <$args>::augment_args(clap::Command::new("scope")).mut_args(|arg| arg.env(None::<&str>));
                let matches = command.get_matches_from(["scope"]);
                match <$args>::from_arg_matches(&matches) {
                    Ok(args) => args,
                    Err(error) => error.exit(),
                }
            }
        }
    )*};
}
default_by_parsing!(Args, ConnectArgs, CollectArgs, ControlArgs);

impl CollectArgs {
    /// Where the host's files are, to be tried in order: here, or for a probe in a container behind the host's first process.
    #[must_use]
    pub fn host_roots(&self) -> [PathBuf; 2] {
        ["/".into(), self.proc_root.join("1/root")]
    }

    /// Where to look for a Kubernetes runtime.
    #[must_use]
    pub fn cri_endpoint(&self) -> crate::cri::Endpoint {
        match &self.cri_endpoint {
            Some(socket) => crate::cri::Endpoint::given(socket.clone()),
            None => crate::cri::Endpoint::usual(&self.host_roots()),
        }
    }

    /// Name and id of this host.
    #[must_use]
    pub fn host_id(&self) -> String {
        if let Some(name) = self.hostname.as_deref().filter(|name| !name.is_empty()) {
            return name.to_owned();
        }
        nix::unistd::gethostname()
            .ok()
            .and_then(|name| name.into_string().ok())
            .unwrap_or_else(|| "(unknown)".to_owned())
    }
}

impl ConnectArgs {
    /// The token, from the flag or the file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn token(&self) -> anyhow::Result<String> {
        use anyhow::Context as _;
        match &self.probe_token_file {
            None => Ok(self.probe_token.clone()),
            Some(file) => {
                let text = std::fs::read_to_string(file).with_context(|| {
                    format!(
                        "cannot read the probe's token; make the file readable or leave --probe-token-file out: {}",
                        file.display()
                    )
                })?;
                Ok(text.trim().to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Program {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn an_empty_plugin_directory_is_accepted_as_the_help_says() {
        for flags in [&["--plugins-root", ""][..], &["--plugins-root="]] {
            let arguments = std::iter::once("probe").chain(flags.iter().copied());
            let program = Program::try_parse_from(arguments).map_err(|error| error.to_string());
            assert_eq!(program.map(|program| program.args.collect.plugins_root), Ok(PathBuf::new()));
        }
    }
}
