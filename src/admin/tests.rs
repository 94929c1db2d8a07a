//! The admin port over real sockets.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use prometheus::Registry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::engine::ShardId;
use crate::metrics::Metrics;

mod status;

const MINUTE: Duration = Duration::from_secs(60);

/// A served port, and what stops it.
struct Port {
    address: SocketAddr,
    registry: Registry,
    view: View,
    publisher: crate::status::Publisher,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

async fn served() -> Port {
    served_as(None).await.0
}

/// Of two sources, the second of which is a view alone.
async fn two_served() -> (Port, View) {
    let (port, views) = served_as(Some(["east", "west"])).await;
    (port, views[1].clone())
}

async fn served_as(names: Option<[&str; 2]>) -> (Port, Vec<View>) {
    let (publisher, board) = crate::status::board(status::snapshot("first"), crate::clock::monotonic());
    let registry = Registry::new();
    let new = |source: Option<&str>| View {
        source: source.map(str::to_owned),
        liveness: Liveness::new(MINUTE),
        readiness: Readiness::default(),
        board: board.clone(),
    };
    let views: Vec<View> = match names {
        Some(names) => names.map(|name| new(Some(name))).into(),
        None => vec![new(None)],
    };
    let view = views[0].clone();
    let state = AdminState { registries: Registries::new(registry.clone()), views: views.clone().into() };
    let server = AdminServer::bind(loopback()).await.expect("port 0 is free");
    let (stop, stopped) = oneshot::channel();
    let address = server.address();
    let server = tokio::spawn(server.serve(state, async { drop(stopped.await) }));
    (Port { address, registry, view, publisher, stop, server }, views)
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Sends bytes and reads until the server closes.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("the port is open");
    stream.write_all(bytes).await.expect("the request is taken");
    let mut answer = Vec::new();
    // A server that refuses may reset what it did not read.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).expect("answers are UTF-8")
}

async fn request(address: SocketAddr, method: &str, target: &str) -> (u16, String) {
    let head = format!("{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let answer = exchange(address, head.as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    (head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"), body.to_owned())
}

async fn get(port: &Port, target: &str) -> (u16, String) {
    request(port.address, "GET", target).await
}

#[tokio::test]
async fn metrics_are_in_the_text_format() {
    let port = served().await;
    let metrics = Metrics::new(&port.registry).expect("an empty registry");
    metrics.records_skipped_total.inc_by(3);
    let (status, body) = get(&port, "/metrics").await;
    assert_eq!(status, 200);
    assert!(
        body.contains("\n# TYPE trailrisk_records_skipped_total counter\ntrailrisk_records_skipped_total 3\n"),
        "{body}"
    );
}

#[tokio::test]
async fn alive_means_own_tasks_only() {
    let port = served().await;
    port.view.readiness.fail(Check::Sink("soc".to_owned()), "HTTP 500");
    let heartbeat = port.view.liveness.watch("pipeline", crate::clock::monotonic());
    for target in ["/livez", "/healthz"] {
        assert_eq!(get(&port, target).await, (200, "ok\n".to_owned()), "a blocked sink is no reason to restart");
    }
    let long_ago = crate::clock::monotonic().checked_sub(2 * MINUTE).expect("the host runs for minutes");
    heartbeat.beat(long_ago);
    assert_eq!(get(&port, "/livez").await, (503, "[-] task pipeline: no heartbeat for 120 s\n".to_owned()));
}

#[tokio::test]
async fn ready_names_every_reason() {
    let port = served().await;
    assert_eq!(get(&port, "/readyz").await, (200, "ok\n".to_owned()));
    port.view.readiness.fail(Check::Sink("soc".to_owned()), "HTTP 500\u{1b}[2J\nforged: ok");
    port.view.readiness.fail(Check::Shard(ShardId::new("shardId-000000000003")), "stalled for 75 s");
    let shard = "[-] shard shardId-000000000003: stalled for 75 s\n";
    let sink = "[-] sink soc: HTTP 500\\u{1b}[2J\\u{a}forged: ok\n";
    assert_eq!(get(&port, "/readyz").await, (503, format!("{shard}{sink}")));
    port.view.readiness.pass(Check::Sink("soc".to_owned()));
    assert_eq!(get(&port, "/readyz").await, (503, shard.to_owned()));
}

#[tokio::test]
async fn verbose_lists_what_passes_as_well() {
    let port = served().await;
    port.view.readiness.fail(Check::NotDraining, "stopping");
    let always = "[+] configuration\n[+] shards listed\n[+] replayed\n[-] not draining: stopping\n[+] checkpoint\n";
    assert_eq!(get(&port, "/readyz?verbose").await, (503, always.to_owned()));
    assert_eq!(get(&port, "/readyz?verbosely").await.1, "[-] not draining: stopping\n");
}

#[tokio::test]
async fn of_several_sources_each_check_says_whose_it_is_and_what_they_share_comes_once() {
    let (port, west) = two_served().await;
    assert_eq!(get(&port, "/readyz").await, (200, "ok\n".to_owned()));
    west.readiness.fail(Check::Shard(ShardId::new("shardId-000000000003")), "stalled for 75 s");
    west.readiness.fail(Check::Sink("soc".to_owned()), "HTTP 500");
    port.view.readiness.fail(Check::Sink("soc".to_owned()), "HTTP 500");
    let sink = "[-] sink soc: HTTP 500\n";
    let shard = "[-] source west: shard shardId-000000000003: stalled for 75 s\n";
    assert_eq!(get(&port, "/readyz").await, (503, format!("{sink}{shard}")));
    let (_, all) = get(&port, "/readyz?verbose").await;
    for (line, count) in
        [("[+] configuration\n", 1), ("[+] source east: replayed\n", 1), ("[+] source west: replayed\n", 1), (sink, 1)]
    {
        assert_eq!(all.matches(line).count(), count, "{line}{all}");
    }
    let long_ago = crate::clock::monotonic().checked_sub(2 * MINUTE).expect("the host runs for minutes");
    let _heartbeat = west.liveness.watch("pipeline of west", long_ago);
    assert_eq!(get(&port, "/livez").await, (503, "[-] task pipeline of west: no heartbeat for 120 s\n".to_owned()));
}

#[tokio::test]
async fn nothing_else_is_answered() {
    let port = served().await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        assert_eq!(request(port.address, method, "/metrics").await.0, 405, "{method}");
    }
    for target in ["/index.html", "/metrics/", "/debug/pprof", "/livez/x", "/api", "/api/status/", "/status.html"] {
        assert_eq!(get(&port, target).await.0, 404, "{target}");
    }
    assert_eq!(request(port.address, "HEAD", "/livez").await, (200, String::new()));
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let port = served().await;
    let long = format!("GET /livez HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(64 * 1024));
    let many = format!("GET /livez HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(100));
    for head in [long, many] {
        assert!(!exchange(port.address, head.as_bytes()).await.starts_with("HTTP/1.1 200"));
    }
    assert_eq!(get(&port, "/livez").await.0, 200);
}

#[tokio::test]
async fn threat_13_connections_that_are_held_open_do_not_shut_the_probe_out() {
    let port = served().await;
    let mut held = VecDeque::new();
    for _ in 0..64 {
        let mut stream = TcpStream::connect(port.address).await.expect("the port is open");
        stream.write_all(b"GET /livez HTTP/1.1\r\n").await.expect("half a head is taken");
        held.push_back(stream);
    }
    assert_eq!(get(&port, "/livez").await, (200, "ok\n".to_owned()));
    let mut oldest = held.pop_front().expect("there are 64");
    assert!(!matches!(oldest.read(&mut [0]).await, Ok(1..)), "it gave way, and is told nothing");
    for mut stream in held {
        stream.write_all(b"Host: x\r\nConnection: close\r\n\r\n").await.expect("the rest of the head is taken");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

/// Time is paused, so the time-out passes at once; without one, it would stay open.
#[tokio::test(start_paused = true)]
async fn a_connection_that_idles_is_ended() {
    let port = served().await;
    let mut idle = TcpStream::connect(port.address).await.expect("the port is open");
    idle.write_all(b"GET /livez HTTP/1.1\r\n").await.expect("half a head is taken");
    idle.read_to_end(&mut Vec::new()).await.expect("it ends");
}

#[tokio::test]
async fn it_stops_when_asked_and_frees_the_port() {
    let port = served().await;
    let mut open = TcpStream::connect(port.address).await.expect("the port is open");
    open.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("the request is taken");
    let mut answer = [0; 12];
    open.read_exact(&mut answer).await.expect("an answer");
    port.stop.send(()).expect("the server waits for it");
    port.server.await.expect("an open connection does not hold it up");
    AdminServer::bind(port.address).await.expect("the port is free again");
}

#[tokio::test]
async fn a_port_in_use_is_known_before_anything_is_served() {
    let first = AdminServer::bind(loopback()).await.expect("port 0 is free");
    let error = AdminServer::bind(first.address()).await.expect_err("the port is taken");
    assert!(matches!(&error, AdminError::InUse { address } if *address == first.address()), "{error}");
    let foreign = AdminServer::bind(SocketAddr::from(([192, 0, 2, 1], 1))).await;
    assert!(matches!(foreign, Err(AdminError::Bind { .. })), "an address of another host");
}

async fn check(address: SocketAddr) -> Result<(), HealthcheckError> {
    tokio::task::spawn_blocking(move || healthcheck(address, Duration::from_secs(5))).await.expect("no panic")
}

#[tokio::test]
async fn the_healthcheck_agrees_with_livez() {
    let port = served().await;
    check(port.address).await.expect("alive");
    check(SocketAddr::from(([0, 0, 0, 0], port.address.port()))).await.expect("a wildcard is asked by loopback");
    let long_ago = crate::clock::monotonic().checked_sub(2 * MINUTE).expect("the host runs for minutes");
    let _heartbeat = port.view.liveness.watch("pipeline", long_ago);
    let error = check(port.address).await.expect_err("not alive");
    assert!(error.to_string().contains("503 Service Unavailable: [-] task pipeline"), "{error}");
}

#[tokio::test]
async fn the_healthcheck_says_when_nobody_answers() {
    // It does not listen, and nobody else is given its port meanwhile.
    let bound = tokio::net::TcpSocket::new_v4().expect("a socket");
    bound.bind(loopback()).expect("port 0 is free");
    let address = bound.local_addr().expect("it is bound");
    assert!(matches!(check(address).await, Err(HealthcheckError::Unreachable { .. })));
    assert!(matches!(check(loopback()).await, Err(HealthcheckError::UnknownPort)));
}

#[tokio::test]
async fn the_healthcheck_gives_up_on_a_silent_listener() {
    let silent = tokio::net::TcpListener::bind(loopback()).await.expect("port 0 is free");
    let address = silent.local_addr().expect("it is bound");
    let asked = tokio::task::spawn_blocking(move || healthcheck(address, Duration::from_millis(50)));
    let Err(HealthcheckError::Unreachable { source, .. }) = asked.await.expect("no panic") else { panic!("no answer") };
    assert_eq!(source.to_string(), "it did not answer within 50ms");
}
