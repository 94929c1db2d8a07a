//! What was logged, for tests.

use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::Value;
use tracing::{Dispatch, Subscriber};
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{LogConfig, LogFormat};

/// The lines of a thread.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Takes everything on this thread, until the guard goes.
    pub(crate) fn start(&self) -> tracing::subscriber::DefaultGuard {
        listen();
        let log = self.clone();
        tracing::subscriber::set_default(everything(move || log.clone()))
    }

    /// The lines with this text, and takes them out.
    pub(crate) fn take(&self, text: &str) -> Vec<Value> {
        let mut bytes = self.0.lock().unwrap();
        let log = String::from_utf8(std::mem::take(&mut *bytes)).unwrap();
        let (found, rest): (Vec<_>, Vec<_>) = log.split_inclusive('\n').partition(|line| line.contains(text));
        *bytes = rest.concat().into_bytes();
        found.into_iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The level and these fields of the lines with this text, and takes them out.
    pub(crate) fn said(&self, text: &str, fields: &[&str]) -> Vec<Vec<String>> {
        let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let keys = || std::iter::once(&"level").chain(fields);
        self.take(text).iter().map(|line| keys().map(|key| shown(&line[*key])).collect()).collect()
    }
}

/// Whoever reaches a line first decides for the whole process whether anybody wants it; and while there is one subscriber at
/// the most, tracing asks only that of the thread which has reached it: none, in most tests. From now on there are two more,
/// so that all are asked.
pub(crate) fn listen() {
    static LISTENING: LazyLock<[Dispatch; 2]> = LazyLock::new(|| [0, 1].map(|_| Dispatch::new(everything(io::sink))));
    LazyLock::force(&LISTENING);
}

fn everything<W: for<'w> MakeWriter<'w> + Send + Sync + 'static>(writer: W) -> impl Subscriber + Send + Sync {
    let config = LogConfig { level: "debug".to_owned(), format: LogFormat::Json };
    super::subscriber(&config, writer).unwrap()
}

#[test]
fn a_line_that_another_thread_reaches_first_is_taken_all_the_same() {
    let log = Log::default();
    let _guard = log.start();
    let say = || tracing::info!("the line is reached");
    std::thread::scope(|scope| scope.spawn(say).join()).unwrap();
    say();
    assert_eq!(log.take("is reached").len(), 1);
}
