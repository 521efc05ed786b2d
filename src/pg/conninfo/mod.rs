//! Where to connect, by libpq's own conventions: tokio-postgres 0.7.18 reads none of them.
//!
//! ```text
//! connection string  >  service file  >  PG* environment  >  defaults
//! (keyword/value, URI,   PGSERVICE,                            OS user, socket folders,
//!  or a bare database    ~/.pg_service.conf                    5432, 10 s, verified TLS
//!  name)
//! ```
//!
//! The environment and the files come in as a value ([`Environment`]), so that a test decides what is in them and
//! nothing below `cli` reads the process. Three things are stricter than libpq, on purpose:
//!
//! - a password in a string from the command line is refused: argv is visible to every user of the machine;
//! - a passfile that others can read is an error, where libpq warns and goes on without it;
//! - TLS over TCP always verifies chain and host unless `verify-ca` or a pinned certificate says otherwise, and
//!   `prefer`, `allow` and a missing mode never fall back to clear text: a server that answers "N" would get the password.

mod environment;
mod error;
mod keyword;
mod passfile;
mod resolve;
mod service;
mod setting;
mod string;
mod transport;
mod uri;

pub use environment::{Environment, FileKind, FileText, Files, OnDisk};
pub use error::{ConnInfoError, PassfileFault};
pub use resolve::{ConnInfo, Endpoint, Host, Keepalive, Request, SessionAttrs, resolve};
pub use setting::{Origin, Source};
pub use transport::{
    ChannelBinding, ClientIdentity, Plaintext, Roots, TlsPolicy, TlsVersion, Transport, Verify,
};
