//! The fake sink and its receiver: refuses, times out, delivers what had timed out, acknowledges late, twice, or never.

use std::collections::{BTreeMap, BTreeSet};

use trailrisk::engine::{DeadLetter, Input, Position, ShardId};
use trailrisk::risk_event::{DeliveryKey, RiskEvent, RiskEventId, Stage};

use crate::rng::Rng;

/// The sink of the daemon and the receiver behind it. The receiver outlives the daemon.
#[derive(Debug, Default)]
pub struct Sink {
    /// Sent, not acknowledged; the daemon tries again until it is.
    pub outstanding: Vec<RiskEvent>,
    pub dead_letters: Vec<DeadLetter>,
    late_acknowledgements: Vec<DeliveryKey>,
    /// Requests that timed out and are still on their way, also those of processes that are gone.
    network: Vec<RiskEvent>,
    /// Acknowledged to this process.
    pub acknowledged: BTreeSet<DeliveryKey>,
    pub dead_lettered: BTreeSet<(ShardId, Position)>,
    pub received: Received,
}

/// What the receiver has got.
#[derive(Debug, Default)]
pub struct Received {
    pub finals: BTreeMap<RiskEventId, RiskEvent>,
    pub earlies: BTreeMap<RiskEventId, RiskEvent>,
    pub dead_letters: BTreeSet<(ShardId, Position)>,
}

impl Received {
    fn take(&mut self, event: &RiskEvent) {
        let stage = if event.stage == Stage::Final { &mut self.finals } else { &mut self.earlies };
        stage.entry(event.id).or_insert_with(|| event.clone());
    }
}

impl Sink {
    /// Nothing is on its way any more.
    pub fn is_drained(&self) -> bool {
        self.outstanding.is_empty() && self.dead_letters.is_empty()
    }

    /// One thing happens at the sink. `calm`: it works.
    pub fn step(&mut self, rng: &mut Rng, calm: bool) -> Option<Input> {
        if !calm
            && rng.chance(200)
            && let Some(event) = rng.take(&mut self.network)
        {
            self.received.take(&event);
        }
        if !self.dead_letters.is_empty() && (calm || rng.chance(200)) {
            return self.dead_letter(rng, calm);
        }
        if rng.chance(200)
            && let Some(key) = rng.take(&mut self.late_acknowledgements)
        {
            return Some(self.acknowledge(key));
        }
        self.attempt(rng, calm)
    }

    fn attempt(&mut self, rng: &mut Rng, calm: bool) -> Option<Input> {
        if self.outstanding.is_empty() {
            return None;
        }
        let event = self.outstanding[rng.index(self.outstanding.len())].clone();
        let key = event.delivery_key();
        match if calm { 0 } else { rng.below(10) } {
            0..=3 => {
                self.received.take(&event);
                Some(self.acknowledge(key))
            }
            // Acknowledged twice.
            4 => {
                self.received.take(&event);
                self.late_acknowledgements.push(key);
                Some(self.acknowledge(key))
            }
            // The acknowledgement is lost: it will be sent again.
            5 => {
                self.received.take(&event);
                None
            }
            6 => {
                self.received.take(&event);
                self.late_acknowledgements.push(key);
                None
            }
            7 => {
                self.network.push(event);
                None
            }
            _ => None,
        }
    }

    fn acknowledge(&mut self, key: DeliveryKey) -> Input {
        self.acknowledged.insert(key);
        self.outstanding.retain(|event| event.delivery_key() != key);
        Input::Delivered(key)
    }

    fn dead_letter(&mut self, rng: &mut Rng, calm: bool) -> Option<Input> {
        let letter = &self.dead_letters[rng.index(self.dead_letters.len())];
        if !calm && rng.chance(400) {
            return None;
        }
        self.received.dead_letters.insert((letter.shard.clone(), letter.position.clone()));
        if !calm && rng.chance(300) {
            return None;
        }
        self.dead_lettered.insert((letter.shard.clone(), letter.position.clone()));
        let id = letter.id;
        self.dead_letters.retain(|letter| letter.id != id);
        Some(Input::DeadLettered(id))
    }

    /// The process is gone; a few of its requests are not.
    pub fn crash(&mut self, rng: &mut Rng) {
        for event in std::mem::take(&mut self.outstanding) {
            if rng.chance(100) {
                self.network.push(event);
            }
        }
        self.dead_letters.clear();
        self.late_acknowledgements.clear();
        self.acknowledged.clear();
        self.dead_lettered.clear();
    }

    /// What is still on the network arrives.
    pub fn settle_network(&mut self) {
        for event in std::mem::take(&mut self.network) {
            self.received.take(&event);
        }
    }
}
