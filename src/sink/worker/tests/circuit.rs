//! What an operator is told of the circuit.

use std::io::{self, Write};

use super::*;
use crate::config::{LogConfig, LogFormat};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

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
    /// Of everything on this thread, until the guard goes.
    fn start(&self) -> tracing::subscriber::DefaultGuard {
        let (config, log) = (LogConfig { level: "info".to_owned(), format: LogFormat::Json }, self.clone());
        let subscriber = crate::telemetry::subscriber(&config, move || log.clone()).unwrap();
        tracing::subscriber::set_default(subscriber)
    }

    /// Level and sink of the lines with this text.
    fn said(&self, text: &str) -> Vec<(String, String)> {
        let log = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = log.lines().filter(|line| line.contains(text));
        let lines = lines.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.map(|line| ["level", "sink"].map(|key| line[key].as_str().unwrap().to_owned()).into()).collect()
    }
}

fn once(level: &str) -> Vec<(String, String)> {
    vec![(level.to_owned(), "s".to_owned())]
}

#[tokio::test(start_paused = true)]
async fn each_change_of_the_circuit_is_told_once_and_the_gauge_says_how_it_is() {
    let log = Log::default();
    let _guard = log.start();
    let down = std::iter::repeat_n(Answer::Fail(FailureKind::Unavailable), 30);
    let script = Script::new(down.chain([Answer::Ok]));
    let mut rig = Rig::start(true, vec![script.clone(); 4]).await;
    let gauge = |rig: &Rig| rig.sink.metrics.circuit_open.get();
    assert_eq!(gauge(&rig), 0);
    for id in 0..8 {
        rig.push(final_of(id));
    }
    wait_until("a few failures", || script.asked() >= 4).await;
    assert_eq!((gauge(&rig), log.said("the circuit is open")), (0, vec![]), "four in a row are not enough");
    while script.asked() < 20 {
        tokio::time::advance(Duration::from_secs(60)).await;
    }
    assert_eq!((gauge(&rig), log.said("the circuit is open")), (1, once("WARN")), "probes change nothing");
    assert!(log.said("the circuit is closed").is_empty());
    for _ in 0..8 {
        rig.done.next().await.unwrap();
    }
    assert_eq!((gauge(&rig), log.said("the circuit is closed")), (0, once("INFO")));
    assert_eq!(log.said("the circuit is open"), once("WARN"));
}
