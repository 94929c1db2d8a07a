use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::*;
use crate::config::Secret;
use crate::sink::testing::{Answer, Authority, Receiver, TlsReceiver};

/// No resolver knows it.
const NOWHERE: &str = "http://hooks.invalid/hook";

fn through(url: &str, proxy: &str) -> HttpConfig {
    let url_of = || Some(Secret(proxy.to_owned()));
    let proxy = ProxyConfig { http: url_of(), https: url_of(), exceptions: String::new() };
    HttpConfig { allow_private: false, proxy: Some(proxy), ..config(url) }
}

fn except(config: HttpConfig, exceptions: &str) -> HttpConfig {
    let proxy = config.proxy.map(|proxy| ProxyConfig { exceptions: exceptions.to_owned(), ..proxy });
    HttpConfig { proxy, ..config }
}

/// Opens one tunnel on a free port of this host, to wherever it is told; tells the request and its headers.
async fn tunnel() -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, heads) = mpsc::channel(100);
    tokio::spawn(async move {
        let mut client = BufReader::new(listener.accept().await.unwrap().0);
        let (mut line, mut target) = (String::new(), None);
        while client.read_line(&mut line).await.unwrap() > 2 {
            target = target.or_else(|| Some(line.split(' ').nth(1)?.to_owned()));
            told.send(std::mem::take(&mut line).trim_end().to_owned()).await.unwrap();
        }
        let mut server = TcpStream::connect(target.unwrap()).await.unwrap();
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
    });
    (port, heads)
}

/// The names that are written in the configuration are the operator's choice, that of the proxy included.
#[tokio::test]
async fn plain_http_goes_to_the_proxy_which_may_stand_inside() {
    for host in ["127.0.0.1", "localhost"] {
        let proxy = Receiver::start([]).await;
        let config = through(NOWHERE, &format!("http://u:p@{host}:{}/", proxy.port));
        assert_eq!(post(&config).await, Outcome::Delivered);
        let request = proxy.requests().pop().unwrap();
        assert_eq!((request.path.as_str(), &request.headers["host"]), ("/hook", &"hooks.invalid".parse().unwrap()));
        assert_eq!(request.headers["proxy-authorization"], "Basic dTpw");
    }
}

#[tokio::test]
async fn https_goes_through_a_tunnel_that_sees_the_host_alone() {
    let authority = Authority::new("ours");
    let receiver = TlsReceiver::start(&authority.issue("localhost", 2200), None).await;
    let (port, mut heads) = tunnel().await;
    let mut config = through(&format!("https://localhost:{}/hook", receiver.port), &format!("http://127.0.0.1:{port}"));
    config.tls.ca_certificate = Some(authority.pem);
    config.headers = vec![("x-key".to_owned(), Secret("s3cr3t-canary".to_owned()))];
    assert_eq!(post(&config).await, Outcome::Delivered);
    assert_eq!(receiver.count(), 1);
    let mut head = Vec::new();
    while let Ok(line) = heads.try_recv() {
        head.push(line);
    }
    assert_eq!(head[0], format!("CONNECT localhost:{} HTTP/1.1", receiver.port));
    assert!(!head.concat().contains("s3cr3t") && !head.concat().contains("/hook"), "{head:?}");
}

#[tokio::test]
async fn threat_9_what_is_excepted_from_the_proxy_is_checked_as_without_one() {
    let (proxy, inside) = (Receiver::start([]).await, Receiver::start([]).await);
    let direct = except(
        through(&format!("http://localhost:{}/", inside.port), &format!("http://127.0.0.1:{}", proxy.port)),
        "example.com, localhost",
    );
    let refused = failure(&direct).await;
    assert_eq!(refused.kind, FailureKind::Misconfigured);
    assert!(refused.detail.contains("loopback"), "{}", refused.detail);
    let allowed = HttpConfig { allow_private: true, ..direct };
    assert_eq!(post(&allowed).await, Outcome::Delivered);
    assert_eq!((proxy.requests().len(), inside.requests().len()), (0, 1));
}

#[tokio::test]
async fn without_a_proxy_nothing_goes_there_and_one_for_https_is_none_for_http() {
    let proxy = Receiver::start([]).await;
    let mut config = through(NOWHERE, &format!("http://127.0.0.1:{}", proxy.port));
    config.proxy = config.proxy.map(|proxy| ProxyConfig { http: None, ..proxy });
    assert_eq!(failure(&config).await.kind, FailureKind::Unavailable);
    config.proxy = None;
    assert_eq!(failure(&config).await.kind, FailureKind::Unavailable);
    assert!(proxy.requests().is_empty());
}

#[tokio::test]
async fn threat_10_a_proxys_password_is_in_no_failure_and_its_refusal_is_a_wrong_configuration() {
    let proxy = Receiver::start([Answer::Status(407)]).await;
    let open = format!("http://u:s3cr3t-canary@127.0.0.1:{}", proxy.port);
    let shut = "http://u:s3cr3t-canary@127.0.0.1:1".to_owned();
    for (url, kind) in [(open, FailureKind::Misconfigured), (shut, FailureKind::Unavailable)] {
        for target in [NOWHERE, "https://hooks.invalid/hook"] {
            let config = through(target, &url);
            let failure = failure(&config).await;
            assert!(!format!("{failure:?} {config:?}").contains("s3cr3t"), "{failure:?}");
            assert!(target != NOWHERE || failure.kind == kind, "{failure:?}");
        }
    }
}
