//! The standard streams. Whoever reads them may go away at any time; that never changes what a command does.

use std::io::{self, Write};

use serde::Serialize;

use crate::report::jsonl::write_ascii;
use crate::text::Untrusted;

/// A line on standard error, beside the result. Without a standard error nobody is lost.
pub fn say(line: &str) {
    for line in line.lines() {
        let _ = writeln!(io::stderr(), "{}", Untrusted::from(line).display_safe(None));
    }
}

/// One JSON object on a line of its own, in ASCII: no text of a server acts on a terminal that it is shown on.
pub fn print_json(mut out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    write_ascii(&mut out, value)?;
    writeln!(out)
}

/// A stream whose reader may stop reading: `cicerone plan | head` is no failure.
#[derive(Debug)]
pub struct Patient<W> {
    out: W,
    reader: Reader,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    There,
    Gone,
}

impl<W: Write> Patient<W> {
    /// Around a stream.
    pub fn new(out: W) -> Self {
        Self { out, reader: Reader::There }
    }

    fn unless_gone<T>(&mut self, done: T, write: impl FnOnce(&mut W) -> io::Result<T>) -> io::Result<T> {
        if self.reader == Reader::Gone {
            return Ok(done);
        }
        match write(&mut self.out) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.reader = Reader::Gone;
                Ok(done)
            }
            other => other,
        }
    }
}

impl<W: Write> Write for Patient<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unless_gone(bytes.len(), |out| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unless_gone((), Write::flush)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn a_reader_that_is_gone_is_no_failure_and_a_full_disk_is_one() {
        let mut pipe = Patient::new(Broken(io::ErrorKind::BrokenPipe));
        assert!(
            writeln!(pipe, "one").and_then(|()| pipe.flush()).and_then(|()| writeln!(pipe, "two")).is_ok()
        );
        assert!(writeln!(Patient::new(Broken(io::ErrorKind::StorageFull)), "one").is_err());
    }
}
