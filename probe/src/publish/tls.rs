//! Whom the probe trusts when it speaks TLS: the public authorities and a given file, one pinned certificate, or (spelled out) anybody.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use sha2::{Digest as _, Sha256};

/// The client configuration for these flags.
///
/// # Errors
/// When the fingerprint is none, or the file of authorities cannot be used.
pub fn client_config(fingerprint: Option<&str>, ca: Option<&Path>, insecure: bool) -> anyhow::Result<Arc<ClientConfig>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .context("TLS cannot be set up")?;
    let trust = match (fingerprint, insecure) {
        (Some(text), _) => Some(Trust::Pinned(parse_fingerprint(text)?)),
        (None, true) => Some(Trust::Anybody),
        (None, false) => None,
    };
    if let Some(trust) = trust {
        let verifier = Verifier { trust, provider };
        return Ok(Arc::new(
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(verifier))
                .with_no_client_auth(),
        ));
    }
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(file) = ca {
        let unreadable = || format!("cannot read certificate authorities; --tls-ca wants a PEM file: {}", file.display());
        for certificate in CertificateDer::pem_file_iter(file).with_context(unreadable)? {
            roots.add(certificate.with_context(unreadable)?).with_context(unreadable)?;
        }
    }
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// Reads a SHA-256 fingerprint: 64 hex digits, colons and spaces anywhere, an optional `sha256:` before.
fn parse_fingerprint(text: &str) -> anyhow::Result<[u8; 32]> {
    let text = text.trim();
    let digits: Vec<u8> = text
        .strip_prefix("sha256:")
        .or_else(|| text.strip_prefix("SHA256:"))
        .unwrap_or(text)
        .bytes()
        .filter(|byte| !matches!(byte, b':' | b' '))
        .collect();
    let mut fingerprint = [0; 32];
    if digits.len() != 64 {
        bail!(
            "the TLS fingerprint wants 64 hex digits (SHA-256 of the certificate), this has {}",
            digits.len()
        );
    }
    for (byte, pair) in fingerprint.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).unwrap_or_default();
        *byte = u8::from_str_radix(pair, 16).with_context(|| format!("the TLS fingerprint has something else than hex digits: {pair}"))?;
    }
    Ok(fingerprint)
}

#[derive(Debug)]
enum Trust {
    Pinned([u8; 32]),
    Anybody,
}

#[derive(Debug)]
struct Verifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match &self.trust {
            Trust::Anybody => Ok(ServerCertVerified::assertion()),
            Trust::Pinned(expected) => {
                let presented: [u8; 32] = Sha256::digest(end_entity).into();
                if &presented == expected {
                    Ok(ServerCertVerified::assertion())
                } else {
                    let hex: String = presented.iter().map(|byte| format!("{byte:02x}")).collect();
                    Err(rustls::Error::General(format!(
                        "the server's certificate is not the pinned one; it has fingerprint {hex}"
                    )))
                }
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_as_people_paste_them() {
        let plain = "00".repeat(31) + "ff";
        let colons = vec!["00"; 31].join(":") + ":FF";
        let expected = {
            let mut bytes = [0; 32];
            bytes[31] = 0xff;
            bytes
        };
        assert_eq!(parse_fingerprint(&plain).unwrap(), expected);
        assert_eq!(parse_fingerprint(&format!("sha256:{colons}")).unwrap(), expected);
        assert!(parse_fingerprint("abc").is_err());
        assert!(parse_fingerprint(&"zz".repeat(32)).is_err());
    }

    #[test]
    fn the_default_trusts_the_public_authorities() {
        assert!(client_config(None, None, false).is_ok());
        assert!(client_config(None, Some(Path::new("/nonexistent")), false).is_err());
    }
}
