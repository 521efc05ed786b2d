//! All layers put together: from a string and an environment to the servers to try.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::environment::Environment;
use super::error::ConnInfoError;
use super::keyword::KEYWORDS;
use super::passfile::{Passfile, Wanted};
use super::setting::{Origin, Settings, Source};
use super::transport::{Plaintext, Transport, Transports};
use super::{service, string, uri};
use crate::pg::secret::Secret;

/// Where servers of the common packages put their socket; libpq knows only the one that it was compiled with.
const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];
const DEFAULT_PORT: u16 = 5432;
/// Bound on connect and authentication to one server. libpq waits for ever by default.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// Without data and answer for that long, the connection counts as lost: a stalled path would otherwise never be noticed.
const DEFAULT_USER_TIMEOUT: Duration = Duration::from_secs(30);

/// What to resolve.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Keyword/value string, URI, or a bare database name. `None`: environment and defaults only.
    pub dsn: Option<&'a str>,
    /// Where it came from.
    pub origin: Origin,
    /// Consent to clear text.
    pub plaintext: Plaintext,
}

/// Everything needed to connect. It holds passwords, so it has no `Debug`.
#[derive(Clone)]
pub struct ConnInfo {
    /// Servers, in the order to try them. Never empty.
    pub endpoints: Vec<Endpoint>,
    /// Role to log in as.
    pub user: String,
    /// Database.
    pub database: String,
    /// Server options of the caller, e.g. `-c geqo=off`. Ours come after them and win.
    pub options: Option<String>,
    /// Name that the caller asked for; sessions of a run name themselves.
    pub application_name: Option<String>,
    /// Bound on connect and authentication, per server.
    pub connect_timeout: Duration,
    /// TCP keepalives and user timeout.
    pub keepalive: Keepalive,
    /// What the server has to be.
    pub session_attrs: SessionAttrs,
    /// Whether the password came from `PGPASSWORD`, which every child process would inherit.
    pub password_from_environment: bool,
}

/// One server.
#[derive(Clone)]
pub struct Endpoint {
    /// Where.
    pub host: Host,
    /// TCP port, or the number in the socket's file name.
    pub port: u16,
    /// Password for it, if one is known.
    pub password: Option<Secret>,
    /// Protection.
    pub transport: Transport,
}

/// Place of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// Folder of a unix socket.
    Unix(PathBuf),
    /// Name (also the one that a certificate has to carry), and its address when `hostaddr` gives it.
    Tcp {
        /// Host name or address as given.
        name: String,
        /// Address to connect to without a name look-up.
        address: Option<IpAddr>,
    },
}

/// Kernel-level detection of a dead path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// Idle time before the first probe; `None` switches keepalives off.
    pub idle: Option<Duration>,
    /// Time between probes.
    pub interval: Option<Duration>,
    /// Lost probes until the connection is dead.
    pub count: Option<u32>,
    /// Unacknowledged data for that long kills the connection (Linux).
    pub user_timeout: Duration,
}

/// libpq's `target_session_attrs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionAttrs {
    /// The first that answers.
    Any,
    /// Accepts writing transactions.
    ReadWrite,
    /// Does not.
    ReadOnly,
    /// Not in recovery.
    Primary,
    /// In recovery.
    Standby,
    /// In recovery if there is one, else any.
    PreferStandby,
}

/// Puts explicit settings, service file, environment and defaults together.
pub fn resolve(request: &Request<'_>, environment: &Environment) -> Result<ConnInfo, ConnInfoError> {
    let settings = gather(request, environment)?;
    let user =
        settings.value("user").or(environment.os_user.as_deref()).ok_or(ConnInfoError::NoUser)?.to_owned();
    let database = settings.value("dbname").unwrap_or(&user).to_owned();
    let endpoints = endpoints(&settings, environment, request.plaintext, &user, &database)?;
    let name = settings.value("application_name").or_else(|| settings.value("fallback_application_name"));
    let timeout = settings.number("connect_timeout")?.and_then(|seconds| u64::try_from(seconds).ok());
    let attrs = settings.choice(
        "target_session_attrs",
        ATTRS,
        "any, read-write, read-only, primary, standby or prefer-standby",
    )?;
    Ok(ConnInfo {
        endpoints,
        user,
        database,
        options: settings.value("options").map(str::to_owned),
        application_name: name.map(str::to_owned),
        connect_timeout: timeout.filter(|seconds| *seconds > 0).map_or(DEFAULT_TIMEOUT, Duration::from_secs),
        keepalive: keepalive(&settings)?,
        session_attrs: attrs.unwrap_or(SessionAttrs::Any),
        password_from_environment: matches!(
            settings.get("password").map(|setting| &setting.source),
            Some(Source::Environment(_))
        ),
    })
}

const ATTRS: &[(&str, SessionAttrs)] = &[
    ("any", SessionAttrs::Any),
    ("read-write", SessionAttrs::ReadWrite),
    ("read-only", SessionAttrs::ReadOnly),
    ("primary", SessionAttrs::Primary),
    ("standby", SessionAttrs::Standby),
    ("prefer-standby", SessionAttrs::PreferStandby),
];

/// The layers, highest first.
fn gather(request: &Request<'_>, environment: &Environment) -> Result<Settings, ConnInfoError> {
    let mut settings = Settings::default();
    let pairs = match request.dsn {
        None => Vec::new(),
        Some(text) if uri::is_uri(text) => uri::parse(text)?,
        Some(text) if text.contains('=') => string::parse(text)?,
        Some(name) => vec![("dbname".to_owned(), name.to_owned())],
    };
    let holds_password = pairs.iter().any(|(name, value)| name == "password" && !value.is_empty());
    if request.origin == Origin::Argv && holds_password {
        return Err(ConnInfoError::PasswordOnArgv);
    }
    settings.offer_all(pairs, &Source::Explicit)?;
    let named = settings.value("service").or_else(|| environment.var("PGSERVICE")).map(str::to_owned);
    if let Some(name) = named {
        let file = settings.value("servicefile").or_else(|| environment.var("PGSERVICEFILE"));
        let (pairs, source) = service::load(environment, &name, file)?;
        settings.offer_all(pairs, &source)?;
    }
    for keyword in KEYWORDS {
        let Some(variable) = keyword.variable else { continue };
        if let Some(value) = environment.var(variable) {
            settings.offer(keyword.name, value.to_owned(), &Source::Environment(variable))?;
        }
    }
    Ok(settings)
}

fn endpoints(
    settings: &Settings,
    environment: &Environment,
    plaintext: Plaintext,
    user: &str,
    database: &str,
) -> Result<Vec<Endpoint>, ConnInfoError> {
    let explicit = settings.value("password").map(Secret::new);
    let passfile = match explicit {
        Some(_) => None,
        None => Passfile::load(environment, settings.value("passfile"))?,
    };
    let mut transports = Transports::new(settings, environment, plaintext)?;
    let mut endpoints = Vec::new();
    for (host, port) in places(settings)? {
        let password = explicit.clone().or_else(|| {
            let name = passfile_name(&host);
            passfile.as_ref()?.find(&Wanted { host: &name, port, database, user })
        });
        let transport = transports.to(&host)?;
        endpoints.push(Endpoint { host, port, password, transport });
    }
    Ok(endpoints)
}

/// Hosts and ports, each host with its port.
fn places(settings: &Settings) -> Result<Vec<(Host, u16)>, ConnInfoError> {
    let list = |name| settings.value(name).map(|text| text.split(',').map(str::trim).collect::<Vec<_>>());
    let (names, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
    let hosts = match (&names, &addresses) {
        (None, None) => SOCKET_FOLDERS.map(|folder| Host::Unix(folder.into())).to_vec(),
        _ => hosts(settings, names.as_deref(), addresses.as_deref())?,
    };
    let ports = ports.unwrap_or_default();
    // Without a host there are two folders but one server: a single port fits both.
    if ports.len() > 1 && ports.len() != hosts.len() {
        return Err(ConnInfoError::ListLength { keyword: "port", given: ports.len(), hosts: hosts.len() });
    }
    let mut places = Vec::new();
    for (index, host) in hosts.into_iter().enumerate() {
        let text = if ports.len() > 1 { ports.get(index) } else { ports.first() };
        places.push((host, port(settings, text.copied().unwrap_or_default())?));
    }
    Ok(places)
}

fn port(settings: &Settings, text: &str) -> Result<u16, ConnInfoError> {
    if text.is_empty() {
        return Ok(DEFAULT_PORT);
    }
    match (text.parse::<u16>(), settings.get("port")) {
        (Ok(port), _) if port > 0 => Ok(port),
        (_, Some(setting)) => Err(setting.invalid("port", "a number from 1 to 65535")),
        (_, None) => Ok(DEFAULT_PORT),
    }
}

fn hosts(
    settings: &Settings,
    names: Option<&[&str]>,
    addresses: Option<&[&str]>,
) -> Result<Vec<Host>, ConnInfoError> {
    let count = names.map_or_else(|| addresses.map_or(0, <[_]>::len), <[_]>::len);
    if let Some(given) = addresses.map(<[_]>::len).filter(|given| *given != count) {
        return Err(ConnInfoError::ListLength { keyword: "hostaddr", given, hosts: count });
    }
    let mut hosts = Vec::new();
    for index in 0..count {
        let name = names.and_then(|names| names.get(index)).copied().unwrap_or_default();
        let text = addresses.and_then(|list| list.get(index)).copied().unwrap_or_default();
        let address = match (text.is_empty(), text.parse::<IpAddr>()) {
            (true, _) => None,
            (false, Ok(address)) => Some(address),
            (false, Err(_)) => {
                return match settings.get("hostaddr") {
                    Some(setting) => Err(setting.invalid("hostaddr", "IP addresses")),
                    None => Ok(hosts),
                };
            }
        };
        match (name, address) {
            ("", None) => hosts.extend(SOCKET_FOLDERS.map(|folder| Host::Unix(folder.into()))),
            (folder, None) if folder.starts_with(['/', '@']) => hosts.push(Host::Unix(folder.into())),
            ("", Some(address)) => {
                hosts.push(Host::Tcp { name: address.to_string(), address: Some(address) });
            }
            (name, address) => hosts.push(Host::Tcp { name: name.to_owned(), address }),
        }
    }
    Ok(hosts)
}

/// What the first field of a passfile line is compared with. libpq says `localhost` for its default socket folder.
fn passfile_name(host: &Host) -> String {
    match host {
        Host::Unix(folder) if SOCKET_FOLDERS.iter().any(|default| folder.as_os_str() == *default) => {
            "localhost".to_owned()
        }
        Host::Unix(folder) => folder.display().to_string(),
        Host::Tcp { name, .. } => name.clone(),
    }
}

fn keepalive(settings: &Settings) -> Result<Keepalive, ConnInfoError> {
    let seconds = |name| -> Result<Option<Duration>, ConnInfoError> {
        let number = settings.number(name)?.and_then(|value| u64::try_from(value).ok());
        Ok(number.filter(|value| *value > 0).map(Duration::from_secs))
    };
    let wanted = settings.number("keepalives")? != Some(0);
    let idle = seconds("keepalives_idle")?.unwrap_or(Duration::from_secs(15));
    let user_timeout = settings.number("tcp_user_timeout")?.and_then(|value| u64::try_from(value).ok());
    Ok(Keepalive {
        idle: wanted.then_some(idle),
        interval: Some(seconds("keepalives_interval")?.unwrap_or(Duration::from_secs(5))),
        count: Some(settings.number("keepalives_count")?.and_then(|n| u32::try_from(n).ok()).unwrap_or(3)),
        user_timeout: user_timeout
            .filter(|value| *value > 0)
            .map_or(DEFAULT_USER_TIMEOUT, Duration::from_millis),
    })
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(folder) => write!(f, "{}", folder.display()),
            Self::Tcp { name, .. } => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests;
