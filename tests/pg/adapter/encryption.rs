//! TLS and SCRAM against a real server with each style of certificate.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use cicerone::pg::PgCatalog;
use cicerone::pg::connect::{Access, Ask, ConnectError, SearchPath};
use cicerone::pg::tls::TlsFault;
use cicerone::ports::Catalog;
use cicerone::rehearsal::cluster::Cluster;
use cicerone::rehearsal::guard::Listen;
use tempfile::TempDir;

use super::{MAJOR, connector, link_to};
use crate::support::cluster::spec;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tls");

/// A server with TLS, the certificate `name`, and SCRAM (or a client certificate for role `postgres`) over it.
struct TlsServer {
    cluster: Cluster,
    folder: TempDir,
}

impl TlsServer {
    async fn start(name: &str, method: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut spec = spec(MAJOR, &[]);
        let give = |file: &Path, mode: u32| {
            if let Some(user) = &spec.run_as {
                chown(file, Some(user.uid), Some(user.gid)).unwrap();
            }
            fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
        };
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let place = |file: &str, mode| {
            let path = folder.path().join(file);
            fs::copy(Path::new(FIXTURES).join(file), &path).unwrap();
            give(&path, mode);
            path.display().to_string()
        };
        let hba = folder.path().join("hba.conf");
        fs::write(&hba, format!("local all all trust\nhostssl all all 127.0.0.1/32 {method}\n")).unwrap();
        give(&hba, 0o644);
        let certificate = place(&format!("{name}.pem"), 0o644);
        let key = place(&format!("{name}.key"), 0o600);
        let authority = place("ca.pem", 0o644);
        spec.settings = [
            ("ssl", "on".to_owned()),
            ("ssl_cert_file", certificate),
            ("ssl_key_file", key),
            ("ssl_ca_file", authority),
            ("hba_file", hba.display().to_string()),
            ("password_encryption", "scram-sha-256".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        spec.listen = Listen::Loopback;
        let cluster = Cluster::start(spec).await.unwrap();
        let admin =
            cicerone::rehearsal::connect::connect(&cluster.conninfo("postgres"), "test").await.unwrap();
        admin.batch_execute("ALTER ROLE postgres PASSWORD 'canary'").await.unwrap();
        Self { cluster, folder }
    }

    fn dsn(&self, more: &str) -> String {
        format!("{} password=canary {more}", self.cluster.conninfo_tcp("postgres").unwrap())
    }

    async fn fault(&self, more: &str) -> Option<TlsFault> {
        match open(&self.dsn(more)).await {
            Ok(()) => None,
            Err(ConnectError::Tls { fault, .. }) => Some(fault),
            Err(other) => panic!("{more}: {other}"),
        }
    }
}

async fn open(dsn: &str) -> Result<(), ConnectError> {
    let ask = Ask { name: "cicerone/test".to_owned(), access: Access::ReadOnly, path: SearchPath::Ours };
    connector(dsn).open(&ask).await.map(drop)
}

fn root(name: &str) -> String {
    format!("sslrootcert='{FIXTURES}/{name}.pem'")
}

#[tokio::test]
async fn a_chain_and_a_name_are_verified_and_scram_is_bound_to_the_session() {
    let server = TlsServer::start("server", "scram-sha-256").await;
    for mode in ["require", "verify-ca", "verify-full"] {
        assert_eq!(server.fault(&format!("sslmode={mode} {}", root("ca"))).await, None, "{mode}");
    }
    // Without a mode at all it is no less.
    assert_eq!(server.fault(&root("ca")).await, None);
    assert_eq!(server.fault(&format!("host=localhost hostaddr=127.0.0.1 {}", root("ca"))).await, None);
    assert_eq!(server.fault(&format!("ssl_min_protocol_version=TLSv1.3 {}", root("ca"))).await, None);
    assert_eq!(server.fault(&root("selfsigned")).await, Some(TlsFault::UnknownIssuer));
    let target = PgCatalog::new(link_to(&server.dsn(&root("ca")))).target().await.unwrap();
    assert_eq!(target.transport.word(), "TLS");

    let none = format!("{} {}", server.cluster.conninfo_tcp("postgres").unwrap(), root("ca"));
    assert!(matches!(open(&none).await.unwrap_err(), ConnectError::PasswordNeeded { .. }));
    let wrong = open(&server.dsn(&format!("password=wrong {}", root("ca")))).await.unwrap_err();
    assert!(matches!(&wrong, ConnectError::Refused { error, .. } if error.state.0 == "28P01"), "{wrong}");
    server.cluster.stop().await;
}

#[tokio::test]
async fn a_name_that_does_not_fit_is_refused_unless_only_the_chain_counts() {
    let server = TlsServer::start("elsewhere", "scram-sha-256").await;
    let Some(TlsFault::WrongName { expected, presented }) = server.fault(&root("ca")).await else {
        panic!("accepted");
    };
    assert_eq!(expected, "127.0.0.1");
    assert!(presented.iter().any(|name| name.contains("elsewhere.test")), "{presented:?}");
    assert_eq!(server.fault(&format!("sslmode=verify-ca {}", root("ca"))).await, None);
    let pinned = server.fault(&root("elsewhere")).await;
    assert!(matches!(pinned, Some(TlsFault::WrongName { .. })), "a pin does not excuse the name");
    server.cluster.stop().await;
}

#[tokio::test]
async fn a_self_signed_certificate_is_accepted_as_a_pin_and_only_for_its_name() {
    let server = TlsServer::start("selfsigned", "scram-sha-256").await;
    let by_name = "host=localhost hostaddr=127.0.0.1";
    assert_eq!(server.fault(&format!("{by_name} {}", root("selfsigned"))).await, None);
    let by_address = server.fault(&root("selfsigned")).await;
    assert!(matches!(by_address, Some(TlsFault::WrongName { .. })), "{by_address:?}");
    let unpinned = server.fault(&format!("{by_name} {}", root("ca"))).await;
    assert_eq!(unpinned, Some(TlsFault::SelfSignedAuthority));
    server.cluster.stop().await;
}

#[tokio::test]
async fn a_certificate_of_version_1_is_refused_with_the_way_to_a_better_one() {
    let server = TlsServer::start("version1", "scram-sha-256").await;
    let fault = server.fault(&format!("host=localhost hostaddr=127.0.0.1 {}", root("ca"))).await.unwrap();
    assert_eq!(fault, TlsFault::Version1);
    assert!(fault.to_string().contains("subjectAltName"));
    server.cluster.stop().await;
}

#[tokio::test]
async fn a_server_that_wants_the_password_in_clear_gets_none_unless_told_so() {
    let server = TlsServer::start("server", "password").await;
    let refusal = open(&server.dsn(&root("ca"))).await.unwrap_err();
    assert!(refusal.to_string().contains("channel_binding"), "{refusal}");
    open(&server.dsn(&format!("channel_binding=prefer {}", root("ca")))).await.unwrap();
    server.cluster.stop().await;
}

#[tokio::test]
async fn a_client_certificate_logs_in_without_a_password() {
    let server = TlsServer::start("server", "cert").await;
    let key = server.folder.path().join("client.key");
    fs::copy(Path::new(FIXTURES).join("client.key"), &key).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let with = format!("sslcert='{FIXTURES}/client.pem' sslkey='{}'", key.display());
    let dsn = format!("{} {with} {}", server.cluster.conninfo_tcp("postgres").unwrap(), root("ca"));
    open(&dsn).await.unwrap();
    let without = open(&server.dsn(&format!("channel_binding=prefer {}", root("ca")))).await.unwrap_err();
    assert!(without.to_string().contains("certificate"), "{without}");
    server.cluster.stop().await;
}
