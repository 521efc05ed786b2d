//! TLS by rustls with ring: verification of libpq's modes, pinning, and refusals in plain words.
//!
//! rustls alone refuses three styles of server certificates that libpq accepts and that in-house servers really have:
//! X.509 version 1, a self-signed certificate used as its own root (what PostgreSQL's own manual makes), and a common name
//! without subjectAltName. The second, also together with the third, is accepted when the very certificate stands in
//! `sslrootcert` (a pin); for the rest the refusal says what to do.

mod fault;
mod subject;
mod verifier;

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls_platform_verifier::Verifier as PlatformVerifier;

pub use fault::TlsFault;

use super::conninfo::{ClientIdentity, Roots, TlsPolicy, TlsVersion, Verify};
use verifier::PinOrChain;

/// A policy that cannot be turned into a TLS configuration.
#[derive(Debug, thiserror::Error)]
pub enum TlsSetupError {
    /// A PEM file without a certificate.
    #[error("{} holds no PEM certificate", .file.display())]
    NoCertificate {
        /// The file.
        file: PathBuf,
    },
    /// A PEM file that cannot be read as one.
    #[error("{}: {source}", .file.display())]
    Pem {
        /// The file.
        file: PathBuf,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// The client key does not go with the certificate, or the system's store cannot be used.
    #[error("TLS cannot be set up: {0}")]
    Rustls(#[from] rustls::Error),
}

/// rustls configuration for a policy. Nothing is read from disk here, except by the system's own verifier.
pub fn client_config(policy: &TlsPolicy) -> Result<ClientConfig, TlsSetupError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match &policy.roots {
        Roots::System => Arc::new(PlatformVerifier::new(Arc::clone(&provider))?),
        Roots::Pem { file, text } => {
            let certificates = certificates(file, text)?;
            Arc::new(PinOrChain::new(certificates, policy.verify, provider.signature_verification_algorithms))
        }
    };
    let versions: &[&rustls::SupportedProtocolVersion] = match policy.minimum {
        TlsVersion::V1_2 => &[&rustls::version::TLS13, &rustls::version::TLS12],
        TlsVersion::V1_3 => &[&rustls::version::TLS13],
    };
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions)?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = match &policy.identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let (chain, key) = client_identity(identity)?;
            builder.with_client_auth_cert(chain, key)?
        }
    };
    if policy.direct {
        // PostgreSQL 17 refuses a direct handshake without its own protocol name.
        config.alpn_protocols = vec![b"postgresql".to_vec()];
    }
    Ok(config)
}

fn certificates(file: &std::path::Path, text: &str) -> Result<Vec<CertificateDer<'static>>, TlsSetupError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    let found = found.map_err(|source| TlsSetupError::Pem { file: file.to_owned(), source })?;
    if found.is_empty() {
        return Err(TlsSetupError::NoCertificate { file: file.to_owned() });
    }
    Ok(found)
}

fn client_identity(
    identity: &ClientIdentity,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsSetupError> {
    let chain = certificates(&identity.file, &identity.certificate)?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.reveal().as_bytes());
    let key = key.map_err(|source| TlsSetupError::Pem { file: identity.file.clone(), source })?;
    Ok((chain, key))
}

/// What a policy verifies, for the operator. The system's store always verifies the name as well.
pub fn effective(policy: &TlsPolicy) -> Verify {
    match policy.roots {
        Roots::System => Verify::ChainAndName,
        Roots::Pem { .. } => policy.verify,
    }
}

#[cfg(test)]
mod tests;
