//! libpq's connection keywords (as of PostgreSQL 18), the variable of each, and what is done with them.

/// What happens to a keyword.
#[derive(Clone, Copy)]
pub(super) enum Treatment {
    /// It takes effect.
    Used,
    /// It has no effect here and none that an operator could miss.
    Ignored,
    /// It is an error, unless the value is one that asks for nothing.
    Refused {
        /// Values that mean what happens anyway.
        harmless: &'static [&'static str],
        /// Why, and what to do instead.
        reason: &'static str,
    },
}

/// A keyword of a connection string.
pub(super) struct Keyword {
    pub(super) name: &'static str,
    pub(super) variable: Option<&'static str>,
    pub(super) treatment: Treatment,
}

const fn used(name: &'static str, variable: Option<&'static str>) -> Keyword {
    Keyword { name, variable, treatment: Treatment::Used }
}

const fn ignored(name: &'static str, variable: Option<&'static str>) -> Keyword {
    Keyword { name, variable, treatment: Treatment::Ignored }
}

const fn refused(
    name: &'static str,
    variable: Option<&'static str>,
    harmless: &'static [&'static str],
    reason: &'static str,
) -> Keyword {
    Keyword { name, variable, treatment: Treatment::Refused { harmless, reason } }
}

const NO_REVOCATION: &str = "revocation lists are not checked, and going on without one would be less than was asked for; pin the server's \
     certificate in sslrootcert instead";
const NO_GSS: &str =
    "Kerberos is not built in; use a password with SCRAM, a client certificate or a unix socket";
const NO_OAUTH: &str =
    "OAuth is not built in; use a password with SCRAM, a client certificate or a unix socket";

/// All keywords, with the variable that stands in for each.
pub(super) const KEYWORDS: &[Keyword] = &[
    used("service", Some("PGSERVICE")),
    used("servicefile", Some("PGSERVICEFILE")),
    used("user", Some("PGUSER")),
    used("password", Some("PGPASSWORD")),
    used("passfile", Some("PGPASSFILE")),
    used("dbname", Some("PGDATABASE")),
    used("host", Some("PGHOST")),
    used("hostaddr", Some("PGHOSTADDR")),
    used("port", Some("PGPORT")),
    used("options", Some("PGOPTIONS")),
    used("application_name", Some("PGAPPNAME")),
    used("fallback_application_name", None),
    used("connect_timeout", Some("PGCONNECT_TIMEOUT")),
    used("keepalives", None),
    used("keepalives_idle", None),
    used("keepalives_interval", None),
    used("keepalives_count", None),
    used("tcp_user_timeout", None),
    used("sslmode", Some("PGSSLMODE")),
    used("sslnegotiation", Some("PGSSLNEGOTIATION")),
    used("sslrootcert", Some("PGSSLROOTCERT")),
    used("sslcert", Some("PGSSLCERT")),
    used("sslkey", Some("PGSSLKEY")),
    used("ssl_min_protocol_version", Some("PGSSLMINPROTOCOLVERSION")),
    used("channel_binding", Some("PGCHANNELBINDING")),
    used("target_session_attrs", Some("PGTARGETSESSIONATTRS")),
    ignored("client_encoding", Some("PGCLIENTENCODING")),
    ignored("sslcompression", Some("PGSSLCOMPRESSION")),
    ignored("sslsni", Some("PGSSLSNI")),
    ignored("krbsrvname", Some("PGKRBSRVNAME")),
    ignored("gsslib", Some("PGGSSLIB")),
    ignored("gssdelegation", Some("PGGSSDELEGATION")),
    ignored("min_protocol_version", Some("PGMINPROTOCOLVERSION")),
    ignored("max_protocol_version", Some("PGMAXPROTOCOLVERSION")),
    refused(
        "ssl_max_protocol_version",
        Some("PGSSLMAXPROTOCOLVERSION"),
        &["TLSv1.3"],
        "the newest protocol that both sides know is used",
    ),
    refused("sslcrl", Some("PGSSLCRL"), &[], NO_REVOCATION),
    refused("sslcrldir", Some("PGSSLCRLDIR"), &[], NO_REVOCATION),
    refused("sslpassword", None, &[], "encrypted client keys are not read; use a key file with mode 600"),
    refused(
        "sslcertmode",
        Some("PGSSLCERTMODE"),
        &["allow"],
        "a client certificate is sent when sslcert names one and the server asks for it",
    ),
    refused("sslkeylogfile", None, &[], "writing session keys to a file would give the connection away"),
    refused("requirepeer", Some("PGREQUIREPEER"), &[], "the owner of the socket's server is not checked"),
    refused(
        "require_auth",
        Some("PGREQUIREAUTH"),
        &[],
        "the method cannot be demanded; channel_binding=require (the default with a password over TLS) already asks \
         for SCRAM",
    ),
    refused("gssencmode", Some("PGGSSENCMODE"), &["disable", "prefer"], NO_GSS),
    refused("oauth_issuer", None, &[], NO_OAUTH),
    refused("oauth_client_id", None, &[], NO_OAUTH),
    refused("oauth_client_secret", None, &[], NO_OAUTH),
    refused("oauth_scope", None, &[], NO_OAUTH),
    refused("scram_client_key", None, &[], "pass-through keys are for proxies; give the password"),
    refused("scram_server_key", None, &[], "pass-through keys are for proxies; give the password"),
    refused(
        "replication",
        None,
        &["false", "off", "no", "0"],
        "replication connections cannot run statements of a rollout",
    ),
    refused(
        "load_balance_hosts",
        Some("PGLOADBALANCEHOSTS"),
        &["disable"],
        "an operator has to know which server is worked on: hosts are tried in the given order",
    ),
];

/// The keyword of that name.
pub(super) fn find(name: &str) -> Option<&'static Keyword> {
    KEYWORDS.iter().find(|keyword| keyword.name == name)
}
