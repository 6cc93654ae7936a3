//! The server's flags, each with its environment variable, and what they come to.
//!
//! This module reads no file and binds nothing; [`ServerArgs::check`] says what cannot work before anything starts.

mod limits;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

pub use limits::Limits;

use crate::audit::AuditArgs;
use crate::auth::AuthArgs;
use crate::listen::TlsArgs;
use crate::page::Page;

/// Where the server listens if nothing is said: nobody but this machine.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4040);

/// Everything `scope server` takes, and `scope launch` hands on.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Server")]
pub struct ServerArgs {
    /// Address and port to listen on. Beyond loopback, everyone must present a token.
    #[arg(long, alias = "app.http.address", env = "SCOPE_LISTEN", default_value_t = DEFAULT_LISTEN, value_parser = parse_listen, value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    /// Path under which a reverse proxy serves Scope, e.g. /scope.
    #[arg(long, env = "SCOPE_BASE_PATH", default_value = "", value_parser = parse_base_path, value_name = "PATH")]
    pub base_path: String,
    /// How long a silent probe's state stays on the map.
    #[arg(long, alias = "app.window", env = "SCOPE_WINDOW", default_value = "15s", value_parser = parse_duration, value_name = "DURATION")]
    pub window: Duration,
    /// Who may use it.
    #[command(flatten)]
    pub auth: AuthArgs,
    /// TLS.
    #[command(flatten)]
    pub tls: TlsArgs,
    /// Audit.
    #[command(flatten)]
    pub audit: AuditArgs,
    /// Limits.
    #[command(flatten)]
    pub limits: Limits,
    /// The page to serve; none unless the program has one.
    #[arg(skip)]
    pub page: Page,
}

/// `ADDRESS:PORT`, `:PORT` (every address, as the original spells it) or a bare port on loopback.
fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    if let Some(port) = text.strip_prefix(':') {
        let port = port.parse().map_err(|_| format!("{port:?} is not a port"))?;
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port));
    }
    if let Ok(port) = text.parse() {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    if let Some(port) = text.strip_prefix("localhost:") {
        let port = port.parse().map_err(|_| format!("{port:?} is not a port"))?;
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    text.parse()
        .map_err(|_| format!("expected an IP address and a port, e.g. 127.0.0.1:4040 or [::]:4040, not {text:?}"))
}

/// A path as it is compared: no slash at its end, one at its start, or nothing at all.
fn parse_base_path(text: &str) -> Result<String, String> {
    let path = text.trim_matches('/');
    if path.is_empty() {
        return Ok(String::new());
    }
    if path.chars().all(|c| c.is_ascii_alphanumeric() || "-._~/".contains(c)) && !path.contains("//") && !path.contains("..") {
        return Ok(format!("/{path}"));
    }
    Err("a base path has letters, digits, and - . _ ~ between slashes".to_owned())
}

/// `15s`, `2m`, `1m30s`, `500ms`, or seconds as a bare number.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let error = || format!("expected a duration such as 15s, 2m or 500ms, not {text:?}");
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).map_err(|_| error());
    }
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).ok_or_else(error)?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let scale = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(error()),
        };
        seconds += number.parse::<f64>().map_err(|_| error())? * scale;
        rest = tail;
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_addresses_in_the_ways_people_write_them() {
        for (text, address) in [
            ("127.0.0.1:4040", "127.0.0.1:4040"),
            (":4040", "0.0.0.0:4040"),
            ("4041", "127.0.0.1:4041"),
            ("localhost:1", "127.0.0.1:1"),
            ("[::1]:80", "[::1]:80"),
        ] {
            assert_eq!(
                parse_listen(text).map(|address| address.to_string()),
                Ok(address.to_owned()),
                "{text}"
            );
        }
        assert!(parse_listen("example.com:80").is_err() && parse_listen(":x").is_err());
    }

    #[test]
    fn base_paths_are_brought_to_one_form() {
        for (text, path) in [("", ""), ("/", ""), ("scope", "/scope"), ("/a/b/", "/a/b")] {
            assert_eq!(parse_base_path(text), Ok(path.to_owned()));
        }
        assert!(parse_base_path("/a b").is_err() && parse_base_path("/a/../b").is_err());
    }

    #[test]
    fn durations_as_the_original_spells_them() {
        assert_eq!(parse_duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("2"), Ok(Duration::from_secs(2)));
        assert!(parse_duration("s").is_err() && parse_duration("1y").is_err() && parse_duration("-1").is_err());
    }
}
