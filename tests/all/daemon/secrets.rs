//! A secret in every place that may hold one, through all that the real binary says while it runs and while it fails.

use serde_json::{Value, json};

use super::event::JobCreated;
use super::webhook::Receiver;
use super::{STREAM, config, home};
use crate::support::daemon::{Daemon, Home};
use crate::support::kinesis::LocalKinesis;
use crate::support::{PATIENCE, wall_millis};

const CANARY: &str = "c4nary5ecret";
/// As user and password of basic authentication.
const ENCODED: &str = "YzRuYXJ5NWVjcmV0OmM0bmFyeTVlY3JldA==";

/// A configuration with the canary in a header, a password, the query of a URL, a signing secret, the sampling key, `${NAME}` and `${file:}`.
fn secretive(home: &Home, kinesis: &LocalKinesis, receiver: &Receiver) -> Value {
    let mut config = config(kinesis);
    config["sinks"] = receiver.sink();
    config["sinks"][0]["url"] = json!(format!("{}?token={CANARY}", receiver.url));
    config["sinks"][0]["headers"] = json!({"x-named": "${SECRET}", "x-file": format!("${{file:{}}}", home.path("secret").display()), "x-plain": CANARY});
    config["sinks"][0]["auth"] = json!({"basic": {"user": "${SECRET}", "password": CANARY}});
    config["sinks"][0]["signing_secrets"] = json!([format!("whsec_{CANARY}{CANARY}{CANARY}")]);
    config["limits"] = json!({"sampling_key": format!("{CANARY}{CANARY}")});
    config["log"]["level"] = json!("trace");
    home.write("secret", CANARY);
    config
}

fn start(home: &Home, config: &Value, arguments: &[&str]) -> Daemon {
    home.configure(config.to_string());
    let mut command = home.with_config(arguments);
    command.env("SECRET", CANARY);
    Daemon::spawn(command)
}

fn assert_silent(what: &str, text: &str) {
    let said = text.lines().find(|line| line.contains(CANARY) || line.contains(ENCODED));
    assert_eq!(said, None, "{what} tells a secret");
}

#[tokio::test(flavor = "multi_thread")]
async fn threat_10_no_secret_is_told_while_it_runs_fails_and_stops() {
    let (kinesis, home, receiver) = (LocalKinesis::start().await, home(), Receiver::start().await);
    kinesis.create_stream(STREAM, 1).await;
    let config = secretive(&home, &kinesis, &receiver);
    let daemon = start(&home, &config, &["run"]);
    daemon.ready().await;
    receiver.set_down(true);
    kinesis.put(STREAM, [("k".to_owned(), JobCreated::new(1, wall_millis(), "111111111111").text().into())]).await;
    let failing = || async { daemon.get("/readyz").await.filter(|(status, _)| *status == 503) };
    let (_, reason) = daemon.until(PATIENCE, "the webhook fails", failing).await;
    assert_silent("/readyz", &reason);
    assert_silent("/metrics", &daemon.metrics().await);
    for path in ["/", "/api/status"] {
        let says = || async { daemon.get(path).await.filter(|(_, body)| body.contains("unavailable")) };
        let (_, body) = daemon.until(PATIENCE, &format!("{path} says that the sink fails"), says).await;
        assert_silent(path, &body);
    }
    receiver.set_down(false);
    let delivered = || async { (receiver.count() >= 2).then_some(()) };
    daemon.until(PATIENCE, "it is delivered", delivered).await;
    let ended = daemon.stop().await;
    assert_eq!(ended.code, Some(0));
    assert_silent("the log", &ended.log);
    for file in ["checkpoint.json", "dead-letters.ndjson"] {
        assert_silent(file, &std::fs::read_to_string(home.path(file)).expect("it is there"));
    }
    for command in [&["check"][..], &["checkpoint", "show"], &["checkpoint", "export"]] {
        let ended = start(&home, &config, command).ended().await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        assert_silent(&format!("{command:?}"), &(ended.log + &ended.lines.join("\n")));
    }
}

/// Both are used, and fail: nobody listens at the proxy.
#[tokio::test(flavor = "multi_thread")]
async fn threat_10_neither_a_client_key_nor_a_proxys_password_is_told() {
    let (kinesis, home, receiver) = (LocalKinesis::start().await, home(), Receiver::start().await);
    kinesis.create_stream(STREAM, 1).await;
    let keys = [(); 2].map(|()| rcgen::KeyPair::generate().expect("a key"));
    let certificate = rcgen::CertificateParams::default().self_signed(&keys[0]).expect("a certificate").pem();
    let pems = keys.map(|key| key.serialize_pem());
    for (file, text) in [("client.key", &*pems[0]), ("other.key", &*pems[1]), ("no.key", CANARY)] {
        home.write(file, text);
    }
    let silent = |what: &str, text: &str| {
        assert_silent(what, text);
        let tells = pems.iter().any(|pem| text.contains(pem.lines().nth(1).expect("base64")));
        assert!(!tells, "{what} tells a key");
    };
    let start = |key: &str, arguments: &[&str], proxy: &str| {
        let mut config = secretive(&home, &kinesis, &receiver);
        config["sinks"][0]["url"] = json!("https://hooks.example.com/");
        config["sinks"][0]["proxy"] = json!("environment");
        config["sinks"][0]["tls"] =
            json!({"client_certificate": certificate, "client_key": format!("${{file:{key}}}")});
        home.configure(config.to_string());
        let mut command = home.with_config(arguments);
        command.env("SECRET", CANARY).env("HTTPS_PROXY", proxy);
        Daemon::spawn(command)
    };
    let shut = format!("http://trailrisk:{CANARY}@127.0.0.1:1");
    let daemon = start("client.key", &["run"], &shut);
    daemon.ready().await;
    kinesis.put(STREAM, [("k".to_owned(), JobCreated::new(1, wall_millis(), "111111111111").text().into())]).await;
    let failing = || async { daemon.get("/readyz").await.filter(|(status, _)| *status == 503) };
    let (_, reason) = daemon.until(PATIENCE, "the webhook fails", failing).await;
    assert!(reason.contains("cannot connect"), "{reason}");
    silent("/readyz", &reason);
    silent("/metrics", &daemon.metrics().await);
    silent("the log", &daemon.kill().await.log);
    for (key, proxy, words) in [
        ("other.key", &*shut, "does not belong to the first certificate"),
        ("no.key", &shut, "holds no private key"),
        ("absent.key", &shut, "cannot be read"),
        ("client.key", &shut.replace("http", "socks5"), "reads HTTPS_PROXY, which is no URL of a proxy"),
    ] {
        let ended = start(key, &["check"], proxy).ended().await;
        assert_eq!(ended.code, Some(78), "{}", ended.log);
        let said = ended.log + &ended.lines.join("\n");
        assert!(said.contains(words), "{said}");
        silent(key, &said);
    }
}

/// What is wrong is said without what it holds.
#[tokio::test]
async fn threat_10_no_secret_is_told_by_an_error_at_the_start() {
    let (kinesis, home, receiver) = (LocalKinesis::start().await, home(), Receiver::start().await);
    kinesis.create_stream(STREAM, 1).await;
    let wrong: [(&str, Value); 13] = [
        ("/sinks/0/headers/x-named", json!("${SECRET}\n")),
        ("/sinks/0/url", json!(format!("ftp://hooks.example.com/?token={CANARY}"))),
        ("/sinks/0/url", json!(format!("https://user:{CANARY}@hooks.example.com/"))),
        ("/sinks/0/signing_secrets/0", json!("${SECRET}")),
        ("/sinks/0/signing_secrets/0", json!(format!("whsec_{CANARY}!"))),
        ("/sinks/0/auth", json!({"bearer": format!("{CANARY}\n")})),
        ("/sinks/0/auth", json!({"bearer": CANARY, "basic": {"user": "${SECRET}", "password": "${SECRET}"}})),
        ("/sinks/0/headers", json!({"authorization": "${SECRET}"})),
        ("/sinks/0/queue_bytes", json!("${SECRET}")),
        ("/limits/sampling_key", json!({"a": CANARY})),
        ("/log/level", json!("${SECRET}")),
        ("/source/endpoint_url", json!(format!("https://user:{CANARY}@kinesis.example.com"))),
        ("/checkpoint/interval", json!(format!("${{file:{}}}", home.path("secret").display()))),
    ];
    for (place, value) in wrong {
        let mut config = secretive(&home, &kinesis, &receiver);
        *config.pointer_mut(place).expect("it is configured") = value;
        for command in ["run", "check"] {
            let ended = start(&home, &config, &[command]).ended().await;
            assert_ne!(ended.code, Some(0), "{place} is refused");
            assert_silent(place, &(ended.log + &ended.lines.join("\n")));
        }
    }
}
