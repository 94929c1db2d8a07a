//! Why a sink cannot be started: the configuration's fault, said without its secrets.

use std::path::PathBuf;

/// A sink's configuration that cannot work. No message holds a URL or a header's value: both may be secret.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The URL cannot be used.
    #[error("sink {sink}: url {problem}")]
    Url {
        /// The sink.
        sink: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A header cannot be sent.
    #[error("sink {sink}: header {header:?} {problem}")]
    Header {
        /// The sink.
        sink: String,
        /// The header's name.
        header: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// The file cannot be used.
    #[error("sink {sink}: cannot open {path}: its folder must exist and be writable", path = path.display())]
    File {
        /// The sink.
        sink: String,
        /// `path`.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The format cannot be used.
    #[error("sink {sink}: template {problem}")]
    Template {
        /// The sink.
        sink: String,
        /// What is wrong, and where.
        problem: String,
    },
    /// The HTTP client cannot be made.
    #[error("sink {sink}: cannot set up the HTTP client")]
    Client {
        /// The sink.
        sink: String,
        /// The cause.
        source: reqwest::Error,
    },
}
