//! Standard output that somebody stops reading, as `head` does.

use std::io::{self, ErrorKind, Write};

/// Hands on what is written until nobody reads any more; from then on everything counts as written, so that a command
/// goes on quietly and ends with its own exit code.
pub(super) struct UntilClosed<W> {
    inner: W,
    /// What is written to, for errors.
    name: &'static str,
    is_closed: bool,
}

impl<W: Write> UntilClosed<W> {
    pub(super) fn new(name: &'static str, inner: W) -> Self {
        Self { inner, name, is_closed: false }
    }

    /// Whether nobody reads any more.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    fn unless_closed<T>(&mut self, written: T, write: impl FnOnce(&mut W) -> io::Result<T>) -> io::Result<T> {
        if self.is_closed {
            return Ok(written);
        }
        match write(&mut self.inner) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(written)
            }
            answer => {
                let name = self.name;
                answer.map_err(|error| io::Error::new(error.kind(), format!("cannot write to {name}: {error}")))
            }
        }
    }
}

impl<W: Write> Write for UntilClosed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unless_closed(bytes.len(), |inner| inner.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unless_closed((), W::flush)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes some bytes and fails then.
    struct Reader(usize, ErrorKind);

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = self.0.min(bytes.len());
            self.0 -= taken;
            if taken == 0 { Err(self.1.into()) } else { Ok(taken) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_nobody_reads_counts_as_written_and_other_errors_stay() {
        let write = |kind| UntilClosed::new("it", Reader(3, kind)).write_all(b"seven..");
        assert!(write(ErrorKind::BrokenPipe).is_ok());
        assert_eq!(write(ErrorKind::StorageFull).map_err(|error| error.kind()), Err(ErrorKind::StorageFull));
    }
}
