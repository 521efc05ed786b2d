//! Keyword/value strings: `host=db1 dbname='my db' password=a\ b`.

use super::error::ConnInfoError;

/// The pairs of a keyword/value string, in order.
pub(super) fn parse(text: &str) -> Result<Vec<(String, String)>, ConnInfoError> {
    let mut reader = Reader { text, at: 0 };
    let mut pairs = Vec::new();
    loop {
        reader.skip_blanks();
        if reader.peek().is_none() {
            return Ok(pairs);
        }
        let name = reader.name()?;
        reader.skip_blanks();
        if reader.next() != Some('=') {
            return Err(reader.error("missing \"=\" after a keyword"));
        }
        reader.skip_blanks();
        let value = if reader.peek() == Some('\'') { reader.quoted()? } else { reader.bare()? };
        pairs.push((name, value));
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at..).and_then(|rest| rest.chars().next())
    }

    fn next(&mut self) -> Option<char> {
        let found = self.peek()?;
        self.at += found.len_utf8();
        Some(found)
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(|c| c.is_ascii_whitespace()) {
            self.next();
        }
    }

    fn name(&mut self) -> Result<String, ConnInfoError> {
        let start = self.at;
        while self.peek().is_some_and(|c| c != '=' && !c.is_ascii_whitespace()) {
            self.next();
        }
        match self.text.get(start..self.at) {
            Some(name) if !name.is_empty() => Ok(name.to_owned()),
            _ => Err(self.error("\"=\" without a keyword before it")),
        }
    }

    fn bare(&mut self) -> Result<String, ConnInfoError> {
        let mut value = String::new();
        while let Some(c) = self.peek() {
            if c.is_ascii_whitespace() {
                break;
            }
            self.next();
            value.push(if c == '\\' { self.escaped()? } else { c });
        }
        Ok(value)
    }

    fn quoted(&mut self) -> Result<String, ConnInfoError> {
        self.next();
        let mut value = String::new();
        loop {
            match self.next() {
                Some('\'') => return Ok(value),
                Some('\\') => value.push(self.escaped()?),
                Some(c) => value.push(c),
                None => return Err(self.error("a quoted value is not closed")),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, ConnInfoError> {
        self.next().ok_or_else(|| self.error("nothing after the last backslash"))
    }

    fn error(&self, problem: &'static str) -> ConnInfoError {
        ConnInfoError::Syntax { at: self.at, problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse(text).unwrap()
    }

    #[test]
    fn blanks_quotes_and_backslashes_follow_libpq() {
        let expected = [("host", "db 1"), ("dbname", "it's"), ("password", r"a\b c"), ("user", "")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(pairs(r"host = 'db 1'  dbname='it\'s' password=a\\b\ c user=''"), expected);
    }

    #[test]
    fn a_broken_string_says_where() {
        for (text, at) in [("host", 4), ("host=a dbname", 13), ("host='a", 7), (r"host=a\", 7), ("=x", 0)] {
            match parse(text) {
                Err(ConnInfoError::Syntax { at: found, .. }) => assert_eq!(found, at, "{text}"),
                _ => panic!("{text} was accepted"),
            }
        }
    }
}
