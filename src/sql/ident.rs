//! Quoting and folding of identifiers, by PostgreSQL's rules for a database in UTF-8.

use std::borrow::Cow;

use super::keyword::is_restricted;

/// Longest identifier that PostgreSQL keeps, in bytes (`NAMEDATALEN - 1`). Longer ones are cut with a NOTICE, so that
/// two long names can become one; everything here refuses them instead.
pub const MAX_IDENT_BYTES: usize = 63;

/// An identifier as it must stand in SQL: bare when every supported version reads it back as it is, quoted otherwise.
///
/// Bare means `[a-z_][a-z0-9_$]*` and no keyword of any category but "unreserved", like the server's own
/// `quote_ident()`.
pub fn quote_ident(name: &str) -> String {
    if is_bare_name(name) { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// Whether a name may stand bare wherever a name may stand.
pub(crate) fn is_bare_name(name: &str) -> bool {
    is_plain(name) && !is_restricted(name)
}

/// `schema.name`, each part quoted where it must be.
pub fn quote_qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quote_ident(schema), quote_ident(name))
}

/// The name that an identifier token stands for: the inside of a quoted one, the lower-case form of a bare one.
///
/// Only ASCII letters fold: in a multi-byte encoding the server leaves all others alone.
pub fn fold(token: &str) -> Cow<'_, str> {
    if let Some(inside) = token.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return if inside.contains('"') {
            Cow::Owned(inside.replace("\"\"", "\""))
        } else {
            Cow::Borrowed(inside)
        };
    }
    if token.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(token.to_ascii_lowercase())
    } else {
        Cow::Borrowed(token)
    }
}

/// The name that `U&"…"` stands for with this escape character; `None` when it is not one of those, or stands for nothing.
pub(crate) fn unescaped(token: &str, escape: char) -> Option<String> {
    let (mark, rest) = token.split_at_checked(2)?;
    let quoted = rest.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'))?;
    if !mark.eq_ignore_ascii_case("u&") {
        return None;
    }
    let inside = quoted.replace("\"\"", "\"");
    let mut units: Vec<u32> = Vec::new();
    let mut rest = inside.chars();
    while let Some(char) = rest.next() {
        if char != escape {
            units.push(u32::from(char));
        } else if let Some(after) = rest.as_str().strip_prefix(escape) {
            units.push(u32::from(escape));
            rest = after.chars();
        } else {
            let (from, length) = if rest.as_str().starts_with('+') { (1, 6) } else { (0, 4) };
            let digits = rest.as_str().get(from..from + length)?;
            units.push(u32::from_str_radix(digits, 16).ok()?);
            rest = rest.as_str().get(from + length..)?.chars();
        }
    }
    let mut name = String::new();
    let mut units = units.into_iter().peekable();
    while let Some(unit) = units.next() {
        let low = units.next_if(|low| (0xD800..0xDC00).contains(&unit) && (0xDC00..0xE000).contains(low));
        let whole = low.map_or(unit, |low| 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
        name.push(char::from_u32(whole)?);
    }
    Some(name)
}

fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_lowercase() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'$'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_stay_bare_and_everything_else_is_quoted() {
        for (name, sql) in [
            ("leads", "leads"),
            ("_x$1", "_x$1"),
            ("Leads", "\"Leads\""),
            ("1st", "\"1st\""),
            ("a b", "\"a b\""),
            ("a\"b", "\"a\"\"b\""),
            ("", "\"\""),
            ("größe", "\"größe\""),
            ("user", "\"user\""),
            ("select", "\"select\""),
            ("left", "\"left\""),
            ("between", "\"between\""),
            ("type", "type"),
            ("status", "status"),
        ] {
            assert_eq!(quote_ident(name), sql);
        }
    }

    #[test]
    fn folding_lowers_bare_ascii_and_opens_quotes() {
        assert_eq!(fold("Leads"), "leads");
        assert_eq!(fold("\"Leads\""), "Leads");
        assert_eq!(fold("\"a\"\"b\""), "a\"b");
        assert_eq!(fold("GRÖSSE"), "grÖsse");
    }

    #[test]
    fn escapes_in_a_name_are_letters() {
        assert_eq!(unescaped(r#"U&"d\0061t\+000061""#, '\\').as_deref(), Some("data"));
        assert_eq!(unescaped(r#"u&"d!0061ta!!""#, '!').as_deref(), Some("data!"));
        assert_eq!(unescaped(r#"U&"\D83D\DE00""#, '\\').as_deref(), Some("\u{1F600}"));
        for none in [r#"U&"\00""#, r#"U&"\D83D""#, r#""data""#, "u", "übel", r#"U&"\zzzz""#] {
            assert_eq!(unescaped(none, '\\'), None, "{none}");
        }
    }

    #[test]
    fn folding_reads_back_what_quoting_wrote() {
        for name in ["leads", "Leads", "a\"b", "\"\"", "select", "größe", "x y"] {
            assert_eq!(fold(&quote_ident(name)), name);
        }
    }
}
