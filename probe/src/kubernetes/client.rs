//! A client for the API server, from flags, a kubeconfig, or the pod's own account.

use anyhow::{Context as _, bail};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::config::KubernetesArgs;

/// How long the API server may take to accept a connection. Reads have no limit: a watch is one long answer.
const CONNECT_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);

/// Connects as the flags say: `--kubernetes-api` (with token and authority), else `--kubeconfig` (with context, cluster, user), else the
/// account of the pod the probe runs in. Only the configuration is read here; the first request is the watches'.
///
/// # Errors
/// When a file cannot be read or understood, or there is neither a flag nor a pod's account.
pub async fn connect(args: &KubernetesArgs) -> anyhow::Result<Client> {
    // Whoever built the binary may have linked several crypto providers; the first call decides, later ones are told so and that is fine.
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut config = if let Some(api) = &args.api {
        Config::new(api.parse().with_context(|| format!("--kubernetes-api is not a URL: {api}"))?)
    } else if let Some(file) = &args.kubeconfig {
        let kubeconfig = Kubeconfig::read_from(file).with_context(|| format!("cannot read the kubeconfig {}", file.display()))?;
        let options = KubeConfigOptions {
            context: args.context.clone(),
            cluster: args.cluster.clone(),
            user: args.user.clone(),
        };
        Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .context("the kubeconfig does not lead to an API server")?
    } else {
        match Config::incluster() {
            Ok(config) => config,
            Err(error) => bail!(
                "no API server: the probe does not run in a pod ({error}); name one with --kubernetes-api or --kubeconfig, or leave --kubernetes out"
            ),
        }
    };
    if let Some(token) = &args.token {
        config.auth_info.token = Some(token.clone().into());
    }
    if let Some(file) = &args.certificate_authority {
        let pem = std::fs::read(file).with_context(|| format!("cannot read the certificate authority {}", file.display()))?;
        let mut ders = Vec::new();
        for certificate in rustls::pki_types::pem::PemObject::pem_slice_iter(&pem) {
            let certificate: rustls::pki_types::CertificateDer<'_> =
                certificate.map_err(|error| anyhow::anyhow!("{} is not PEM: {error:?}", file.display()))?;
            ders.push(certificate.to_vec());
        }
        if ders.is_empty() {
            bail!("{} holds no certificate", file.display());
        }
        config.root_cert = Some(ders);
    }
    config.accept_invalid_certs |= args.insecure;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    // An idle watch is silent for minutes, longer than the default time-out for reads.
    config.read_timeout = None;
    config.write_timeout = None;
    Client::try_from(config).context("cannot make a client for the Kubernetes API server")
}
