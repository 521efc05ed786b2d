//! A socket between the binary and its server that keeps the first packet of every session.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

use crate::program::Home;
use crate::server::Database;

/// Length of a cancel request, which opens no session.
const CANCEL_REQUEST: usize = 16;

pub(crate) struct Wire {
    folder: PathBuf,
    database: String,
    startups: Arc<Mutex<Vec<String>>>,
    listener: JoinHandle<()>,
}

impl Wire {
    /// Listens in `home` and leads to `database`.
    pub(crate) fn tap(home: &Home, database: &Database) -> Self {
        let folder = home.path().join("wire");
        fs_err::create_dir(&folder).expect("a folder");
        let listener = UnixListener::bind(folder.join(".s.PGSQL.5432")).expect("a socket");
        let port = database.cluster.port();
        let server = database.cluster.socket_dir().join(format!(".s.PGSQL.{port}"));
        let startups = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&startups);
        #[expect(clippy::disallowed_methods, reason = "a test's own task, ended with the tap")]
        let listener = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(client, server.clone(), Arc::clone(&kept)));
            }
        });
        Self { folder, database: database.name.clone(), startups, listener }
    }

    pub(crate) fn conninfo(&self) -> String {
        format!("host='{}' port=5432 user=postgres dbname={}", self.folder.display(), self.database)
    }

    /// Parameters of every session so far, as sent.
    pub(crate) fn startups(&self) -> Vec<String> {
        self.startups.lock().expect("no panic").clone()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn pass_on(
    mut client: UnixStream,
    server: PathBuf,
    kept: Arc<Mutex<Vec<String>>>,
) -> std::io::Result<()> {
    let mut server = UnixStream::connect(server).await?;
    let length = client.read_u32().await?;
    let mut body = vec![0; length as usize - 4];
    client.read_exact(&mut body).await?;
    if length as usize != CANCEL_REQUEST {
        kept.lock().expect("no panic").push(String::from_utf8_lossy(&body[4..]).replace('\0', " "));
    }
    server.write_u32(length).await?;
    server.write_all(&body).await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
