//! The stores against CP-3, and the file against crashes, damage and a second process.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::*;
use crate::engine::{
    CHECKPOINT_VERSION, PlanCheckpoint, PlanSpan, Position, SequenceNumber, ShardCheckpoint, ShardId, StartPosition,
    StreamIdentity,
};
use crate::plan::{PlanText, RiskModel};
use crate::time::Arrival;

const SHARD: &str = "shardId-000000000000";

fn after(number: u32) -> Position {
    Position::After(SequenceNumber::try_new(&format!("4959{number:010}")).unwrap(), 0)
}

/// A checkpoint that has something in every field.
fn checkpoint() -> Checkpoint {
    let shard = ShardCheckpoint {
        parents: vec![ShardId::new("shardId-000000000009")],
        children: vec![],
        start: StartPosition::AtTimestamp(Arrival(1_700_000_000_000)),
        resume_after: after(10),
        effective_arrival: Arrival(1_700_000_100_000),
        processed: after(20),
        processed_arrival: Arrival(1_700_000_190_000),
        read_through: None,
        drained: false,
        lifts: vec![(after(15), Arrival(1_700_000_150_000))],
    };
    let drained = ShardCheckpoint {
        resume_after: Position::End,
        processed: Position::End,
        read_through: Some(Arrival(1_700_000_200_000)),
        drained: true,
        ..shard.clone()
    };
    Checkpoint {
        version: CHECKPOINT_VERSION,
        stream: StreamIdentity { name: "cloudtrail".to_owned(), created_at: 1_690_000_000_000 },
        horizon: Arrival(1_700_000_050_000),
        started_at: Arrival(1_699_999_000_000),
        plans: vec![plan()],
        shards: [(ShardId::new(SHARD), shard), (ShardId::new("shardId-000000000001"), drained)].into(),
    }
}

pub(super) fn plan() -> PlanCheckpoint {
    let risk = RiskModel {
        message: "Job \"$x$\" \u{202e}\u{1f44d}".to_owned(),
        score: 64.1,
        impact: Some(80),
        confidence: None,
        risk_objects: vec![],
        threat_objects: vec![],
        mitre_attack: vec!["T1119".to_owned()],
        kill_chain_phases: vec![],
        nist: vec![],
        cis20: vec![],
        analytic_story: vec![],
    };
    let text = PlanText {
        id: "04455dd3-ced7-480f-b8e6-5469b99e98e2".to_owned(),
        name: "AWS Exfiltration via Batch Service".to_owned(),
        version: 1,
        kind: "TTP".to_owned(),
        search: "search eventName=JobCreated\n| stats count by src_ip".to_owned(),
        filters: vec![],
        lookups: Vec::new(),
        risk,
        window_ms: 3_600_000,
        grace_ms: 900_000,
        max_future_skew_ms: 300_000,
    };
    let activated = Some(Arrival(1_700_000_000_001));
    PlanCheckpoint { text, spans: vec![PlanSpan { activated, retired: None }] }
}

fn shard(checkpoint: &mut Checkpoint) -> &mut ShardCheckpoint {
    checkpoint.shards.get_mut(&ShardId::new(SHARD)).unwrap()
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.json");
    (folder, path)
}

async fn load_from(path: &Path) -> Result<Option<Checkpoint>, StoreError> {
    FileStore::open(path)?.load().await
}

fn detail(error: StoreError) -> String {
    match error {
        StoreError::Unreadable { detail, .. } => detail,
        other => panic!("expected Unreadable, got {other:?}"),
    }
}

#[tokio::test]
async fn a_first_start_finds_nothing_and_a_restart_finds_what_was_saved() {
    let (_folder, path) = folder();
    let mut store = FileStore::open(&path).unwrap();
    assert_eq!(store.load().await.unwrap(), None);
    store.save(&checkpoint()).await.unwrap();
    assert_eq!(store.load().await.unwrap(), Some(checkpoint()));
    drop(store);
    assert_eq!(load_from(&path).await.unwrap(), Some(checkpoint()));
    assert_eq!(inspect(&path).unwrap(), Some(checkpoint()));
}

#[tokio::test]
async fn only_the_owner_may_read_the_files() {
    let (folder, path) = folder();
    FileStore::open(&path).unwrap().save(&checkpoint()).await.unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
    }
}

#[test]
fn a_document_torn_at_any_byte_is_an_error() {
    let (_folder, path) = folder();
    let whole = encode(&checkpoint()).into_bytes();
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let detail = detail(inspect(&path).expect_err("a torn document"));
        assert!(detail.contains("checkpoint reset"), "at {length}: {detail}");
    }
}

#[test]
fn every_single_bit_flip_is_an_error() {
    let whole = encode(&checkpoint()).into_bytes();
    for index in 0..whole.len() * 8 {
        let mut damaged = whole.clone();
        damaged[index / 8] ^= 1 << (index % 8);
        assert!(document::decode(&damaged).is_err(), "bit {} of byte {}", index % 8, index / 8);
    }
}

#[tokio::test]
async fn a_damaged_file_is_never_overwritten() {
    let (_folder, path) = folder();
    std::fs::write(&path, "{").unwrap();
    let mut store = FileStore::open(&path).unwrap();
    detail(store.save(&checkpoint()).await.expect_err("a damaged file"));
    assert_eq!(std::fs::read(&path).unwrap(), b"{");
}

#[test]
fn a_newer_version_is_named_even_if_its_content_is_unknown() {
    let newer = r#"{"format":"trailrisk.checkpoint","version":3,"sha256":"?","checkpoint":{"new":1},"more":[]}"#;
    let detail = document::decode(newer.as_bytes()).expect_err("a newer version");
    assert!(detail.contains("newer build (version 3"), "{detail}");
    let older = newer.replace("\"version\":3", "\"version\":0");
    assert!(document::decode(older.as_bytes()).expect_err("version 0").contains("version 0 is unknown"));
}

#[test]
fn another_json_file_is_not_taken_for_a_checkpoint() {
    let other = encode(&checkpoint()).replace("trailrisk.checkpoint", "somebody.else");
    assert!(document::decode(other.as_bytes()).expect_err("another format").contains("somebody.else"));
}

#[test]
fn an_edited_document_is_refused() {
    let edited = encode(&checkpoint()).replace("1700000050000", "1700000050001");
    assert!(document::decode(edited.as_bytes()).expect_err("edited").contains("checksum"));
}

#[tokio::test]
async fn a_second_process_is_refused_while_the_first_lives() {
    let (_folder, path) = folder();
    let first = FileStore::open(&path).unwrap();
    assert!(matches!(FileStore::open(&path), Err(StoreError::InUse { .. })));
    assert!(matches!(reset(&path), Err(StoreError::InUse { .. })), "nor may it be reset meanwhile");
    assert_eq!(inspect(&path).unwrap(), None, "but it may be looked at");
    drop(first);
    FileStore::open(&path).expect("the lock went with its holder");
}

#[tokio::test]
async fn a_crash_between_writing_and_renaming_leaves_the_old_document() {
    let (_folder, path) = folder();
    FileStore::open(&path).unwrap().save(&checkpoint()).await.unwrap();
    let leftover = path.with_file_name("checkpoint.json.tmp");
    std::fs::write(&leftover, &encode(&checkpoint())[..40]).unwrap();

    let mut store = FileStore::open(&path).unwrap();
    assert_eq!(store.load().await.unwrap(), Some(checkpoint()));
    assert!(!leftover.exists(), "the leftover is cleaned away");
    let mut next = checkpoint();
    next.horizon = next.horizon.plus(1);
    store.save(&next).await.unwrap();
    drop(store);
    assert_eq!(load_from(&path).await.unwrap(), Some(next));
}

/// As an operator sets it up who keeps the state on a volume that is mounted elsewhere. The link dangles at first.
#[tokio::test]
async fn what_a_link_leads_to_is_written_and_the_link_stays() {
    let (folder, path) = folder();
    let volume = folder.path().join("volume");
    std::fs::create_dir(&volume).unwrap();
    std::os::unix::fs::symlink("volume/kept.json", folder.path().join("second")).unwrap();
    std::os::unix::fs::symlink("second", &path).unwrap();
    let mut store = FileStore::open(&path).unwrap();
    store.save(&checkpoint()).await.unwrap();
    store.notes().unwrap().write(b"noted").unwrap();
    let kept = volume.join("kept.json");
    assert!(matches!(FileStore::open(&kept), Err(StoreError::InUse { .. })), "by whatever name");
    drop(store);
    assert!(path.is_symlink() && kept.is_file());
    assert_eq!(inspect(&kept).unwrap(), Some(checkpoint()));
    assert_eq!(load_from(&path).await.unwrap(), Some(checkpoint()));
    assert_eq!(FileNotes::of(&path).unwrap().read().unwrap().as_deref(), Some(&b"noted"[..]));
    let beside: Vec<_> = [folder.path(), &volume].map(|folder| std::fs::read_dir(folder).unwrap().count()).into();
    assert_eq!(beside, [3, 3], "what belongs to the checkpoint lies beside it, and nothing beside the links");
    assert!(reset(&path).unwrap());
    assert!(path.is_symlink() && !kept.exists());
    assert_eq!(std::fs::read_dir(&volume).unwrap().count(), 1, "the lock file stays");
}

#[test]
fn links_in_a_circle_are_an_error() {
    let (_folder, path) = folder();
    std::os::unix::fs::symlink("checkpoint.json", &path).unwrap();
    let error = FileStore::open(&path).expect_err("it leads nowhere");
    assert!(matches!(&error, StoreError::Io { place, .. } if place.ends_with("checkpoint.json")), "{error:?}");
}

#[tokio::test]
async fn a_failed_save_leaves_what_was_stored_and_the_next_one_succeeds() {
    let (folder, path) = folder();
    let mut store = FileStore::open(&path).unwrap();
    store.save(&checkpoint()).await.unwrap();
    let mut next = checkpoint();
    next.horizon = next.horizon.plus(1);
    // A folder in the way of the temporary file: nothing can be written, whoever runs the test.
    let obstacle = folder.path().join("checkpoint.json.tmp");
    std::fs::create_dir(&obstacle).unwrap();
    assert!(matches!(store.save(&next).await, Err(StoreError::Io { action: "write", .. })));
    assert_eq!(inspect(&path).unwrap(), Some(checkpoint()));
    std::fs::remove_dir(&obstacle).unwrap();
    store.save(&next).await.unwrap();
    assert_eq!(inspect(&path).unwrap(), Some(next));
}

#[test]
fn a_folder_that_is_missing_or_cannot_be_written_is_an_error_at_the_start() {
    for path in ["/nonexistent/trailrisk/checkpoint.json", "/proc/trailrisk-checkpoint.json"] {
        let error = FileStore::open(Path::new(path)).expect_err(path);
        assert!(matches!(&error, StoreError::Io { action: "lock", place, .. } if place.starts_with(path)), "{error:?}");
    }
}

#[test]
fn a_folder_in_the_place_of_the_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(inspect(folder.path()), Err(StoreError::Io { action: "read", .. })));
}

#[tokio::test]
async fn reset_removes_even_what_cannot_be_read() {
    let (_folder, path) = folder();
    assert!(!reset(&path).unwrap(), "there was nothing");
    std::fs::write(&path, "damaged").unwrap();
    assert!(reset(&path).unwrap());
    assert_eq!(load_from(&path).await.unwrap(), None);
}

/// What CP-3 forbids, each with the word that the error must name.
fn steps_back() -> Vec<(&'static str, Checkpoint)> {
    let change = |change: fn(&mut Checkpoint)| {
        let mut changed = checkpoint();
        change(&mut changed);
        changed
    };
    vec![
        ("H would", change(|c| c.horizon = c.horizon.plus(-1))),
        ("C of shard shardId-000000000000", change(|c| shard(c).resume_after = after(9))),
        ("P of shard shardId-000000000000", change(|c| shard(c).processed = after(19))),
        ("forgotten", change(|c| drop(c.shards.remove(&ShardId::new(SHARD))))),
        ("drained", change(|c| c.shards.values_mut().for_each(|s| s.drained = false))),
        ("another", change(|c| c.stream.name = "another".to_owned())),
        ("created later", change(|c| c.stream.created_at -= 1)),
    ]
}

#[tokio::test]
async fn cp_3_nothing_that_goes_back_is_stored() {
    let (_folder, path) = folder();
    let mut file = FileStore::open(&path).unwrap();
    let mut memory = MemoryStore::default();
    file.save(&checkpoint()).await.unwrap();
    memory.save(&checkpoint()).await.unwrap();
    for (word, older) in steps_back() {
        for result in [file.save(&older).await, memory.save(&older).await] {
            let error = result.expect_err(word);
            assert!(matches!(&error, StoreError::Newer { detail, .. } if detail.contains(word)), "{word}: {error}");
        }
    }
    assert_eq!(file.load().await.unwrap(), Some(checkpoint()), "what stood still stands");
    assert_eq!(memory.load().await.unwrap(), Some(checkpoint()));
}

#[tokio::test]
async fn cp_3_holds_across_processes_without_a_load() {
    let (_folder, path) = folder();
    FileStore::open(&path).unwrap().save(&checkpoint()).await.unwrap();
    let mut older = checkpoint();
    shard(&mut older).processed = after(19);
    let refused = FileStore::open(&path).unwrap().save(&older).await;
    assert!(matches!(refused, Err(StoreError::Newer { .. })));
    reset(&path).unwrap();
    FileStore::open(&path).unwrap().save(&older).await.expect("after a reset it may");
}

#[tokio::test]
async fn what_stays_or_advances_is_stored() {
    let mut store = MemoryStore::default();
    let mut next = checkpoint();
    store.save(&next).await.unwrap();
    store.save(&next).await.expect("the same again");
    shard(&mut next).resume_after = after(20);
    shard(&mut next).processed = Position::End;
    next.shards.remove(&ShardId::new("shardId-000000000001"));
    store.save(&next).await.expect("a drained shard may leave");
    next.stream.created_at += 1;
    shard(&mut next).processed = Position::Start;
    store.save(&next).await.expect("CP-8: a stream created anew begins anew");
    assert_eq!(store.clone().load().await.unwrap(), Some(next), "a clone is the same store");
}

#[test]
fn cp_3_sequence_numbers_go_back_as_numbers_do() {
    let at = |digits: &str| Position::After(SequenceNumber::try_new(digits).unwrap(), 0);
    let (mut stored, mut next) = (checkpoint(), checkpoint());
    (shard(&mut stored).processed, shard(&mut next).processed) = (at("99"), at("100"));
    assert_eq!(progress::step_back(&stored, &next), None);
    assert!(progress::step_back(&next, &stored).is_some());
}

#[test]
fn a_shown_checkpoint_names_what_an_operator_asks_for() {
    let text = show(&checkpoint());
    for part in [
        "cloudtrail",
        "H   2023-11-14T22:14:10Z",
        "AWS Exfiltration via Batch Service version 1",
        "active since 2023-11-14T22:13:20.001Z",
        "shardId-000000000000  reading",
        "shardId-000000000001  drained",
        "after 49590000000010 (arrived 2023-11-14T22:15:00Z)",
        "(P)   49590000000020",
        "shardId-000000000009",
    ] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
}
