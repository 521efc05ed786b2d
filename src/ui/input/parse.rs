//! Bytes of a terminal into keys.

use std::time::Duration;

/// A sequence or a paste that stops in the middle is given up after so long.
const UNFINISHED: Duration = Duration::from_secs(1);
/// No key sequence is longer than this.
const LONGEST_SEQUENCE: usize = 32;
const PASTE_END: &[u8] = b"\x1b[201~";

/// What came out of the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ui) enum Token {
    /// A key.
    Key(Key),
    /// A paste. Its text is not kept: nothing here takes pasted text.
    Paste,
    /// The mouse.
    Mouse(Pointer),
}

/// What the mouse did, as far as it matters: everything else makes no token at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ui) enum Pointer {
    /// A notch of the wheel.
    WheelUp,
    /// A notch of the wheel.
    WheelDown,
    /// The left button went down.
    Press {
        /// Where, from 0 at the top.
        row: u16,
    },
}

/// A key, as far as the console tells them apart. Others come as [`Key::Other`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::ui) enum Key {
    /// A character.
    Char(char),
    /// Control and a lower-case letter.
    Ctrl(char),
    /// Return.
    Enter,
    /// Escape, alone.
    Esc,
    /// Tab.
    Tab,
    /// Shift and Tab.
    BackTab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Arrow.
    Up,
    /// Arrow.
    Down,
    /// Arrow.
    Left,
    /// Arrow.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// F1 to F12.
    F(u8),
    /// Anything that is bound to nothing: unknown sequences, Alt with a key.
    Other,
}

#[derive(Debug)]
enum State {
    Ground,
    /// ESC came; what it begins is open.
    Esc(Duration),
    /// `ESC [` and its parameters.
    Csi(Vec<u8>, Duration),
    /// `ESC O`.
    Ss3(Duration),
    /// A mouse report of the old kind, which nobody here asks for: so many bytes of it are to come, and none is a key.
    Report(u8, Duration),
    /// A character that is not whole yet, and how many bytes it will have.
    Utf8(Vec<u8>, usize, Duration),
    /// Between the marks of a bracketed paste; the last bytes, to find its end.
    Paste(Vec<u8>, Duration),
}

/// Bytes in, keys out; time decides about what is open.
#[derive(Debug)]
pub(in crate::ui) struct Parser {
    state: State,
    esc_delay: Duration,
}

impl Parser {
    /// A lone ESC counts as the key once `esc_delay` has passed.
    pub(in crate::ui) fn new(esc_delay: Duration) -> Self {
        Self { state: State::Ground, esc_delay }
    }

    /// When [`Parser::pass`] has something to say.
    pub(in crate::ui) fn deadline(&self) -> Option<Duration> {
        match &self.state {
            State::Ground => None,
            State::Esc(since) => Some(*since + self.esc_delay),
            State::Csi(_, since)
            | State::Ss3(since)
            | State::Report(_, since)
            | State::Utf8(_, _, since)
            | State::Paste(_, since) => Some(*since + UNFINISHED),
        }
    }

    /// Lets time pass.
    pub(in crate::ui) fn pass(&mut self, at: Duration, out: &mut Vec<Token>) {
        if self.deadline().is_none_or(|due| at < due) {
            return;
        }
        match std::mem::replace(&mut self.state, State::Ground) {
            State::Esc(_) => out.push(Token::Key(Key::Esc)),
            State::Paste(..) => out.push(Token::Paste),
            State::Ground | State::Csi(..) | State::Ss3(_) | State::Report(..) | State::Utf8(..) => {}
        }
    }

    /// Takes bytes in.
    pub(in crate::ui) fn feed(&mut self, bytes: &[u8], at: Duration, out: &mut Vec<Token>) {
        self.pass(at, out);
        for byte in bytes {
            self.byte(*byte, at, out);
        }
    }

    fn byte(&mut self, byte: u8, at: Duration, out: &mut Vec<Token>) {
        match std::mem::replace(&mut self.state, State::Ground) {
            State::Ground => self.ground(byte, at, out),
            State::Esc(_) => match byte {
                b'[' => self.state = State::Csi(Vec::new(), at),
                b'O' => self.state = State::Ss3(at),
                0x1b => {
                    out.push(Token::Key(Key::Esc));
                    self.state = State::Esc(at);
                }
                // Alt and a key: never the key alone.
                _ => out.push(Token::Key(Key::Other)),
            },
            State::Ss3(_) => out.push(Token::Key(ss3(byte))),
            State::Csi(mut sequence, _) => match byte {
                // The Linux console sends F1 as ESC [ [ A.
                b'[' if sequence.is_empty() => self.state = State::Csi(vec![byte], at),
                0x40..=0x7e => {
                    if byte == b'~' && sequence == b"200" {
                        self.state = State::Paste(Vec::new(), at);
                    } else if byte == b'M' && sequence.is_empty() {
                        self.state = State::Report(3, at);
                    } else if sequence.first() == Some(&b'<') {
                        out.extend(pointer(&sequence, byte).map(Token::Mouse));
                    } else {
                        out.push(Token::Key(csi(&sequence, byte)));
                    }
                }
                0x20..=0x3f if sequence.len() < LONGEST_SEQUENCE => {
                    sequence.push(byte);
                    self.state = State::Csi(sequence, at);
                }
                0x1b => self.state = State::Esc(at),
                _ => out.push(Token::Key(Key::Other)),
            },
            State::Report(left, since) => {
                if left > 1 {
                    self.state = State::Report(left - 1, since);
                }
            }
            State::Utf8(mut char, length, since) => {
                if byte & 0xc0 != 0x80 {
                    out.push(Token::Key(Key::Other));
                    self.ground(byte, at, out);
                    return;
                }
                char.push(byte);
                if char.len() < length {
                    self.state = State::Utf8(char, length, since);
                    return;
                }
                let key = std::str::from_utf8(&char).ok().and_then(|text| text.chars().next());
                out.push(Token::Key(key.map_or(Key::Other, Key::Char)));
            }
            State::Paste(mut tail, _) => {
                tail.push(byte);
                if tail.ends_with(PASTE_END) {
                    out.push(Token::Paste);
                    return;
                }
                let keep = tail.len().saturating_sub(PASTE_END.len());
                tail.drain(..keep);
                self.state = State::Paste(tail, at);
            }
        }
    }

    fn ground(&mut self, byte: u8, at: Duration, out: &mut Vec<Token>) {
        let key = match byte {
            0x1b => {
                self.state = State::Esc(at);
                return;
            }
            b'\r' | b'\n' => Key::Enter,
            b'\t' => Key::Tab,
            0x7f | 0x08 => Key::Backspace,
            0x01..=0x1a => Key::Ctrl(char::from(byte - 1 + b'a')),
            0x20..=0x7e => Key::Char(char::from(byte)),
            0xc2..=0xdf => return self.open(byte, 2, at),
            0xe0..=0xef => return self.open(byte, 3, at),
            0xf0..=0xf4 => return self.open(byte, 4, at),
            _ => Key::Other,
        };
        out.push(Token::Key(key));
    }

    fn open(&mut self, byte: u8, length: usize, at: Duration) {
        self.state = State::Utf8(vec![byte], length, at);
    }
}

/// `<BUTTON;COLUMN;ROW` and `M` for down, `m` for up. A modifier or a move makes it something else.
fn pointer(report: &[u8], last: u8) -> Option<Pointer> {
    let numbers: Vec<u16> = std::str::from_utf8(report.get(1..)?)
        .ok()?
        .split(';')
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    match (numbers.as_slice(), last) {
        ([64, _, _], b'M') => Some(Pointer::WheelUp),
        ([65, _, _], b'M') => Some(Pointer::WheelDown),
        ([0, _, row], b'M') => Some(Pointer::Press { row: row.checked_sub(1)? }),
        (_, _) => None,
    }
}

fn ss3(last: u8) -> Key {
    match last {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'F' => Key::End,
        b'H' => Key::Home,
        b'P'..=b'S' => Key::F(last - b'P' + 1),
        b'M' => Key::Enter,
        _ => Key::Other,
    }
}

fn csi(parameters: &[u8], last: u8) -> Key {
    match (parameters, last) {
        ([], b'A' | b'B' | b'C' | b'D' | b'F' | b'H') => ss3(last),
        ([], b'Z') => Key::BackTab,
        (_, b'~') => match parameters {
            b"1" | b"7" => Key::Home,
            b"4" | b"8" => Key::End,
            b"3" => Key::Delete,
            b"5" => Key::PageUp,
            b"6" => Key::PageDown,
            b"11" => Key::F(1),
            _ => Key::Other,
        },
        (b"[", b'A'..=b'E') => Key::F(last - b'A' + 1),
        _ => Key::Other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Feeds chunks 10 ms apart, then lets two seconds pass.
    fn keys(chunks: &[&[u8]]) -> Vec<Token> {
        let mut parser = Parser::new(ms(50));
        let mut out = Vec::new();
        let mut at = 0;
        for chunk in chunks {
            parser.feed(chunk, ms(at), &mut out);
            at += 10;
        }
        parser.pass(ms(at + 2_000), &mut out);
        out
    }

    fn key(key: Key) -> Token {
        Token::Key(key)
    }

    #[test]
    fn an_arrow_in_one_two_or_three_reads_is_one_key() {
        for chunks in [
            &[&b"\x1b[C"[..]][..],
            &[&b"\x1b"[..], &b"[C"[..]],
            &[&b"\x1b["[..], &b"C"[..]],
            &[&b"\x1b"[..], &b"["[..], &b"C"[..]],
            &[&b"\x1bO"[..], &b"C"[..]],
        ] {
            assert_eq!(keys(chunks), [key(Key::Right)], "{chunks:?}");
        }
    }

    #[test]
    fn wheel_and_click_are_told_from_every_other_report_and_none_of_them_is_a_key() {
        for (report, expected) in [
            (&b"\x1b[<64;10;5M"[..], Some(Pointer::WheelUp)),
            (b"\x1b[<65;10;5M", Some(Pointer::WheelDown)),
            (b"\x1b[<0;10;5M", Some(Pointer::Press { row: 4 })),
            (b"\x1b[<0;10;5m", None),
            (b"\x1b[<2;10;5M", None),
            (b"\x1b[<16;10;5M", None),
            (b"\x1b[<32;10;5M", None),
            (b"\x1b[<0;10;0M", None),
            (b"\x1b[<0;10;99999999M", None),
            (b"\x1b[<;;M", None),
        ] {
            assert_eq!(keys(&[report]), Vec::from_iter(expected.map(Token::Mouse)), "{report:?}");
            let each: Vec<&[u8]> = report.chunks(1).collect();
            assert_eq!(keys(&each), Vec::from_iter(expected.map(Token::Mouse)), "{report:?} byte by byte");
        }
    }

    #[test]
    fn a_report_of_the_old_kind_is_swallowed_whole_and_the_key_after_it_is_one() {
        assert_eq!(keys(&[b"\x1b[M qx", b"j"]), [key(Key::Char('j'))]);
        assert_eq!(keys(&[b"\x1b[M", b" s", b"uq"]), [key(Key::Char('q'))]);
        assert_eq!(keys(&[b"\x1b[M#\xa1\x9b\x1b[C"]), [key(Key::Right)]);
    }

    #[test]
    fn a_lone_esc_is_esc_after_the_delay_and_not_before() {
        let mut parser = Parser::new(ms(50));
        let mut out = Vec::new();
        parser.feed(b"\x1b", ms(0), &mut out);
        parser.pass(ms(49), &mut out);
        assert!(out.is_empty());
        parser.pass(ms(50), &mut out);
        assert_eq!(out, [key(Key::Esc)]);
        assert_eq!(keys(&[b"\x1b\x1b"]), [key(Key::Esc), key(Key::Esc)]);
    }

    #[test]
    fn alt_and_a_key_is_never_that_key() {
        assert_eq!(keys(&[b"\x1bs"]), [key(Key::Other)]);
        assert_eq!(keys(&[b"\x1bx", b"j"]), [key(Key::Other), key(Key::Char('j'))]);
    }

    #[test]
    fn keys_with_modifiers_and_unknown_sequences_leave_no_letters_behind() {
        for sequence in
            [&b"\x1b[1;5C"[..], b"\x1b[27;5;117~", b"\x1b[117;5u", b"\x1b[?1;2c", b"\x1b[0;10;10M"]
        {
            assert_eq!(keys(&[sequence]), [key(Key::Other)], "{sequence:?}");
        }
    }

    #[test]
    fn a_bracketed_paste_is_one_token_even_when_it_is_cut_anywhere() {
        let whole = b"\x1b[200~drop everything\r\x1b[Ayes\r\x1b[201~";
        for cut in 0..=whole.len() {
            let (a, b) = whole.split_at(cut);
            assert_eq!(keys(&[a, b]), [Token::Paste], "cut at {cut}");
        }
        assert_eq!(keys(&[b"\x1b[200~never ends"]), [Token::Paste]);
    }

    #[test]
    fn characters_of_several_bytes_come_whole() {
        assert_eq!(
            keys(&[&"é日".as_bytes()[..1], &"é日".as_bytes()[1..]]),
            [key(Key::Char('é')), key(Key::Char('日'))]
        );
        assert_eq!(keys(&[b"\xc3q"]), [key(Key::Other), key(Key::Char('q'))]);
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_cut_end_in_the_ground_state(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0_usize..200) {
            let cut = cut.min(bytes.len());
            let mut parser = Parser::new(ms(50));
            let mut out = Vec::new();
            parser.feed(&bytes[..cut], ms(0), &mut out);
            parser.feed(&bytes[cut..], ms(10), &mut out);
            parser.pass(ms(5_000), &mut out);
            prop_assert!(parser.deadline().is_none());
            prop_assert!(out.len() <= bytes.len());
        }
    }
}
