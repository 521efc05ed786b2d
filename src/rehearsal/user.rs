//! Who the throwaway server runs as. PostgreSQL refuses root, and a uid without an account ("could not look up
//! effective user ID"), so root hands the server to another account of the system.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::surroundings::Surroundings;

/// An account of the system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemUser {
    /// Login name.
    pub name: String,
    /// User id, never 0.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
}

/// Why no account can run the server.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The account file is not readable.
    #[error("the accounts of this system cannot be read from {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// There is no account that a server could run as.
    #[error(
        "PostgreSQL refuses to run as root, and this system has neither the user who called sudo nor `postgres` nor `nobody`"
    )]
    NoAccount,
}

/// The account that root runs the server as: the user who called sudo, else `postgres`, else `nobody`.
/// `None` for an ordinary user, who runs it as themselves.
pub fn server_user(surroundings: &Surroundings) -> Result<Option<SystemUser>, UserError> {
    if !surroundings.is_root() {
        return Ok(None);
    }
    let path = surroundings.system("/etc/passwd");
    let accounts = fs_err::read_to_string(&path)
        .map_err(|source| UserError::Unreadable { path: path.clone(), source })?;
    choose(&accounts, surroundings.sudo_uid).map(Some).ok_or(UserError::NoAccount)
}

fn choose(accounts: &str, sudo_uid: Option<u32>) -> Option<SystemUser> {
    let users: Vec<SystemUser> = accounts.lines().filter_map(parse).filter(|user| user.uid != 0).collect();
    let called_sudo = sudo_uid.and_then(|uid| users.iter().find(|user| user.uid == uid));
    let by_name = |name: &str| users.iter().find(|user| user.name == name);
    called_sudo.or_else(|| by_name("postgres")).or_else(|| by_name("nobody")).cloned()
}

fn parse(line: &str) -> Option<SystemUser> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let (uid, gid) = (fields.nth(1)?, fields.next()?);
    // macOS writes `nobody` as -2.
    let id = |text: &str| text.parse::<i64>().ok().map(|id| id as u32);
    Some(SystemUser { name, uid: id(uid)?, gid: id(gid)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNTS: &str = "root:x:0:0:root:/root:/bin/bash\n\
        nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n\
        postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash\n\
        ada:x:1000:1000::/home/ada:/bin/bash\n";

    #[test]
    fn the_caller_of_sudo_comes_first_then_postgres_then_nobody() {
        let name = |accounts, uid| choose(accounts, uid).map(|user| user.name);
        assert_eq!(name(ACCOUNTS, Some(1000)).as_deref(), Some("ada"));
        assert_eq!(name(ACCOUNTS, None).as_deref(), Some("postgres"));
        assert_eq!(
            name(ACCOUNTS, Some(4711)).as_deref(),
            Some("postgres"),
            "a uid without an account is refused"
        );
        assert_eq!(name(ACCOUNTS, Some(0)).as_deref(), Some("postgres"), "root is never chosen");
        let (without, _) = ACCOUNTS.split_once("postgres:").expect("the line is there");
        assert_eq!(name(without, None).as_deref(), Some("nobody"));
        assert_eq!(name("root:x:0:0::/root:/bin/sh\n", Some(1000)), None);
    }

    #[test]
    fn the_group_is_the_accounts_primary_group() {
        let user = choose(ACCOUNTS, None).expect("postgres");
        assert_eq!((user.uid, user.gid), (101, 104));
    }

    #[test]
    fn an_ordinary_user_needs_no_other_account() {
        let plain = Surroundings { euid: 1000, ..Surroundings::default() };
        assert_eq!(server_user(&plain).expect("no account file is read"), None);
    }
}
