//! URIs: `postgresql://user:password@host1:5433,[::1]/dbname?sslmode=verify-full`.

use super::error::ConnInfoError;

/// Whether the text is meant as a URI.
pub(super) fn is_uri(text: &str) -> bool {
    strip(text).is_some()
}

fn strip(text: &str) -> Option<&str> {
    text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://"))
}

/// The pairs that the URI stands for, in libpq's keywords.
pub(super) fn parse(text: &str) -> Result<Vec<(String, String)>, ConnInfoError> {
    let Some(rest) = strip(text) else { return Err(error("it does not begin with postgresql://")) };
    let (rest, query) = rest.split_once('?').map_or((rest, None), |(head, query)| (head, Some(query)));
    let (authority, database) = rest.split_once('/').map_or((rest, None), |(head, path)| (head, Some(path)));
    // The last @ separates: a password that holds one unescaped is accepted by libpq only by luck, so be exact about it.
    let (credentials, hosts) = match authority.rsplit_once('@') {
        Some((credentials, hosts)) => (Some(credentials), hosts),
        None => (None, authority),
    };
    let mut pairs = Vec::new();
    if let Some(credentials) = credentials {
        let (user, password) = credentials.split_once(':').map_or((credentials, None), |(u, p)| (u, Some(p)));
        pairs.push(("user".to_owned(), decode(user)?));
        if let Some(password) = password {
            pairs.push(("password".to_owned(), decode(password)?));
        }
    }
    let (names, ports) = split_hosts(hosts)?;
    pairs.push(("host".to_owned(), names));
    pairs.push(("port".to_owned(), ports));
    if let Some(database) = database {
        pairs.push(("dbname".to_owned(), decode(database)?));
    }
    for parameter in query.into_iter().flat_map(|query| query.split('&')).filter(|part| !part.is_empty()) {
        let Some((name, value)) = parameter.split_once('=') else {
            return Err(error("a parameter after \"?\" has no \"=\""));
        };
        let (name, value) = (decode(name)?, decode(value)?);
        // libpq's one alias, for the sake of JDBC strings.
        if name == "ssl" && value == "true" {
            pairs.push(("sslmode".to_owned(), "require".to_owned()));
        } else {
            pairs.push((name, value));
        }
    }
    Ok(pairs)
}

/// `host1:5433,[::1]` as libpq's two lists.
fn split_hosts(text: &str) -> Result<(String, String), ConnInfoError> {
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for one in text.split(',') {
        let (name, port) = if let Some(rest) = one.strip_prefix('[') {
            let Some((address, tail)) = rest.split_once(']') else {
                return Err(error("\"[\" of an IPv6 address is not closed"));
            };
            match tail.strip_prefix(':') {
                Some(port) => (address, port),
                None if tail.is_empty() => (address, ""),
                None => return Err(error("unexpected text after \"]\"")),
            }
        } else {
            one.split_once(':').unwrap_or((one, ""))
        };
        names.push(decode(name)?);
        ports.push(port.to_owned());
    }
    let ports = if ports.iter().all(String::is_empty) { String::new() } else { ports.join(",") };
    Ok((names.join(","), ports))
}

/// Percent-decoding. `+` is an ordinary character, as in libpq.
fn decode(text: &str) -> Result<String, ConnInfoError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (Some(high), Some(low)) = (rest.next().and_then(hex), rest.next().and_then(hex)) else {
            return Err(error("\"%\" is not followed by two hexadecimal digits"));
        };
        match high * 16 + low {
            0 => return Err(error("%00 is not allowed")),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| error("a percent-encoded part is not UTF-8"))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn error(problem: &'static str) -> ConnInfoError {
    ConnInfoError::Uri { problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(uri: &str, name: &str) -> Option<String> {
        parse(uri).unwrap().into_iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    #[test]
    fn all_parts_are_decoded() {
        let uri =
            "postgresql://us%40er:p%3Aw@[::1]:5433,db2/my%20db?application_name=a%26b&options=-c%20x%3D1";
        for (name, expected) in [
            ("user", "us@er"),
            ("password", "p:w"),
            ("host", "::1,db2"),
            ("port", "5433,"),
            ("dbname", "my db"),
            ("application_name", "a&b"),
            ("options", "-c x=1"),
        ] {
            assert_eq!(value(uri, name).as_deref(), Some(expected), "{name}");
        }
    }

    #[test]
    fn a_socket_folder_stands_percent_encoded_in_the_host() {
        assert_eq!(value("postgres://%2Fvar%2Frun/d", "host").as_deref(), Some("/var/run"));
        assert_eq!(value("postgres:///d?host=/tmp", "host").as_deref(), Some("/tmp"));
    }

    #[test]
    fn broken_uris_are_refused() {
        for uri in [
            "postgres://%zz/",
            "postgres://[::1/x",
            "postgres://h/d?x",
            "postgres://a%00b/",
            "postgres://[::1]x/",
        ] {
            assert!(parse(uri).is_err(), "{uri}");
        }
    }
}
