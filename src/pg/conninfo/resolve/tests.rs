use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::super::environment::{FileKind, FileText, Files};
use super::super::transport::{ChannelBinding, Roots, Verify};
use super::*;

/// A file system of a few files, all owned by user 1000.
struct Shelf(BTreeMap<&'static str, (&'static str, u32)>);

impl Files for Shelf {
    fn read(&self, path: &Path) -> io::Result<FileText> {
        let found = path.to_str().and_then(|path| self.0.get(path));
        let (text, mode) = *found.ok_or(io::ErrorKind::NotFound)?;
        Ok(FileText { text: text.to_owned(), owner: 1000, mode, kind: FileKind::Regular })
    }
}

type Pairs<'a> = &'a [(&'static str, &'static str)];

fn environment(vars: Pairs<'_>, files: &[(&'static str, &'static str, u32)]) -> Environment {
    Environment {
        vars: vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        home: Some("/home/me".into()),
        os_user: Some("me".to_owned()),
        uid: 1000,
        files: Box::new(Shelf(files.iter().map(|(path, text, mode)| (*path, (*text, *mode))).collect())),
    }
}

fn from(dsn: Option<&str>, environment: &Environment) -> Result<ConnInfo, ConnInfoError> {
    resolve(&Request { dsn, origin: Origin::Private, plaintext: Plaintext::Refused }, environment)
}

fn error(dsn: &str, environment: &Environment) -> String {
    from(Some(dsn), environment).map(|_| ()).unwrap_err().to_string()
}

fn password(info: &ConnInfo) -> Option<&str> {
    info.endpoints[0].password.as_ref().map(Secret::reveal)
}

#[test]
fn without_anything_the_local_socket_is_tried_as_the_system_user() {
    let info = from(None, &environment(&[], &[])).unwrap();
    assert_eq!((info.user.as_str(), info.database.as_str()), ("me", "me"));
    let hosts: Vec<_> =
        info.endpoints.iter().map(|endpoint| (endpoint.host.to_string(), endpoint.port)).collect();
    assert_eq!(hosts, [("/var/run/postgresql".to_owned(), 5432), ("/tmp".to_owned(), 5432)]);
    assert!(info.endpoints.iter().all(|endpoint| matches!(endpoint.transport, Transport::Socket)));
    assert_eq!(info.connect_timeout, Duration::from_secs(10));
}

#[test]
fn a_string_beats_the_service_which_beats_the_environment() {
    let files = [("/etc/pg/services", "[app]\nhost=svc\nport=5433\ndbname=svcdb\n", 0o644)];
    let vars = [
        ("PGSERVICE", "app"),
        ("PGSERVICEFILE", "/etc/pg/services"),
        ("PGHOST", "envhost"),
        ("PGDATABASE", "envdb"),
        ("PGUSER", "envuser"),
    ];
    let info = from(Some("dbname=mine"), &environment(&vars, &files)).unwrap();
    assert_eq!(info.endpoints[0].host.to_string(), "svc");
    assert_eq!(info.endpoints[0].port, 5433);
    assert_eq!((info.database.as_str(), info.user.as_str()), ("mine", "envuser"));
}

#[test]
fn a_bare_word_is_a_database_name() {
    assert_eq!(from(Some("shop"), &environment(&[], &[])).unwrap().database, "shop");
}

#[test]
fn a_missing_service_names_the_files_that_were_searched() {
    let text = error("service=nope", &environment(&[], &[]));
    assert!(text.contains("nope") && text.contains("/home/me/.pg_service.conf"), "{text}");
}

#[test]
fn a_password_on_the_command_line_is_refused_and_elsewhere_accepted() {
    for dsn in ["postgres://u:secret@/d", "user=u password=secret"] {
        let request = Request { dsn: Some(dsn), origin: Origin::Argv, plaintext: Plaintext::Refused };
        let refused = resolve(&request, &environment(&[], &[])).map(|_| ()).unwrap_err();
        assert!(matches!(refused, ConnInfoError::PasswordOnArgv));
        assert!(!refused.to_string().contains("secret"));
        assert_eq!(password(&from(Some(dsn), &environment(&[], &[])).unwrap()), Some("secret"));
    }
}

#[test]
fn the_passfile_is_read_per_host_and_only_when_nothing_else_names_a_password() {
    let files = [("/home/me/.pgpass", "db2:*:*:me:two\nlocalhost:*:*:me:sock\n", 0o600)];
    let info = from(Some("host=db1,db2"), &environment(&[], &files)).unwrap();
    let found: Vec<_> = info.endpoints.iter().map(|e| e.password.as_ref().map(Secret::reveal)).collect();
    assert_eq!(found, [None, Some("two")]);
    assert_eq!(password(&from(None, &environment(&[], &files)).unwrap()), Some("sock"));
    let info = from(Some("host=db2"), &environment(&[("PGPASSWORD", "env")], &files)).unwrap();
    assert_eq!(password(&info), Some("env"));
    assert!(info.password_from_environment);
}

#[test]
fn a_readable_passfile_is_an_error_and_dev_null_means_none() {
    let files = [("/home/me/.pgpass", "*:*:*:*:x\n", 0o644)];
    let text = error("host=db1", &environment(&[], &files));
    assert!(text.contains("chmod 600") && text.contains("644"), "{text}");
    let quiet = environment(&[("PGPASSFILE", "/dev/null")], &files);
    assert_eq!(password(&from(Some("host=db1"), &quiet).unwrap()), None);
}

#[test]
fn tcp_is_verified_by_default_and_never_opportunistic() {
    let nothing = environment(&[], &[]);
    for (dsn, verify) in [
        ("host=db1", Verify::ChainAndName),
        ("host=db1 sslmode=require", Verify::ChainAndName),
        ("host=db1 sslmode=verify-full", Verify::ChainAndName),
        ("host=db1 sslmode=verify-ca", Verify::Chain),
    ] {
        let info = from(Some(dsn), &nothing).unwrap();
        let Transport::Tls(policy) = &info.endpoints[0].transport else { panic!("{dsn}: no TLS") };
        assert_eq!((policy.verify, &policy.roots), (verify, &Roots::System), "{dsn}");
    }
    for mode in ["allow", "prefer"] {
        let text = error(&format!("host=db1 sslmode={mode}"), &nothing);
        assert!(text.contains("verify-full"), "{text}");
        assert!(from(Some(&format!("host=/tmp sslmode={mode}")), &nothing).is_ok());
    }
}

#[test]
fn clear_text_needs_consent_and_a_loopback_address() {
    let nothing = environment(&[], &[]);
    let with =
        |dsn, plaintext| resolve(&Request { dsn: Some(dsn), origin: Origin::Argv, plaintext }, &nothing);
    assert!(with("host=127.0.0.1 sslmode=disable", Plaintext::Refused).is_err());
    assert!(with("host=db1 sslmode=disable", Plaintext::OnLoopback).is_err());
    for dsn in
        ["host=127.0.0.1 sslmode=disable", "host=::1 sslmode=disable", "host=localhost sslmode=disable"]
    {
        let info = with(dsn, Plaintext::OnLoopback).map_err(|e| e.to_string()).unwrap();
        assert!(matches!(info.endpoints[0].transport, Transport::Plain), "{dsn}");
    }
    // A name that hides another address behind hostaddr.
    assert!(with("host=localhost hostaddr=10.0.0.1 sslmode=disable", Plaintext::OnLoopback).is_err());
}

#[test]
fn channel_binding_is_required_as_soon_as_there_is_a_password() {
    let binding = |dsn: &str| {
        let info = from(Some(dsn), &environment(&[], &[])).unwrap();
        match &info.endpoints[0].transport {
            Transport::Tls(policy) => policy.channel_binding(info.endpoints[0].password.as_ref()),
            Transport::Plain | Transport::Socket => panic!("{dsn}: no TLS"),
        }
    };
    assert_eq!(binding("host=db1 password=x"), ChannelBinding::Require);
    assert_eq!(binding("host=db1"), ChannelBinding::Prefer);
    assert_eq!(binding("host=db1 password=x channel_binding=disable"), ChannelBinding::Disable);
}

#[test]
fn a_root_file_is_read_and_a_missing_one_is_an_error() {
    let files = [("/home/me/.postgresql/root.crt", "PEM", 0o644)];
    let info = from(Some("host=db1"), &environment(&[], &files)).unwrap();
    let Transport::Tls(policy) = &info.endpoints[0].transport else { panic!("no TLS") };
    assert!(matches!(&policy.roots, Roots::Pem { text, .. } if text == "PEM"));
    assert!(error("host=db1 sslrootcert=/nope", &environment(&[], &[])).contains("/nope"));
}

#[test]
fn a_client_key_that_others_can_read_is_refused() {
    let files = |mode| [("/c.crt", "CERT", 0o644), ("/c.key", "KEY", mode)];
    let dsn = "host=db1 sslcert=/c.crt sslkey=/c.key";
    assert!(error(dsn, &environment(&[], &files(0o644))).contains("client key"));
    assert!(from(Some(dsn), &environment(&[], &files(0o600))).is_ok());
}

#[test]
fn lists_of_hosts_ports_and_addresses_go_together() {
    let nothing = environment(&[], &[]);
    let info = from(Some("host=a,b hostaddr=10.0.0.1,10.0.0.2 port=1,2"), &nothing).unwrap();
    assert_eq!(info.endpoints[1].port, 2);
    assert_eq!(
        info.endpoints[1].host,
        Host::Tcp { name: "b".to_owned(), address: Some("10.0.0.2".parse().unwrap()) }
    );
    assert!(error("host=a,b,c port=1,2", &nothing).contains("\"port\""));
    assert!(error("host=a,b hostaddr=10.0.0.1", &nothing).contains("\"hostaddr\""));
    assert!(error("host=a port=99999", &nothing).contains("65535"));
    assert!(error("hostaddr=nonsense", &nothing).contains("IP addresses"));
}

#[test]
fn unknown_and_unsupported_keywords_are_told_apart() {
    let nothing = environment(&[], &[]);
    assert!(error("hots=a", &nothing).contains("unknown connection keyword \"hots\""));
    assert!(error("host=a sslcrl=/x", &nothing).contains("revocation"));
    assert!(error("host=a load_balance_hosts=random", &nothing).contains("which server"));
    assert!(
        from(Some("host=a gssencmode=prefer client_encoding=latin1 replication=false"), &nothing).is_ok()
    );
    let from_variable = environment(&[("PGREQUIREPEER", "postgres")], &[]);
    assert!(error("host=a", &from_variable).contains("PGREQUIREPEER"));
}

#[test]
fn empty_values_fall_through_to_the_next_layer() {
    let info =
        from(Some("host='' dbname="), &environment(&[("PGDATABASE", "envdb"), ("PGUSER", "")], &[])).unwrap();
    assert_eq!((info.database.as_str(), info.user.as_str()), ("envdb", "me"));
}

#[test]
fn session_attributes_and_times_are_understood() {
    let dsn = "target_session_attrs=prefer-standby connect_timeout=3 keepalives=0 tcp_user_timeout=1500";
    let info = from(Some(dsn), &environment(&[], &[])).unwrap();
    assert_eq!(info.session_attrs, SessionAttrs::PreferStandby);
    assert_eq!(info.connect_timeout, Duration::from_secs(3));
    assert_eq!((info.keepalive.idle, info.keepalive.user_timeout), (None, Duration::from_millis(1500)));
    assert!(error("connect_timeout=soon", &environment(&[], &[])).contains("whole number"));
}
