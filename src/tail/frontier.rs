//! Which shards to read next: the engine's rules (RD-1), without anything to detect.

use crate::engine::{
    Engine, EngineConfig, Input, Output, ShardId, ShardLife, ShardProgress, ShardRef, StartPosition, StreamIdentity,
    Timing,
};
use crate::plan::Bounds;
use crate::source::ReadRequest;
use crate::time::Arrival;

/// The shards of a stream from a position on.
pub struct Frontier {
    engine: Engine,
}

impl Frontier {
    /// Before the shards are known.
    pub fn new(start: StartPosition) -> Self {
        let config = EngineConfig {
            source_name: "tail".into(),
            stream: StreamIdentity { name: String::new(), created_at: 0 },
            bounds: Bounds::default(),
            max_state_bytes: usize::MAX,
            timing: Timing::Live,
            start,
            started_at: Arrival::MIN,
            unseen_from: Arrival::MIN,
        };
        Self { engine: Engine::new(config, Vec::new()) }
    }

    /// The shards that a listing shows.
    pub fn listed(&mut self, shards: Vec<ShardRef>) {
        self.engine.handle_input(Input::ShardsListed(shards));
    }

    /// A shard's end was reached; its children may come next. Says whether one of them still waits: for its other
    /// parent, or for a listing that tells of it.
    pub fn drained(&mut self, shard: ShardId, children: Vec<ShardRef>) -> bool {
        let named: Vec<ShardId> = children.iter().map(|child| child.shard.clone()).collect();
        self.engine.handle_input(Input::ShardDrained { shard, children });
        let waits = |shard: &ShardProgress| shard.life == ShardLife::Waiting && named.contains(&shard.shard);
        self.engine.shard_progress().iter().any(waits)
    }

    /// Everything that arrived in a shard up to this instant was shown (RD-3).
    pub fn at_tip(&mut self, shard: ShardId, read_through: Arrival) {
        self.engine.handle_input(Input::AtTip { shard, read_through });
    }

    /// The next shard to read.
    pub fn next_shard(&mut self) -> Option<ReadRequest> {
        loop {
            if let Output::Read { shard, after, start } = self.engine.poll_output()? {
                return Some(ReadRequest { shard, after, start });
            }
        }
    }

    /// Whether everything that arrived up to this instant, in any shard, was shown.
    pub fn has_shown(&self, instant: Arrival) -> bool {
        let mut left = self.engine.shards().filter(|(_, _, drained)| !drained).peekable();
        left.peek().is_none() || self.engine.gauges().watermark >= instant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(name: &str, parents: &[&str]) -> ShardRef {
        ShardRef { shard: ShardId::new(name), parents: parents.iter().map(|parent| ShardId::new(parent)).collect() }
    }

    fn next(frontier: &mut Frontier) -> Vec<String> {
        std::iter::from_fn(|| frontier.next_shard()).map(|request| request.shard.to_string()).collect()
    }

    #[test]
    fn rd_1_children_are_shown_after_their_parents_and_all_of_them_from_where_it_began() {
        let mut frontier = Frontier::new(StartPosition::AtTimestamp(Arrival(5)));
        frontier.listed(vec![shard("a", &[]), shard("b", &["a"]), shard("c", &["gone"])]);
        assert_eq!(next(&mut frontier), ["a", "c"]);
        assert!(!frontier.drained(ShardId::new("a"), vec![shard("b", &["a"]), shard("d", &["a"])]));
        assert_eq!(next(&mut frontier), ["b", "d"]);
    }

    #[test]
    fn rd_1_a_child_of_an_unknown_parent_waits_for_a_listing() {
        let mut frontier = Frontier::new(StartPosition::TrimHorizon);
        frontier.listed(vec![shard("a", &[])]);
        assert_eq!(next(&mut frontier), ["a"]);
        assert!(frontier.drained(ShardId::new("a"), vec![shard("c", &["a", "b"])]));
        assert!(next(&mut frontier).is_empty());
        frontier.listed(vec![shard("a", &[]), shard("c", &["a", "b"])]);
        assert_eq!(next(&mut frontier), ["c"]);
    }

    #[test]
    fn rd_3_it_is_at_the_tip_when_every_shard_is() {
        let mut frontier = Frontier::new(StartPosition::TrimHorizon);
        frontier.listed(vec![shard("a", &[]), shard("b", &[])]);
        assert_eq!(next(&mut frontier).len(), 2);
        frontier.at_tip(ShardId::new("a"), Arrival(10));
        assert!(!frontier.has_shown(Arrival(10)));
        frontier.at_tip(ShardId::new("b"), Arrival(10));
        assert!(frontier.has_shown(Arrival(10)) && !frontier.has_shown(Arrival(11)));
    }
}
