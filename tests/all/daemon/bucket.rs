//! Dead letters in a bucket, for a host without a disk.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use serde_json::json;

use super::dead_letter_replay::{records, replay};
use super::line::{finals, read_all};
use super::{STREAM, config, home};
use crate::support::daemon::Daemon;
use crate::support::kinesis::CannedStream;
use crate::support::{PATIENCE, wall_millis};

/// What of S3 matters here: objects are put under their paths. It is down at first, and there is no bucket to look at.
#[derive(Default)]
struct Bucket {
    is_up: bool,
    refused: usize,
    objects: BTreeMap<String, Bytes>,
}

impl Bucket {
    async fn start() -> (Arc<Mutex<Self>>, String) {
        let bucket = Arc::<Mutex<Self>>::default();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&bucket));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        tokio::spawn(async move { axum::serve(listener, app).await.expect("serving never fails") });
        (bucket, url)
    }
}

async fn answer(State(bucket): State<Arc<Mutex<Bucket>>>, method: Method, uri: Uri, body: Bytes) -> StatusCode {
    let mut bucket = bucket.lock().expect("no handler panics");
    match method {
        Method::HEAD => StatusCode::NOT_FOUND,
        Method::PUT if bucket.is_up => {
            bucket.objects.insert(uri.path().to_owned(), body);
            StatusCode::OK
        }
        Method::PUT => {
            bucket.refused += 1;
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => StatusCode::NOT_IMPLEMENTED,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn po_1_letters_in_a_bucket_are_held_while_it_is_down_and_give_what_their_records_would_have_given() {
    let (home, time, (bucket, url)) = (home(), wall_millis(), Bucket::start().await);
    let stream = CannedStream::start(STREAM, time, records(time)).await;
    let mut config = config(&stream.endpoint);
    config["limits"] = json!({"max_inflated_bytes": "1MiB"});
    config["detections"]["decode"] = json!("all");
    config["dead_letter"] =
        json!({"type": "s3", "url": "s3://soc-letters/trailrisk", "region": "eu-central-1", "endpoint_url": url});
    home.configure(config.to_string());
    let daemon = home.start();
    let held = || async { daemon.get("/readyz").await.filter(|(_, body)| body.contains("dead letters")) };
    let (status, reason) = daemon.until(PATIENCE, "the letters are held", held).await;
    assert!(status == 503 && reason.contains("S3 answers 503"), "{reason}");
    assert!(bucket.lock().unwrap().refused > 0);
    bucket.lock().unwrap().is_up = true;
    daemon.ready().await;
    let letters = r#"trailrisk_dead_letters_total{origin="record"}"#;
    let kept = || async { (daemon.metric(letters).await >= 2.0).then_some(()) };
    daemon.until(PATIENCE, "both are kept", kept).await;
    let ended = daemon.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.lines.is_empty(), "nothing could be evaluated");
    let warnings = ended.log.matches("dead letters may not reach their bucket").count();
    assert_eq!(warnings, 1, "said at the start: {}", ended.log);

    let objects = bucket.lock().unwrap().objects.clone();
    assert!(objects.keys().all(|path| path.starts_with("/soc-letters/trailrisk/20")), "{:?}", objects.keys());
    assert!(!home.path("dead-letters.ndjson").exists(), "no disk is used");
    home.write("dead-letters.ndjson", objects.values().map(|object| &object[..]).collect::<Vec<_>>().concat());
    config["limits"] = json!({"max_inflated_bytes": "8MiB"});
    home.configure(config.to_string());
    let (mended, log) = replay(&home).await;
    assert!(log.contains("rejected as bad_json: 1"), "{log}");
    let mut command = home.with_config(&["replay", "--source-name", STREAM]);
    command.arg(home.write("records.json.gz", &records(time)[0]));
    let at_first = Daemon::spawn(command).ended().await;
    let at_first = finals(&read_all(&at_first.lines));
    assert_eq!((mended.len(), &mended), (2, &at_first));
}
