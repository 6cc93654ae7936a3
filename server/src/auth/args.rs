//! Flags about who may use the server, and from where.

use std::path::PathBuf;

use ipnet::IpNet;

/// Who may use the server.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Server: access")]
pub struct AuthArgs {
    /// Ask for tokens on loopback as well (beyond loopback they are asked for anyway).
    #[arg(long, env = "SCOPE_REQUIRE_TOKEN", conflicts_with = "no_auth")]
    pub require_token: bool,
    /// Ask nobody for anything, on any address: whoever reaches the port controls your containers. Warns at every start.
    #[arg(long, env = "SCOPE_NO_AUTH")]
    pub no_auth: bool,
    /// Directory of the tokens, the session key and the audit log. [default: /var/lib/scope for root, else ~/.local/state/scope]
    #[arg(long, env = "SCOPE_STATE_DIR", value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Directory with the files `probe-token`, `viewer-token` and `operator-token` (a mounted Kubernetes Secret). They are only read, also
    /// on SIGHUP; a role whose file is missing has no token. Nothing is made or written then.
    #[arg(long, env = "SCOPE_TOKENS_DIR", value_name = "DIR")]
    pub tokens_dir: Option<PathBuf>,
    /// Token that probes present; made and stored in the state directory if not given.
    #[arg(
        id = "server-probe-token",
        long = "probe-secret",
        env = "SCOPE_PROBE_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    pub probe_token: Option<String>,
    /// Token of people who may look; made and stored if not given.
    #[arg(long, env = "SCOPE_VIEWER_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub viewer_token: Option<String>,
    /// Token of people who may act; made and stored if not given.
    #[arg(long, env = "SCOPE_OPERATOR_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub operator_token: Option<String>,
    /// Have pages show command-line arguments and environment variables to viewers, not only to operators.
    #[arg(long, env = "SCOPE_SHOW_ARGUMENTS")]
    pub show_arguments: bool,
    /// Names under which browsers and probes reach this server, besides its IP addresses, localhost and its host name. `*` is any name,
    /// which is safe only because tokens are asked for then: a rebound name has no cookie.
    #[arg(long = "allowed-host", env = "SCOPE_ALLOWED_HOSTS", value_delimiter = ',', value_name = "NAME")]
    pub allowed_hosts: Vec<String>,
    /// Origins of pages served elsewhere that may use this server, e.g. https://scope.example.com (also for a proxy that ends TLS).
    #[arg(long = "allow-origin", env = "SCOPE_ALLOW_ORIGINS", value_delimiter = ',', value_name = "ORIGIN")]
    pub allowed_origins: Vec<String>,
    /// Reverse proxies whose X-Forwarded-For, X-Forwarded-Proto and user headers are believed.
    #[arg(long = "trust-proxy", env = "SCOPE_TRUST_PROXY", value_delimiter = ',', value_name = "NETWORK")]
    pub trusted_proxies: Vec<IpNet>,
    /// Header in which a trusted proxy names the person it has logged in, e.g. X-Forwarded-User.
    #[arg(long, env = "SCOPE_PROXY_USER_HEADER", requires = "trusted_proxies", value_name = "HEADER")]
    pub proxy_user_header: Option<String>,
    /// People who may act, as the proxy or the OpenID provider names them (verified e-mail address, user name, subject or group); `*` is
    /// everyone it lets in.
    #[arg(
        id = "operator-names",
        long = "operators",
        env = "SCOPE_OPERATORS",
        value_delimiter = ',',
        value_name = "NAME"
    )]
    pub operators: Vec<String>,
    /// People who may look, likewise.
    #[arg(
        id = "viewer-names",
        long = "viewers",
        env = "SCOPE_VIEWERS",
        value_delimiter = ',',
        value_name = "NAME"
    )]
    pub viewers: Vec<String>,
    /// OpenID Connect.
    #[command(flatten)]
    pub oidc: OidcArgs,
}

/// Login through an OpenID Connect provider.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Server: OpenID Connect")]
pub struct OidcArgs {
    /// The provider's issuer URL; who may do what stands in --operators and --viewers.
    #[arg(id = "oidc-issuer", long = "oidc-issuer", env = "SCOPE_OIDC_ISSUER", requires_all = ["oidc-client-id", "oidc-redirect"], value_name = "URL")]
    pub issuer: Option<String>,
    /// Client id that the provider gave this server.
    #[arg(id = "oidc-client-id", long = "oidc-client-id", env = "SCOPE_OIDC_CLIENT_ID", value_name = "ID")]
    pub client_id: Option<String>,
    /// Client secret, if the provider gave one.
    #[arg(
        id = "oidc-client-secret",
        long = "oidc-client-secret",
        env = "SCOPE_OIDC_CLIENT_SECRET",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    pub client_secret: Option<String>,
    /// Where the provider sends people back to: this server's address followed by api/oidc/callback.
    #[arg(id = "oidc-redirect", long = "oidc-redirect", env = "SCOPE_OIDC_REDIRECT", value_name = "URL")]
    pub redirect: Option<String>,
    /// Scopes asked for besides openid.
    #[arg(
        id = "oidc-scopes",
        long = "oidc-scopes",
        env = "SCOPE_OIDC_SCOPES",
        value_delimiter = ',',
        default_value = "email,profile",
        value_name = "SCOPES"
    )]
    pub scopes: Vec<String>,
}
