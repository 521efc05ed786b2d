//! Every path that a source file names, absolute and with its line: enough of Rust's grammar for a layer guard.

/// A path as a file names it. `crate`, `self` and `super` are resolved, so that a path into this crate starts with
/// `crate` and any other one with the name of another crate or of something local.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) line: usize,
    pub(super) segments: Vec<String>,
}

/// A call of something named `spawn…`, with what stands before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spawn {
    pub(super) line: usize,
    pub(super) name: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Ident(String),
    PathSep,
    Mark(char),
}

/// The paths named in `text`, the source of the module `module` (empty for the crate's root).
pub(super) fn named(text: &str, module: &[String]) -> Vec<Named> {
    let tokens = tokens(text);
    let mut reader = Reader { tokens: &tokens, at: 0, found: Vec::new() };
    let mut inline: Vec<(String, usize)> = Vec::new();
    let mut depth = 0;
    while reader.at < tokens.len() {
        match reader.token() {
            Some(Token::Mark('{')) => depth += 1,
            Some(Token::Mark('}')) => {
                depth -= 1;
                inline.retain(|(_, opened)| *opened < depth + 1);
            }
            Some(Token::Ident(word)) if word == "mod" => {
                if let (Some(Token::Ident(name)), Some(Token::Mark('{'))) = (reader.ahead(1), reader.ahead(2))
                {
                    inline.push((name.clone(), depth + 1));
                }
            }
            Some(Token::Ident(word)) if reader.starts_path() => {
                let mut here: Vec<String> = vec!["crate".to_owned()];
                here.extend(module.iter().cloned());
                here.extend(inline.iter().map(|(name, _)| name.clone()));
                let single = word == "use" && matches!(reader.ahead(1), Some(Token::Ident(_)));
                if single {
                    reader.at += 1;
                }
                reader.tree(&here, &[]);
                continue;
            }
            _ => {}
        }
        reader.at += 1;
    }
    reader.found
}

/// Whatever is spawned in `text`.
pub(super) fn spawns(text: &str) -> Vec<Spawn> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    for window in tokens.windows(3) {
        let [(_, before), (line, Token::Ident(name)), (_, Token::Mark('('))] = window else { continue };
        let called = matches!(before, Token::PathSep | Token::Mark('.'));
        if called
            && matches!(
                name.as_str(),
                "spawn" | "spawn_blocking" | "spawn_local" | "spawn_on" | "spawn_scoped"
            )
        {
            found.push(Spawn { line: *line, name: name.clone() });
        }
    }
    found
}

struct Reader<'a> {
    tokens: &'a [(usize, Token)],
    at: usize,
    found: Vec<Named>,
}

impl Reader<'_> {
    fn token(&self) -> Option<&Token> {
        self.ahead(0)
    }

    fn ahead(&self, n: usize) -> Option<&Token> {
        self.tokens.get(self.at + n).map(|(_, token)| token)
    }

    /// Whether a path of more than one segment, or a `use`, starts here.
    fn starts_path(&self) -> bool {
        let inside = self
            .at
            .checked_sub(1)
            .is_some_and(|before| matches!(self.tokens[before].1, Token::PathSep | Token::Mark('.')));
        let Some(Token::Ident(word)) = self.token() else { return false };
        !inside && (word == "use" || matches!(self.ahead(1), Some(Token::PathSep)))
    }

    /// Reads one path or tree of paths behind `prefix` and notes every leaf.
    fn tree(&mut self, here: &[String], prefix: &[String]) {
        let mut path = prefix.to_vec();
        let start = self.at;
        if self.token() == Some(&Token::PathSep) {
            self.at += 1;
        }
        loop {
            match self.token().cloned() {
                Some(Token::Ident(segment)) => {
                    step(&mut path, &segment, here);
                    self.at += 1;
                }
                Some(Token::Mark('{')) if self.at > start || !prefix.is_empty() => {
                    self.at += 1;
                    while !matches!(self.token(), None | Some(Token::Mark('}'))) {
                        if self.token() == Some(&Token::Mark(',')) {
                            self.at += 1;
                            continue;
                        }
                        let before = self.at;
                        self.tree(here, &path);
                        // Whatever this reader does not know is passed over, one token at a time.
                        if self.at == before {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                Some(Token::Mark('*')) => self.at += 1,
                Some(Token::PathSep | Token::Mark(_)) | None => break,
            }
            if self.token() == Some(&Token::PathSep) {
                self.at += 1;
            } else {
                break;
            }
        }
        if self.token() == Some(&Token::Ident("as".to_owned())) {
            self.at += 2;
        }
        if !path.is_empty() {
            let line = self.tokens.get(start).map_or(0, |(line, _)| *line);
            self.found.push(Named { line, segments: path });
        }
    }
}

fn step(path: &mut Vec<String>, segment: &str, here: &[String]) {
    match segment {
        "self" if path.is_empty() => path.extend(here.iter().cloned()),
        "self" => {}
        "super" if path.is_empty() => {
            path.extend(here[..here.len().saturating_sub(1).max(1)].iter().cloned());
        }
        "super" => {
            if path.len() > 1 {
                path.pop();
            }
        }
        other => path.push(other.to_owned()),
    }
}

/// Identifiers and marks with their lines; comments, strings, characters and lifetimes are left out.
fn tokens(text: &str) -> Vec<(usize, Token)> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut at = 0;
    while at < chars.len() {
        let (c, next) = (chars[at], chars.get(at + 1).copied());
        let end = match (c, next) {
            ('/', Some('/')) => until(&chars, at, |rest| rest[0] == '\n'),
            ('/', Some('*')) => block_comment(&chars, at),
            ('"', _) => string(&chars, at + 1),
            ('r' | 'b', Some('"' | '#' | 'r')) if raw_string(&chars, at).is_some() => {
                raw_string(&chars, at).unwrap_or(at + 1)
            }
            ('\'', _) => character(&chars, at),
            (':', Some(':')) => {
                tokens.push((line, Token::PathSep));
                at + 2
            }
            _ if c.is_alphabetic() || c == '_' => {
                let end = until(&chars, at, |rest| !(rest[0].is_alphanumeric() || rest[0] == '_'));
                tokens.push((line, Token::Ident(chars[at..end].iter().collect())));
                end
            }
            _ if c.is_whitespace() => at + 1,
            _ => {
                tokens.push((line, Token::Mark(c)));
                at + 1
            }
        };
        line += chars[at..end.min(chars.len())].iter().filter(|c| **c == '\n').count();
        at = end;
    }
    tokens
}

fn until(chars: &[char], from: usize, stop: impl Fn(&[char]) -> bool) -> usize {
    (from..chars.len()).find(|at| stop(&chars[*at..])).unwrap_or(chars.len())
}

fn block_comment(chars: &[char], from: usize) -> usize {
    let mut depth = 0;
    let mut at = from;
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn string(chars: &[char], from: usize) -> usize {
    let mut at = from;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// End of `r"…"`, `r#"…"#`, `b"…"`, `br"…"`, when one starts here.
fn raw_string(chars: &[char], from: usize) -> Option<usize> {
    let mut at = from;
    let raw = chars[at] == 'r' || chars.get(at + 1) == Some(&'r');
    while matches!(chars.get(at), Some('r' | 'b')) && at < from + 2 {
        at += 1;
    }
    let hashes = chars[at..].iter().take_while(|c| **c == '#').count();
    at += hashes;
    if chars.get(at) != Some(&'"') {
        return None;
    }
    if !raw {
        return Some(string(chars, at + 1));
    }
    let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    Some((until(chars, at + 1, |rest| rest.starts_with(&close)) + close.len()).min(chars.len()))
}

/// End of a character literal or of a lifetime's tick.
fn character(chars: &[char], from: usize) -> usize {
    match (chars.get(from + 1), chars.get(from + 2)) {
        (Some('\\'), _) => (until(chars, from + 3, |rest| rest[0] == '\'') + 1).min(chars.len()),
        (Some(_), Some('\'')) => from + 3,
        _ => from + 1,
    }
}
