//! How the bytes to one server are protected: decided before anything is sent.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::error::ConnInfoError;
use super::passfile;
use super::resolve::Host;
use super::setting::{Settings, Source};
use crate::pg::secret::Secret;

/// Protection of one connection.
#[derive(Clone)]
pub enum Transport {
    /// Unix socket: the kernel is the transport.
    Socket,
    /// TCP in clear text, with consent and to this machine only.
    Plain,
    /// TCP with TLS.
    Tls(TlsPolicy),
}

/// Consent to clear text over TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plaintext {
    /// Never.
    Refused,
    /// To a loopback address, because the operator said so.
    OnLoopback,
}

/// What the server has to prove, and how.
#[derive(Clone)]
pub struct TlsPolicy {
    /// What is verified.
    pub verify: Verify,
    /// Against which certificates.
    pub roots: Roots,
    /// Client certificate, if one is configured.
    pub identity: Option<ClientIdentity>,
    /// SCRAM bound to this very TLS session; `None` when nobody said, see [`TlsPolicy::channel_binding`].
    pub asked_binding: Option<ChannelBinding>,
    /// Oldest protocol version.
    pub minimum: TlsVersion,
    /// Whether TLS begins at once (`sslnegotiation=direct`, PostgreSQL 17) or after a request in clear.
    pub direct: bool,
}

impl TlsPolicy {
    /// `require` as soon as there is a password, unless somebody said otherwise. Without one there is nothing to protect,
    /// and a login by client certificate would not pass.
    pub fn channel_binding(&self, password: Option<&Secret>) -> ChannelBinding {
        let default = if password.is_some() { ChannelBinding::Require } else { ChannelBinding::Prefer };
        self.asked_binding.unwrap_or(default)
    }
}

/// What is verified. libpq's `require` verifies nothing unless a root file happens to exist; here it is [`Verify::ChainAndName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// `require`, `verify-full`: the chain and the host name.
    ChainAndName,
    /// `verify-ca`: the chain only.
    Chain,
}

/// Certificates that are trusted. A file may hold authorities and pinned server certificates alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// The operating system's store.
    System,
    /// A PEM file.
    Pem {
        /// Where it was read from, for messages.
        file: PathBuf,
        /// Its content.
        text: String,
    },
}

/// Client certificate and its key, both PEM.
#[derive(Clone)]
pub struct ClientIdentity {
    /// Where the certificate was read from, for messages.
    pub file: PathBuf,
    /// Certificate chain.
    pub certificate: String,
    /// Private key.
    pub key: Secret,
}

/// libpq's `channel_binding`. With `require` a stolen certificate alone cannot collect the password, and a server that asks
/// for it in clear or as MD5 gets nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelBinding {
    /// Nothing but SCRAM with channel binding.
    Require,
    /// If both sides can.
    Prefer,
    /// Never (Ed25519 certificates cannot, neither here nor in libpq).
    Disable,
}

/// Oldest TLS version that is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Disable,
    Opportunistic,
    Verified(Verify),
}

const MODES: &[(&str, Mode)] = &[
    ("disable", Mode::Disable),
    ("allow", Mode::Opportunistic),
    ("prefer", Mode::Opportunistic),
    ("require", Mode::Verified(Verify::ChainAndName)),
    ("verify-ca", Mode::Verified(Verify::Chain)),
    ("verify-full", Mode::Verified(Verify::ChainAndName)),
];

/// Decides the transport to each host; files are read at most once.
pub(super) struct Transports<'a> {
    mode: Mode,
    word: String,
    source: Source,
    plaintext: Plaintext,
    settings: &'a Settings,
    environment: &'a Environment,
    policy: Option<TlsPolicy>,
}

impl<'a> Transports<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        environment: &'a Environment,
        plaintext: Plaintext,
    ) -> Result<Self, ConnInfoError> {
        let expected = "disable, require, verify-ca or verify-full";
        let mode = settings.choice("sslmode", MODES, expected)?;
        let setting = settings.get("sslmode");
        Ok(Self {
            mode: mode.unwrap_or(Mode::Verified(Verify::ChainAndName)),
            word: setting.map_or_else(String::new, |setting| setting.value.clone()),
            source: setting.map_or(Source::Default, |setting| setting.source.clone()),
            plaintext,
            settings,
            environment,
            policy: None,
        })
    }

    /// Transport to `host`.
    pub(super) fn to(&mut self, host: &Host) -> Result<Transport, ConnInfoError> {
        let Host::Tcp { name, address } = host else { return Ok(Transport::Socket) };
        let verify = match self.mode {
            Mode::Verified(verify) => verify,
            Mode::Opportunistic => {
                let (mode, from) = (self.word.clone(), self.source.clone());
                return Err(ConnInfoError::OpportunisticTls { mode, from, host: name.clone() });
            }
            Mode::Disable if self.plaintext == Plaintext::OnLoopback && is_loopback(name, *address) => {
                return Ok(Transport::Plain);
            }
            Mode::Disable => return Err(ConnInfoError::Plaintext { host: name.clone() }),
        };
        let policy = match &self.policy {
            Some(policy) => policy.clone(),
            None => self.policy.insert(policy(self.settings, self.environment, verify)?).clone(),
        };
        Ok(Transport::Tls(policy))
    }
}

/// `localhost` counts: it is resolved when connecting, and the resolved address is checked again there.
pub(super) fn is_loopback(name: &str, address: Option<IpAddr>) -> bool {
    match address.or_else(|| name.parse().ok()) {
        Some(address) => address.is_loopback(),
        None => name.eq_ignore_ascii_case("localhost"),
    }
}

fn policy(
    settings: &Settings,
    environment: &Environment,
    verify: Verify,
) -> Result<TlsPolicy, ConnInfoError> {
    let bindings = [
        ("require", ChannelBinding::Require),
        ("prefer", ChannelBinding::Prefer),
        ("disable", ChannelBinding::Disable),
    ];
    let binding = settings.choice("channel_binding", &bindings, "require, prefer or disable")?;
    let versions = [
        ("TLSv1", TlsVersion::V1_2),
        ("TLSv1.1", TlsVersion::V1_2),
        ("TLSv1.2", TlsVersion::V1_2),
        ("TLSv1.3", TlsVersion::V1_3),
    ];
    let minimum = settings.choice("ssl_min_protocol_version", &versions, "TLSv1.2 or TLSv1.3")?;
    let direct =
        settings.choice("sslnegotiation", &[("postgres", false), ("direct", true)], "postgres or direct")?;
    Ok(TlsPolicy {
        verify,
        roots: roots(settings, environment)?,
        identity: identity(settings, environment)?,
        asked_binding: binding,
        minimum: minimum.unwrap_or(TlsVersion::V1_2),
        direct: direct.unwrap_or(false),
    })
}

fn roots(settings: &Settings, environment: &Environment) -> Result<Roots, ConnInfoError> {
    let what = "root certificate file";
    match settings.value("sslrootcert") {
        Some("system") => Ok(Roots::System),
        Some(file) => {
            let file = PathBuf::from(file);
            match environment.files.read(&file) {
                Ok(read) => Ok(Roots::Pem { file, text: read.text }),
                Err(source) => Err(ConnInfoError::Unreadable { what, file, source }),
            }
        }
        None => match optional(environment, what, environment.in_home(".postgresql/root.crt"))? {
            Some((file, text)) => Ok(Roots::Pem { file, text }),
            None => Ok(Roots::System),
        },
    }
}

fn identity(settings: &Settings, environment: &Environment) -> Result<Option<ClientIdentity>, ConnInfoError> {
    let place =
        |name, default| settings.value(name).map(PathBuf::from).or_else(|| environment.in_home(default));
    let certificate = place("sslcert", ".postgresql/postgresql.crt");
    let Some((file, certificate)) = optional(environment, "client certificate", certificate)? else {
        return Ok(None);
    };
    let Some(key_file) = place("sslkey", ".postgresql/postgresql.key") else { return Ok(None) };
    let what = "client key";
    let key = environment.files.read(&key_file);
    let key = key.map_err(|source| ConnInfoError::Unreadable { what, file: key_file.clone(), source })?;
    if let Some(fault) = passfile::fault(&key, environment.uid) {
        // libpq's one exception: a key that root owns and the group may read.
        if key.owner != 0 || key.mode & 0o037 != 0 {
            return Err(ConnInfoError::LooseFile { what, file: key_file, fault });
        }
    }
    Ok(Some(ClientIdentity { file, certificate, key: Secret::new(key.text) }))
}

fn optional(
    environment: &Environment,
    what: &'static str,
    file: Option<PathBuf>,
) -> Result<Option<(PathBuf, String)>, ConnInfoError> {
    let Some(file) = file else { return Ok(None) };
    let unreadable = |source, file: &Path| ConnInfoError::Unreadable { what, file: file.to_owned(), source };
    let read = environment.read_optional(&file).map_err(|source| unreadable(source, &file))?;
    Ok(read.map(|read| (file, read.text)))
}
