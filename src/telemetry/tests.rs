//! Hostile text through both formats (an attacker chooses user agents, names and error texts).

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::*;

const HOSTILE: &str = "x\u{1b}[2J\u{9b}31m\r\n2026-01-01T00:00:00Z ERROR forged: all is well\u{7}\u{8}\u{7f}\u{0}\u{202e}txt.exe\u{2066}\u{2028}\u{200b}\u{e0041}\"quote\\";

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct Foreign {
    #[expect(dead_code, reason = "read by Debug alone")]
    text: &'static str,
}

impl std::fmt::Display for Foreign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(HOSTILE)
    }
}

impl std::error::Error for Foreign {}

fn logged(format: LogFormat, level: &str, log: impl FnOnce()) -> String {
    super::testing::listen();
    let captured = Captured::default();
    let config = LogConfig { level: level.to_owned(), format };
    let writer = captured.clone();
    let subscriber = subscriber(&config, move || writer.clone()).expect("the filter is valid");
    tracing::subscriber::with_default(subscriber, log);
    let bytes = captured.0.lock().unwrap().clone();
    String::from_utf8(bytes).expect("log lines are UTF-8")
}

/// Every way that a text takes into a line.
fn log_hostile() {
    let error: &dyn std::error::Error = &Foreign { text: HOSTILE };
    let span = tracing::info_span!("span", in_span = HOSTILE);
    let _entered = span.enter();
    tracing::info!(as_str = HOSTILE, as_display = %HOSTILE, as_debug = ?Foreign { text: HOSTILE }, error, "{HOSTILE}");
}

fn assert_harmless(lines: &str) {
    let body = lines.strip_suffix('\n').expect("a line ends with a newline");
    let raw: Vec<char> = body.chars().filter(|c| visible::acts(*c)).collect();
    assert!(raw.is_empty(), "raw {raw:?} in {body:?}");
}

#[test]
fn hostile_text_stays_one_harmless_line_of_text() {
    let lines = logged(LogFormat::Text, "info", log_hostile);
    assert_harmless(&lines);
    assert_eq!(lines.matches("forged").count(), 6, "every copy is still there to be read: {lines}");
}

#[test]
fn hostile_text_stays_one_harmless_json_object_and_keeps_its_value() {
    let lines = logged(LogFormat::Json, "info", log_hostile);
    assert_harmless(&lines);
    let object: serde_json::Value = serde_json::from_str(&lines).expect("one JSON object");
    for field in ["message", "as_str", "as_display", "error"] {
        assert_eq!(object[field], HOSTILE, "{field}");
    }
    assert_eq!(object["spans"][0]["in_span"], HOSTILE);
}

#[test]
fn each_event_is_one_line() {
    for format in [LogFormat::Json, LogFormat::Text] {
        let lines = logged(format, "info", || {
            tracing::info!("first");
            tracing::warn!("second");
        });
        assert_eq!(lines.lines().count(), 2, "{lines}");
    }
}

#[test]
fn the_filter_is_obeyed() {
    let lines = logged(LogFormat::Text, "warn", || tracing::info!("quiet"));
    assert_eq!(lines, "");
}

#[test]
fn a_wrong_filter_is_an_error_that_shows_it() {
    for level in ["", "  ", "trailrisk=loud", "info,=,"] {
        let error = check_filter(level).expect_err(level);
        assert!(error.to_string().contains("log.level"), "{error}");
    }
    for level in ["info", "warn,trailrisk=debug", "off", "INFO", "warn, trailrisk::sink", "trailrisk[{shard=1}]=debug"]
    {
        check_filter(level).expect(level);
    }
}

#[test]
fn a_misspelt_level_does_not_silence_everything() {
    for (level, meant) in [("infoo", "info"), ("info,debgu", "debug"), ("wran,trailrisk::sink=debug", "warn")] {
        let error = check_filter(level).expect_err(level).to_string();
        assert!(error.ends_with(&format!("is no level; did you mean {meant:?}?")), "{error}");
    }
    for level in ["3", "info;warn", "trailrisk"] {
        let error = check_filter(level).expect_err(level).to_string();
        assert!(error.ends_with(&format!("{level:?} is no level")), "{error}");
    }
}

#[test]
fn what_the_http_libraries_say_in_detail_stays_off_whatever_is_configured() {
    let log = || {
        tracing::trace!(target: "h2::codec", "path=/hook/secret");
        tracing::debug!(target: "hyper::proto", "authorization");
        tracing::trace!(target: "aws_smithy_runtime::client::orchestrator::http", "secret answer of Kinesis");
        tracing::trace!(target: "aws_sigv4::http_request::sign", "secret token");
        tracing::trace!(target: "trailrisk::pipeline", "ours");
    };
    for level in ["trace", "trace,h2=trace,aws_sigv4=trace", "info,h2::codec=trace,trailrisk=trace"] {
        let lines = logged(LogFormat::Text, level, log);
        assert!(lines.contains("ours") && !lines.contains("secret") && !lines.contains("authorization"), "{lines}");
    }
}

#[test]
fn a_library_is_never_louder_than_what_is_configured() {
    let log = || tracing::info!(target: "hyper::client", "quiet");
    assert_eq!(logged(LogFormat::Json, "warn", log), "");
    assert_ne!(logged(LogFormat::Json, "info", log), "");
}
