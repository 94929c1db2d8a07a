//! What was logged, for tests.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::Value;

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
        let (config, log) = (LogConfig { level: "debug".to_owned(), format: LogFormat::Json }, self.clone());
        let subscriber = super::subscriber(&config, move || log.clone()).unwrap();
        tracing::subscriber::set_default(subscriber)
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
