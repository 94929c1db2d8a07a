//! What each stream gives, and that no other has a part in it.

use super::*;
use crate::support::wait_until;

/// The ids differ by the source's name alone (EM-3); a receiver and a file are shared.
#[tokio::test(flavor = "multi_thread")]
async fn em_3_each_of_two_streams_gives_what_it_gives_alone_under_ids_of_its_own() {
    let mut scene = Scene::new(|config| {
        config["sinks"] = json!([
            {"name": "stdout", "type": "stdout"},
            {"name": "archive", "type": "file", "path": "risk-events.ndjson", "rotate_bytes": "64KiB", "keep": 100},
        ]);
    })
    .await;
    let begun = wall_millis();
    let daemon = scene.home.start();
    daemon.ready().await;
    scene.put_both(20).await;
    scene.put(0, 10).await;
    scene.until_final(&daemon, &[0, 1]).await;
    scene.stop(daemon).await;
    scene.assert_exact(&scene.said).await;
    scene.assert_once();
    let lines = read_all(&scene.said);
    let ids = |source| finals(of(&lines, source)).into_keys().collect::<BTreeSet<_>>();
    assert!(ids(0).is_disjoint(&ids(1)), "EM-3: the same event is another result");
    assert!(lines.iter().all(|line| line.json["meta"]["stream"] == STREAM));

    // One writer: every line of the file is whole, whoever pushed it.
    let folder = std::fs::read_dir(scene.home.path(".")).expect("the folder").map(|file| file.expect("a file").path());
    let ours = folder.filter(|path| path.to_string_lossy().contains("risk-events.ndjson"));
    let texts: String = ours.map(|path| std::fs::read_to_string(path).expect("UTF-8")).collect();
    let archived: Vec<String> = texts.lines().map(str::to_owned).collect();
    assert_eq!(archived.len(), scene.said.len());
    scene.assert_exact(&archived).await;
    assert!(scene.home.path("risk-events.ndjson.1").exists(), "it was rotated meanwhile");

    // A backtest of one takes only its own from the file of both.
    scene.home.write("live.ndjson", scene.said.join("\n"));
    wait_until("the range is over", || async { (wall_millis() > begun + 10_000).then_some(()) }).await;
    let from = jiff::Timestamp::from_millisecond(begun - 5000).expect("in range").to_string();
    let backtest = ["backtest", "--from", &from, "--diff", "live.ndjson"];
    let refused = scene.command(&backtest).await;
    assert_eq!(refused.code, Some(64), "{}", refused.log);
    assert!(refused.log.contains("say which with --source NAME: east, west"), "{}", refused.log);
    for (source, name) in SOURCES.iter().enumerate() {
        let compared = scene.command(&[&backtest[..], &["--source", name]].concat()).await;
        assert_eq!(compared.code, Some(0), "{}", compared.log);
        let alike = format!("no difference: {} alike", scene.events[source].len());
        assert!(compared.log.contains(&alike), "{alike}: {}", compared.log);
    }
}

/// RD-3, RD-1: a watermark is a stream's own.
#[tokio::test(flavor = "multi_thread")]
async fn rd_3_a_stream_that_stalls_is_named_and_the_other_goes_on() {
    let mut scene = Scene::new(|config| config["sources"][1]["stalled_after"] = json!("2s")).await;
    let daemon = scene.home.start();
    daemon.ready().await;
    scene.kinesis[1].faults().inject_always("GetRecords", crate::support::kinesis::Fault::ACCESS_DENIED);
    let stalled = || async {
        let (status, body) = daemon.get("/readyz").await?;
        (status == 503 && body.matches("[-] source west: shard shardId-").count() == 2).then_some(body)
    };
    let body = daemon.until(PATIENCE, "/readyz names the stalled shards of one stream", stalled).await;
    assert_eq!(body.lines().count(), 2, "and nothing else: {body}");
    let shards =
        async |source| metric(&daemon, "trailrisk_kinesis_shards", &[("state", "stalled"), ("source", source)]).await;
    assert_eq!((shards("east").await, shards("west").await), (0.0, 2.0));
    scene.put_both(5).await;
    scene.until_final(&daemon, &[0]).await;
    assert_eq!(of(&read_all(&daemon.lines()), 1).count(), 0, "nothing of the other is read");
    let lines = daemon.until_logged("shard stalled").await;
    let line: Value = serde_json::from_str(&lines[0]).expect("JSON");
    assert_eq!(line["spans"][0]["source"], "west", "{line}");

    // The glance names it, and each has a page.
    let (_, index) = daemon.get("/api/status").await.expect("it answers");
    let index: Value = serde_json::from_str(&index).expect("JSON");
    let health: Vec<&str> = index["sources"].as_array().expect("a list").iter().map(|s| text(&s["health"])).collect();
    assert!(health[0] != "failing" && health[1] == "failing" && text(&index["health"]) == "failing", "{index}");
    assert!(text(&index["sources"][1]["headline"]).contains("stalled"), "{index}");
    let (status, page) = daemon.get("/").await.expect("it answers");
    assert!(status == 200 && page.contains(r#"href="?source=west""#) && page.contains("stalled"), "{page}");
    let (_, west) = daemon.get("/api/status?source=west").await.expect("it answers");
    let west: Value = serde_json::from_str(&west).expect("JSON");
    assert_eq!((text(&west["stream"]["source"]), text(&west["stream"]["reader"])), ("west", "polling"));
    let (_, page) = daemon.get("/?source=west").await.expect("it answers");
    assert!(page.contains("api/status?source=west") && page.contains("shardId-"), "{page}");
    assert_eq!(daemon.get("/api/status?source=north").await.map(|(status, _)| status), Some(404));
    assert_eq!(daemon.get("/livez").await.map(|(status, _)| status), Some(200));

    scene.kinesis[1].faults().clear();
    daemon.ready().await;
    scene.until_final(&daemon, &[0, 1]).await;
    scene.stop(daemon).await;
    scene.assert_exact(&scene.said).await;
}
