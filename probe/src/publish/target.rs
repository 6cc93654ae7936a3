//! A server's address as people write it. Pure text work: nothing is resolved here.

use std::fmt;

/// Port of a Scope server where none is written.
pub const DEFAULT_PORT: u16 = 4040;

/// One server to report to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Whether to speak TLS.
    pub tls: bool,
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Path before every API path, without a trailing slash; usually empty.
    pub prefix: String,
    /// Token from the URL's user name, which overrides the probe's.
    pub token: Option<String>,
}

/// Why an address is not usable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no server address ({reason}); write HOST, HOST:PORT, http://HOST:PORT or https://HOST:PORT")]
pub struct TargetError {
    text: String,
    reason: &'static str,
}

impl Target {
    /// Reads an address: `HOST` and `HOST:PORT` mean HTTP (HTTPS for port 443), URLs mean what they say.
    ///
    /// # Errors
    /// When it is none. The message never repeats a token.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let shown = text.rsplit('@').next().unwrap_or(text).to_owned();
        let wrong = |reason| TargetError {
            text: shown.clone(),
            reason,
        };
        let with_scheme = if text.contains("://") {
            text.to_owned()
        } else if text.ends_with(":443") {
            format!("https://{text}")
        } else {
            format!("http://{text}")
        };
        let url = url::Url::parse(&with_scheme).map_err(|_| wrong("not a URL"))?;
        let tls = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return Err(wrong("only http and https are spoken")),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong("no host"))?;
        let port = match url.port() {
            Some(port) => port,
            None if text.contains("://") => {
                if tls {
                    443
                } else {
                    80
                }
            }
            // The URL parser drops a port that is the scheme's default.
            None if tls => 443,
            None if text.ends_with(":80") => 80,
            None => DEFAULT_PORT,
        };
        let token = match url.username() {
            "" => None,
            name => Some(percent_encoding::percent_decode_str(name).decode_utf8_lossy().into_owned()),
        };
        Ok(Self {
            tls,
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port,
            prefix: url.path().trim_end_matches('/').to_owned(),
            token,
        })
    }

    /// `host:port`, as in a `Host` header.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Target {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}://{}{}",
            if self.tls { "https" } else { "http" },
            self.authority(),
            self.prefix
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_mean_what_they_meant_to_the_original() {
        for (text, shown) in [
            ("scope", "http://scope:4040"),
            ("scope:80", "http://scope:80"),
            ("scope:443", "https://scope:443"),
            ("10.0.0.1:4141", "http://10.0.0.1:4141"),
            ("[::1]:4040", "http://[::1]:4040"),
            ("http://scope", "http://scope:80"),
            ("https://scope/base/", "https://scope:443/base"),
        ] {
            assert_eq!(Target::parse(text).map(|target| target.to_string()), Ok(shown.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_user_name_is_the_token_and_is_never_shown() {
        let target = Target::parse("https://s%3Dcret@scope:4040").unwrap();
        assert_eq!(target.token.as_deref(), Some("s=cret"));
        assert!(!target.to_string().contains("cret"));
        let error = Target::parse("ftp://secret@scope").unwrap_err();
        assert!(!error.to_string().contains("secret"));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["x:y:z", "http://", "unix:///x", ""] {
            assert!(Target::parse(text).is_err(), "{text}");
        }
    }
}
