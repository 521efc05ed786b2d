//! Server certificates: one of the pinned ones, or a chain to one of the roots.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::subject;
use crate::pg::conninfo::Verify;

/// Accepts a certificate that stands byte for byte in the file, or one that chains to an authority of the file.
#[derive(Debug)]
pub(super) struct PinOrChain {
    pins: Vec<CertificateDer<'static>>,
    roots: RootCertStore,
    verify: Verify,
    algorithms: WebPkiSupportedAlgorithms,
}

impl PinOrChain {
    pub(super) fn new(
        certificates: Vec<CertificateDer<'static>>,
        verify: Verify,
        algorithms: WebPkiSupportedAlgorithms,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        // What cannot be an authority can still be a pin.
        roots.add_parsable_certificates(certificates.iter().cloned());
        Self { pins: certificates, roots, verify, algorithms }
    }

    fn check_name(
        &self,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
        pinned: bool,
    ) -> Result<(), Error> {
        if self.verify == Verify::Chain {
            return Ok(());
        }
        let parsed = ParsedCertificate::try_from(certificate)?;
        match verify_server_name(&parsed, name) {
            // A common name alone is no proof in general, but this certificate was put there by hand.
            Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext {
                presented, ..
            })) if pinned && presented.is_empty() && common_name_fits(certificate, name) => Ok(()),
            other => other,
        }
    }
}

fn common_name_fits(certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> bool {
    subject::common_name(certificate).is_some_and(|found| found.eq_ignore_ascii_case(&name.to_str()))
}

impl ServerCertVerifier for PinOrChain {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let pinned = self.pins.iter().any(|pin| pin.as_ref() == end_entity.as_ref());
        if !pinned {
            let parsed = ParsedCertificate::try_from(end_entity)?;
            verify_server_cert_signed_by_trust_anchor(
                &parsed,
                &self.roots,
                intermediates,
                now,
                self.algorithms.all,
            )?;
        }
        self.check_name(end_entity, server_name, pinned)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
