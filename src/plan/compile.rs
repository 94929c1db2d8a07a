//! From a plan's text to a plan.

use std::sync::Arc;

use super::early::{self, Early, Least};
use super::error::{CompileError, PlanWarning};
use super::fingerprint::Fingerprint;
use super::leg::{Leg, Legs};
use super::{GroupKey, earlier, expiry, literals, requirements, warnings};
use crate::cloudtrail::Clause;
use crate::plan::PlanText;
use crate::spl::ast::Pipeline;

/// A compiled search: immutable, a function of its [`PlanText`] alone.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) text: Arc<PlanText>,
    fingerprint: Fingerprint,
    pub(super) window_ms: i64,
    /// The search itself, then those whose rows are joined or appended to its rows.
    pub(super) legs: Vec<Leg>,
    by_fields: Vec<Arc<str>>,
    early: Early,
    least: Least,
    warnings: Vec<PlanWarning>,
}

impl Plan {
    /// Parses and compiles a plan's text.
    ///
    /// # Errors
    /// Where the search is wrong, or asks for something that is not supported: nothing is ever half run.
    pub fn compile(text: &PlanText) -> Result<Self, CompileError> {
        Self::from_pipeline(text, &crate::spl::parse(&text.search)?)
    }

    /// Compiles a parsed search.
    pub(super) fn from_pipeline(text: &PlanText, pipeline: &Pipeline) -> Result<Self, CompileError> {
        expiry::check(text, pipeline)?;
        let (legs, window_ms) = Legs::compile(text, pipeline)?;
        let (early, least) = early::of(text, pipeline, &legs[0]);
        Ok(Self {
            fingerprint: Fingerprint::of(text),
            window_ms,
            early,
            least,
            by_fields: legs.iter().flat_map(|leg| leg.by.iter().cloned()).collect(),
            warnings: [warnings::of(pipeline), earlier::of(pipeline, window_ms)].concat(),
            text: Arc::new(text.clone()),
            legs,
        })
    }

    /// What it was compiled from.
    pub fn text(&self) -> &Arc<PlanText> {
        &self.text
    }

    /// WN-7.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// WN-1: the window's size in milliseconds, above zero: the span of `bin _time` where `_time` is among the
    /// by-fields, otherwise that of the plan's text.
    pub fn window_ms(&self) -> i64 {
        self.window_ms
    }

    /// The by-fields in the order written, those of subsearches behind those of the search itself; none for a search
    /// without `stats`.
    pub fn by_fields(&self) -> &[Arc<str>] {
        &self.by_fields
    }

    /// The names of the by-values of a result's group: those of the last `stats` of the search that its row comes from.
    pub fn group_fields(&self, group: &GroupKey) -> &[Arc<str>] {
        self.leg(group.leg).group_fields()
    }

    /// PO-3: an event that matches holds at least one of these in its JSON text, whatever the case of ASCII letters, as
    /// long as that text has no `\u` escapes. They consist of `[A-Za-z0-9 _.:-]`. `None`: no such set is known.
    pub fn required_literals(&self) -> Option<Vec<String>> {
        literals::required(self.legs.iter().flat_map(|leg| &leg.branches))
    }

    /// PO-3: what the text of a matching event shows, as long as that text has no `\u` escapes: one list for each way that
    /// an event may take through the plan, and all clauses of one of them hold.
    pub fn requirements(&self) -> Vec<Vec<Clause>> {
        requirements::of(self.legs.iter().flat_map(|leg| &leg.branches))
    }

    /// EM-1, EM-5: when a row may be announced.
    pub fn early(&self) -> &Early {
        &self.early
    }

    /// EM-1, AG-4: what it takes at least for the row of a group to matter.
    pub fn least(&self) -> Least {
        self.least
    }

    /// How many searches it consists of.
    pub(crate) fn leg_count(&self) -> u32 {
        u32::try_from(self.legs.len()).expect("searches are few")
    }

    /// How many by-values the groups of one of its searches have; none where every event is its own group.
    pub(crate) fn group_size(&self, leg: u32) -> Option<usize> {
        let leg = self.leg(leg);
        leg.has_stats.then_some(leg.by.len())
    }

    /// What Splunk accepts in silence and is hardly meant.
    pub fn warnings(&self) -> &[PlanWarning] {
        &self.warnings
    }

    /// The search of that number; numbers come from groups of this plan.
    pub(super) fn leg(&self, leg: u32) -> &Leg {
        &self.legs[leg as usize]
    }
}
