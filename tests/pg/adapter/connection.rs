//! Proof of a direct session, read-only sessions, servers that are none.

use std::time::Duration;

use cicerone::domain::failure::FailureClass;
use cicerone::pg::PgCatalog;
use cicerone::pg::connect::{Access, Ask, ConnectError, Connector, Indirect, Port, SearchPath, Translation};
use cicerone::pg::tls::TlsFault;
use cicerone::ports::Catalog;
use cicerone::rehearsal::cluster::Cluster;
use cicerone::rehearsal::guard::Listen;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::{MAJOR, connector, entry, link, only, resolve, spawner};
use crate::support::cluster::{database, spec};

fn ask(access: Access) -> Ask {
    Ask { name: "cicerone/test/connection".to_owned(), access, path: SearchPath::Ours }
}

async fn refused(dsn: &str) -> ConnectError {
    connector(dsn).open(&ask(Access::ReadWrite)).await.map(|_| ()).unwrap_err()
}

#[tokio::test]
async fn a_socket_session_is_proven_direct_and_names_its_backend() {
    let database = database(MAJOR).await;
    let session = connector(&database.conninfo()).open(&ask(Access::ReadWrite)).await.unwrap();
    assert_eq!(session.proof().port, Port::Unix);
    let other = database.connect().await;
    let sql = "SELECT backend_start, application_name FROM pg_stat_activity WHERE pid = $1";
    let row = other.query_one(sql, &[&session.backend().pid.0]).await.unwrap();
    assert_eq!(row.get::<_, jiff::Timestamp>(0), session.backend().started);
    assert_eq!(row.get::<_, &str>(1), "cicerone/test/connection");
}

#[tokio::test]
async fn the_target_is_read_with_its_timeline() {
    let database = database(MAJOR).await;
    let target = PgCatalog::new(link(&database, Access::ReadOnly)).target().await.unwrap();
    assert_eq!(target.identity.major(), MAJOR);
    assert_eq!(target.identity.timeline, Some(1));
    assert_eq!(target.identity.database, database.name);
    assert!(target.version.starts_with("PostgreSQL 15."), "{}", target.version);
    assert_eq!(target.transport.word(), "socket");
}

#[tokio::test]
async fn a_read_only_session_cannot_even_make_a_temporary_table() {
    let database = database(MAJOR).await;
    database.connect().await.batch_execute("CREATE TABLE t (x int)").await.unwrap();
    let entries = [entry("CREATE INDEX CONCURRENTLY ix ON t (x)")];
    let facts = PgCatalog::new(link(&database, Access::ReadOnly)).facts(&entries).await.unwrap();
    assert_eq!(only(&facts.expected).unwrap_err().class, FailureClass::ReadOnly);
    assert_eq!(facts.tables.len(), 1);
}

#[tokio::test]
async fn the_end_of_a_session_is_noticed() {
    let database = database(MAJOR).await;
    let session = connector(&database.conninfo()).open(&ask(Access::ReadWrite)).await.unwrap();
    let end = session.end();
    let other = database.connect().await;
    other.execute("SELECT pg_terminate_backend($1)", &[&session.backend().pid.0]).await.unwrap();
    tokio::time::timeout(Duration::from_secs(30), end.wait()).await.unwrap();
    assert!(session.is_closed());
}

/// A server that also listens on 127.0.0.1.
async fn tcp_cluster() -> Cluster {
    let mut spec = spec(MAJOR, &[]);
    spec.listen = Listen::Loopback;
    Cluster::start(spec).await.unwrap()
}

/// Forwards each connection to `to`, as an SSH tunnel or a pooler in session mode would.
async fn tunnel(to: u16) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    Handle::current().spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
            Handle::current().spawn(async move { copy_bidirectional(&mut client, &mut server).await.ok() });
        }
    });
    port
}

#[tokio::test]
async fn over_tcp_the_ports_have_to_agree_unless_somebody_vouches_for_a_tunnel() {
    let cluster = tcp_cluster().await;
    let dsn = format!("{} sslmode=disable", cluster.conninfo_tcp("postgres").unwrap());
    let session = connector(&dsn).open(&ask(Access::ReadWrite)).await.unwrap();
    assert_eq!(session.proof().port, Port::Same);

    let tunnelled = format!("{dsn} port={}", tunnel(cluster.port()).await);
    let ConnectError::NotDirect { evidence, .. } = refused(&tunnelled).await else { panic!("not noticed") };
    assert!(matches!(evidence, Indirect::OtherPort { ours, seen } if ours != seen));
    let vouched = Connector::new(resolve(&tunnelled), Translation::Vouched, spawner()).unwrap();
    assert_eq!(vouched.open(&ask(Access::ReadWrite)).await.unwrap().proof().port, Port::Translated);
    cluster.stop().await;
}

#[tokio::test]
async fn a_server_without_tls_gets_no_password() {
    let cluster = tcp_cluster().await;
    let dsn = format!("{} sslmode=require password=secret", cluster.conninfo_tcp("postgres").unwrap());
    assert!(matches!(refused(&dsn).await, ConnectError::Tls { fault: TlsFault::NotOffered, .. }));
    cluster.stop().await;
}

/// A server of one connection that answers each message with the next of `answers`; everything received comes back.
async fn impostor(answers: Vec<Vec<u8>>) -> (u16, oneshot::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (done, received) = oneshot::channel();
    Handle::current().spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
        let mut answers = answers.into_iter();
        while let Ok(read) = stream.read(&mut buffer).await {
            if read == 0 {
                break;
            }
            all.extend_from_slice(&buffer[..read]);
            match answers.next() {
                Some(answer) => stream.write_all(&answer).await.unwrap(),
                None => break,
            }
        }
        done.send(all).ok();
    });
    (port, received)
}

#[tokio::test]
async fn somebody_who_answers_no_to_tls_receives_eight_bytes_and_no_more() {
    let (port, received) = impostor(vec![b"N".to_vec(), Vec::new()]).await;
    let dsn = format!("host=127.0.0.1 port={port} user=u password=canary sslmode=verify-full");
    assert!(matches!(refused(&dsn).await, ConnectError::Tls { fault: TlsFault::NotOffered, .. }));
    assert_eq!(received.await.unwrap().len(), 8);
}

#[tokio::test]
async fn a_pooler_that_refuses_startup_options_is_called_what_it_is() {
    let mut fatal = b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0".to_vec();
    let length = u32::try_from(fatal.len() + 4).unwrap().to_be_bytes();
    fatal.splice(0..0, [b'E'].into_iter().chain(length));
    let (port, _received) = impostor(vec![fatal]).await;
    let dsn = format!("host=127.0.0.1 port={port} user=u sslmode=disable");
    assert!(matches!(
        refused(&dsn).await,
        ConnectError::NotDirect { evidence: Indirect::OptionsRefused { .. }, .. }
    ));
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_is_given_up_at_the_deadline() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let dsn = format!("host=127.0.0.1 port={port} user=u sslmode=disable connect_timeout=1");
    let ConnectError::NoAnswer { after, .. } = refused(&dsn).await else { panic!("another end") };
    assert_eq!(after, Duration::from_secs(1));
}

#[tokio::test]
async fn the_next_server_of_the_list_is_tried_when_one_is_not_there() {
    let database = database(MAJOR).await;
    let socket = database.cluster.socket_dir().display();
    let dsn = format!("{} host='/nowhere,{socket}'", database.conninfo());
    let session = connector(&dsn).open(&ask(Access::ReadWrite)).await.unwrap();
    assert!(session.place().starts_with(&socket.to_string()));
    let standby = format!("{dsn} target_session_attrs=standby");
    assert!(refused(&standby).await.to_string().contains("not standby"));
    let either = format!("{dsn} target_session_attrs=prefer-standby");
    assert!(connector(&either).open(&ask(Access::ReadOnly)).await.is_ok());
}
