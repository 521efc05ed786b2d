//! A refused handshake in words that name the fix.

use std::error::Error as StdError;

use rustls::CertificateError;

/// Why TLS did not come up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsFault {
    /// The server answered "N" to the request for TLS.
    #[error(
        "the server offers no TLS (ssl = off, or something in between removed it); nothing was sent in clear. \
         Turn ssl on, connect over a unix socket, or on a loopback address say sslmode=disable with --insecure-plaintext"
    )]
    NotOffered,
    /// The chain ends at an authority that is not trusted.
    #[error(
        "the server's certificate is signed by an authority that is not trusted here; give the authority's certificate, \
         or the server's own one as a pin, in sslrootcert"
    )]
    UnknownIssuer,
    /// The certificate is for other names.
    #[error(
        "the server's certificate is not valid for \"{expected}\"; it is valid for: {}. Connect by one of these names",
        names(.presented)
    )]
    WrongName {
        /// Name or address that was connected to.
        expected: String,
        /// Names in the certificate.
        presented: Vec<String>,
    },
    /// Expired, or not valid yet.
    #[error("the server's certificate is expired or not valid yet (or a clock is wrong)")]
    NotInForce,
    /// X.509 version 1.
    #[error(
        "the server's certificate is of X.509 version 1, which TLS libraries no longer verify; make it anew with \
         extensions: openssl x509 -req … -extfile <(printf 'subjectAltName=DNS:HOST')"
    )]
    Version1,
    /// A self-signed authority that serves as server certificate.
    #[error(
        "the server presents its own self-signed certificate, which is marked as an authority; put exactly this \
         certificate into sslrootcert to pin it"
    )]
    SelfSignedAuthority,
    /// The server ended the handshake, e.g. because it wants a client certificate.
    #[error("the server ended the TLS handshake: {alert}")]
    Alert {
        /// Name of the alert.
        alert: String,
    },
    /// Anything else.
    #[error("TLS handshake failed: {text}")]
    Other {
        /// The library's words.
        text: String,
    },
}

impl TlsFault {
    /// The fault below an error of the driver, or `None` when it is not about TLS.
    pub(crate) fn find(error: &tokio_postgres::Error) -> Option<Self> {
        let mut next: Option<&(dyn StdError + 'static)> = Some(error);
        while let Some(current) = next {
            if let Some(tls) = current.downcast_ref::<rustls::Error>() {
                return Some(Self::of(tls));
            }
            // io::Error hides the error inside from `source`.
            if let Some(io) = current.downcast_ref::<std::io::Error>()
                && let Some(tls) = io.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>())
            {
                return Some(Self::of(tls));
            }
            next = current.source();
        }
        // The driver keeps its kinds private; these two texts are constants of it.
        if error.to_string() != "error performing TLS handshake" {
            return None;
        }
        let text = error.source().map(ToString::to_string).unwrap_or_default();
        Some(if text == "server does not support TLS" { Self::NotOffered } else { Self::Other { text } })
    }

    fn of(error: &rustls::Error) -> Self {
        let rustls::Error::InvalidCertificate(certificate) = error else {
            if let rustls::Error::AlertReceived(alert) = error {
                return Self::Alert { alert: format!("{alert:?}") };
            }
            return Self::Other { text: error.to_string() };
        };
        if matches!(certificate, CertificateError::UnknownIssuer) {
            return Self::UnknownIssuer;
        }
        if let CertificateError::NotValidForNameContext { expected, presented } = certificate {
            let expected = expected.to_str().into_owned();
            return Self::WrongName { expected, presented: presented.clone() };
        }
        let expired = matches!(
            certificate,
            CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. }
        );
        // webpki's own codes arrive boxed, by name only.
        let text = format!("{certificate:?}");
        match text {
            _ if expired => Self::NotInForce,
            text if text.contains("UnsupportedCertVersion") => Self::Version1,
            text if text.contains("CaUsedAsEndEntity") => Self::SelfSignedAuthority,
            text => Self::Other { text },
        }
    }
}

fn names(presented: &[String]) -> String {
    if presented.is_empty() {
        "no name at all (it has no subjectAltName)".to_owned()
    } else {
        presented.join(", ")
    }
}
