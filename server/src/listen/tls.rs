//! TLS: a certificate from files, or one made here and kept so that its fingerprint can be pinned. Read again on SIGHUP.

use std::fs::{self, OpenOptions};
use std::io::{BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};
use tokio_rustls::TlsAcceptor;

use crate::auth::{prepare, state_directory};

/// Flags of TLS.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Server: TLS")]
pub struct TlsArgs {
    /// Certificate chain (PEM). With it the server speaks HTTPS only; SIGHUP reads it again.
    #[arg(long, env = "SCOPE_TLS_CERT", requires = "tls_key", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM).
    #[arg(long, env = "SCOPE_TLS_KEY", requires = "tls_cert", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Speak HTTPS with a certificate made here and kept in the state directory; its fingerprint is printed for `scope probe --tls-fingerprint`.
    #[arg(long, env = "SCOPE_TLS_SELF_SIGNED", conflicts_with = "tls_cert")]
    pub tls_self_signed: bool,
}

/// The server's certificate, replaceable while it runs.
pub(crate) struct Tls {
    args: TlsArgs,
    state_dir: Option<PathBuf>,
    names: Vec<String>,
    current: RwLock<(Arc<ServerConfig>, String)>,
}

impl Tls {
    /// Reads or makes the certificate; `None` when TLS was not asked for.
    ///
    /// # Errors
    /// When it cannot be read, made or used.
    pub(crate) fn new(args: &TlsArgs, state_dir: Option<PathBuf>, names: Vec<String>) -> anyhow::Result<Option<Self>> {
        if args.tls_cert.is_none() && !args.tls_self_signed {
            return Ok(None);
        }
        let current = load(args, state_dir.as_deref(), &names)?;
        Ok(Some(Self {
            args: args.clone(),
            state_dir,
            names,
            current: RwLock::new(current),
        }))
    }

    /// Reads the certificate again; new connections get it.
    ///
    /// # Errors
    /// When it cannot be used; the old one stays.
    pub(crate) fn reload(&self) -> anyhow::Result<()> {
        *self.current.write() = load(&self.args, self.state_dir.as_deref(), &self.names)?;
        Ok(())
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current.read().0))
    }

    /// SHA-256 of the certificate, hex.
    pub(crate) fn fingerprint(&self) -> String {
        self.current.read().1.clone()
    }

    /// Whether people's browsers will warn.
    pub(crate) const fn is_self_signed(&self) -> bool {
        self.args.tls_self_signed
    }
}

fn load(args: &TlsArgs, state_dir: Option<&Path>, names: &[String]) -> anyhow::Result<(Arc<ServerConfig>, String)> {
    let (chain, key) = match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => read(certificate, key)?,
        _ => {
            let directory = state_directory(state_dir)?;
            prepare(&directory)?;
            self_signed(&directory, names)?
        }
    };
    let first = chain.first().context("the certificate file holds no certificate")?;
    let fingerprint = Sha256::digest(first).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("the certificate and its key do not go together")?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((Arc::new(config), fingerprint))
}

fn read(certificate: &Path, key: &Path) -> anyhow::Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let open = |file: &Path| {
        fs::File::open(file)
            .map(BufReader::new)
            .with_context(|| format!("cannot open {}", file.display()))
    };
    let chain = rustls_pemfile::certs(&mut open(certificate)?)
        .collect::<Result<Vec<_>, _>>()
        .with_context(|| format!("this is not a PEM certificate: {}", certificate.display()))?;
    let key =
        rustls_pemfile::private_key(&mut open(key)?)?.with_context(|| format!("this file holds no private key: {}", key.display()))?;
    Ok((chain, key))
}

fn self_signed(directory: &Path, names: &[String]) -> anyhow::Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let (certificate, key) = (directory.join("self-signed.cert.pem"), directory.join("self-signed.key.pem"));
    if !certificate.exists() || !key.exists() {
        let made = rcgen::generate_simple_self_signed(names.to_vec()).context("cannot make a certificate")?;
        store(&key, &made.signing_key.serialize_pem())?;
        store(&certificate, &made.cert.pem())?;
    }
    let made = read(&certificate, &key)?;
    if made.0.is_empty() {
        bail!(
            "the stored certificate is damaged; delete it and a new one is made: {}",
            certificate.display()
        );
    }
    Ok(made)
}

fn store(file: &Path, text: &str) -> anyhow::Result<()> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut open| open.write_all(text.as_bytes()))
        .with_context(|| format!("cannot store {}", file.display()))
}
