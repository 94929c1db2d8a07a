//! The status page over real sockets.

use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::*;
use crate::status::{Health, Index, Snapshot, Status, Stream};

const PATHS: [&str; 6] = ["/", "/api/status", "/api/status/events", "/status.css", "/status.js", "/status.svg"];

/// Told from others by the stream's name.
pub fn snapshot(name: &str) -> Snapshot {
    let stream = Stream { name: name.to_owned(), ..Stream::default() };
    Snapshot { stream, at: format!("at {name}"), detections_on_disk_valid: true, ..Snapshot::default() }
}

/// A page's stream that is read line by line.
struct Events(BufReader<TcpStream>);

impl Events {
    async fn open(port: &Port) -> Self {
        let mut stream = TcpStream::connect(port.address).await.expect("the port is open");
        let head = b"GET /api/status/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
        stream.write_all(head).await.expect("the request is taken");
        Self(BufReader::new(stream))
    }

    /// The next line that begins so; none at the end.
    async fn next(&mut self, prefix: &str) -> Option<String> {
        loop {
            let mut line = String::new();
            let read = self.0.read_line(&mut line).await.expect("UTF-8");
            if read == 0 {
                return None;
            }
            if let Some(rest) = line.strip_prefix(prefix) {
                return Some(rest.trim_end().to_owned());
            }
        }
    }
}

#[tokio::test]
async fn threat_13_every_answer_of_the_page_is_protected_and_read_only() {
    let port = served().await;
    for path in PATHS {
        let head = format!("HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = exchange(port.address, head.as_bytes()).await.to_lowercase();
        assert!(answer.starts_with("http/1.1 200 "), "{path}: {answer}");
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
             connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n",
            "x-content-type-options: nosniff\r\n",
            "x-frame-options: deny\r\n",
            "referrer-policy: no-referrer\r\n",
            "cross-origin-resource-policy: same-origin\r\n",
            "cache-control: no-store\r\n",
        ] {
            assert!(answer.contains(header), "{path}: {header}: {answer}");
        }
        assert!(!answer.contains("access-control"), "no other site may read it");
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            assert_eq!(request(port.address, method, path).await.0, 405, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn threat_13_a_name_that_leads_here_from_outside_is_refused_for_the_page_alone() {
    let port = served().await;
    let asked = |path: &'static str| async move {
        let head = format!("GET {path} HTTP/1.1\r\nHost: evil.example.com:9464\r\nConnection: close\r\n\r\n");
        exchange(port.address, head.as_bytes()).await
    };
    for path in PATHS {
        let answer = asked(path).await;
        assert!(answer.starts_with("HTTP/1.1 421 ") && !answer.contains("first"), "{path}: {answer}");
    }
    assert!(asked("/livez").await.starts_with("HTTP/1.1 200 "), "probes and scrapes come by many names");
}

#[tokio::test]
async fn page_and_json_say_the_same_and_join_in_what_readiness_knows() {
    let port = served().await;
    let reason = "no space left\u{1b}[2J on <device>";
    port.view.readiness.fail(Check::Checkpoint, reason);
    let (status, body) = get(&port, "/api/status").await;
    let json: Status = serde_json::from_str(&body).expect("a status");
    assert_eq!((status, json.health, json.snapshot.stream.name.as_str()), (200, Health::Failing, "first"));
    assert_eq!(json.findings[0].text, format!("No checkpoint can be stored: {reason}"));
    let failing: Vec<_> = json.checks.iter().filter(|check| check.failure.is_some()).collect();
    assert!(failing.len() == 1 && failing[0].name == "checkpoint", "{failing:?}");
    assert!(!body.contains('\u{1b}'));
    let (status, html) = get(&port, "/").await;
    assert_eq!(status, 200);
    assert!(html.contains("No checkpoint can be stored: no space left\\u{1b}[2J on &lt;device&gt;"), "{html}");
}

#[tokio::test]
async fn changes_come_as_they_are_published_until_the_pipeline_is_gone() {
    let port = served().await;
    let mut events = Events::open(&port).await;
    let first = events.next("data: ").await.expect("the page as it is");
    assert!(first.contains("\"overview\"") && first.contains("\"about\"") && first.contains("first"), "{first}");
    port.publisher.publish(snapshot("second"), crate::clock::monotonic());
    let second = events.next("data: ").await.expect("what changed");
    assert!(second.contains("second") && !second.contains("\"about\""), "{second}");
    drop(port.publisher);
    assert_eq!(events.next("data: ").await, None, "the stream ends, so that it holds no stop up");
}

#[tokio::test]
async fn readers_are_bounded_and_nobody_waits_for_one_that_does_not_read() {
    let port = served().await;
    let mut readers = Vec::new();
    for _ in 0..8 {
        let mut reader = Events::open(&port).await;
        reader.next("data: ").await.expect("it is served");
        readers.push(reader);
    }
    let (status, body) = get(&port, "/api/status/events").await;
    assert_eq!((status, body.as_str()), (503, "too many readers\n"));
    // None of them reads any more.
    for number in 0..2000 {
        let mut large = snapshot("large");
        large.at = "x".repeat(100_000) + &number.to_string();
        port.publisher.publish(large, crate::clock::monotonic());
        tokio::task::yield_now().await;
    }
    port.publisher.publish(snapshot("last"), crate::clock::monotonic());
    let (_, body) = get(&port, "/api/status").await;
    assert!(body.contains("\"last\""), "the page is served to others");
    readers.clear();
    let free = async {
        loop {
            let mut reader = Events::open(&port).await;
            if reader.next("data: ").await.is_some() {
                return;
            }
        }
    };
    tokio::time::timeout(MINUTE, free).await.expect("who leaves makes room");
}

/// Time is paused: a stream ends by itself before its connection does, and says so by an orderly end.
#[tokio::test(start_paused = true)]
async fn a_stream_ends_in_time_and_shows_a_sign_of_life_until_then() {
    let port = served().await;
    let mut events = Events::open(&port).await;
    let begun = tokio::time::Instant::now();
    assert_eq!(events.next("retry: ").await.as_deref(), Some("1000"));
    let mut signs = 0;
    while events.next("data: ").await.is_some() {
        signs += 1;
    }
    let took = begun.elapsed();
    assert!(signs >= 2, "the age of the figures is news: {signs}");
    assert!((Duration::from_secs(49)..Duration::from_secs(56)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn of_several_sources_there_is_a_glance_and_a_page_of_each() {
    let (port, west) = two_served().await;
    west.readiness.fail(Check::Checkpoint, "no space left on <device>");
    let (status, body) = get(&port, "/api/status").await;
    let index: Index = serde_json::from_str(&body).expect("an index");
    assert_eq!((status, index.health, index.sources[0].health), (200, Health::Failing, Health::Healthy));
    assert_eq!(index.sources[1].headline, "No checkpoint can be stored: no space left on <device>");
    let (status, html) = get(&port, "/").await;
    assert!(status == 200 && html.contains("no space left on &lt;device&gt;"), "{html}");
    assert!(html.contains("href=\"?source=east\"") && html.contains("href=\"?source=west\""), "{html}");
    let (_, body) = get(&port, "/api/status?source=west").await;
    let json: Status = serde_json::from_str(&body).expect("a status");
    assert_eq!(json.health, Health::Failing);
    let (_, body) = get(&port, "/api/status?x=y&source=east").await;
    assert_eq!(serde_json::from_str::<Status>(&body).expect("a status").health, Health::Healthy);
    for path in ["/?source=north", "/api/status?source=north", "/api/status/events", "/api/status/events?source="] {
        let (status, body) = get(&port, path).await;
        assert_eq!((status, body.as_str()), (404, "say which source with ?source=NAME: east, west\n"), "{path}");
    }
}
