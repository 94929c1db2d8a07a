//! What the port shows of one source, and of all of them together.

use std::time::{Duration, Instant};

use super::{AdminState, Check, Liveness, Readiness};
use crate::clock;
use crate::status::{self, Board, Situation, Status};

/// One source. Cloning shares it.
#[derive(Clone, Debug)]
pub struct View {
    /// Its name, where sources are named.
    pub source: Option<String>,
    /// What `/livez` asks.
    pub liveness: Liveness,
    /// What `/readyz` asks.
    pub readiness: Readiness,
    /// What the status page shows.
    pub board: Board,
}

/// What a query asks for.
pub(super) enum Asked<'a> {
    /// One source: the one that it names, or the only one.
    One(&'a View),
    /// None is named, and there are several.
    All,
    /// There is none of this name.
    Unknown,
}

impl AdminState {
    /// Which source a query asks for. Names need no decoding where there are several.
    pub(super) fn asked(&self, query: Option<&str>) -> Asked<'_> {
        let parts = query.into_iter().flat_map(|query| query.split('&'));
        let named = parts.filter_map(|part| part.strip_prefix("source=")).next();
        match (named, &*self.views) {
            (None, [only]) => Asked::One(only),
            (None, _) => Asked::All,
            (Some(name), views) => {
                let found = views.iter().find(|view| view.source.as_deref() == Some(name));
                found.map_or(Asked::Unknown, Asked::One)
            }
        }
    }

    /// Every check with its reason where it fails, under a name that says whose it is. What the sources have in common
    /// (the configuration, the sinks) comes once, and fails if it does for one of them.
    pub(super) fn checks(&self) -> Vec<(String, Option<String>)> {
        let mut checks: Vec<(String, Option<String>)> = Vec::new();
        for view in self.views.iter() {
            for (check, reason) in view.readiness.report() {
                let name = view.name_of(&check);
                match checks.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, known)) => *known = known.take().or(reason),
                    None => checks.push((name, reason)),
                }
            }
        }
        checks
    }

    /// The tasks without a heartbeat, and for how long.
    pub(super) fn silent(&self, now: Instant) -> Vec<(String, Duration)> {
        self.views.iter().flat_map(|view| view.liveness.silent(now)).collect()
    }
}

impl View {
    fn name_of(&self, check: &Check) -> String {
        match (&self.source, check) {
            (None, _) | (_, Check::Configuration | Check::Sink(_)) => check.to_string(),
            (Some(source), check) => format!("source {source}: {check}"),
        }
    }

    /// The newest figures, completed with what readiness and liveness say now.
    pub(super) fn status(&self) -> Status {
        let now = clock::monotonic();
        let (snapshot, age) = self.board.newest(now);
        let report = self.readiness.report();
        let failure =
            |wanted: &Check| report.iter().find(|(check, _)| check == wanted).and_then(|(_, why)| why.clone());
        let situation = Situation {
            snapshot: &snapshot,
            age,
            starting: failure(&Check::Configuration).or_else(|| failure(&Check::ShardsListed)),
            draining: failure(&Check::NotDraining).is_some(),
            lease: failure(&Check::Lease),
            checkpoint: failure(&Check::Checkpoint),
            silent: self.liveness.silent(now),
            checks: report
                .into_iter()
                .map(|(check, failure)| status::Check { name: check.to_string(), failure })
                .collect(),
        };
        situation.status()
    }
}
