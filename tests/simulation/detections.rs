//! The detections under test, said twice: as SPL, from which the plans are compiled, and as a few lines of Rust, from
//! which the oracle works.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use trailrisk::detection::{PlanText, RiskModel, RiskObjectSpec};
use trailrisk::plan::Plan;

use crate::log::LogEvent;
use crate::rng::Rng;
use crate::whole::WholeRule;

/// What a detection looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// No threshold: the first match is announced.
    Each,
    /// A count threshold.
    Volume,
    /// A distinct count threshold.
    Spread,
    /// The same, windows cut by the search itself (WN-1).
    Burst,
    /// Additive aggregates: of copies in conflict one counts (AG-2).
    Total,
    /// `values()`, by a multivalue field.
    Tagged,
    /// A condition that is not monotone: waits for the close.
    Exact,
    /// No `stats`: each event is its own group.
    Single,
    /// Two searches whose groups meet at the close (EM-5).
    Joined,
    /// A group makes several rows, or a row depends on the others.
    Whole(WholeRule),
}

/// A detection with its settings.
#[derive(Clone, Debug)]
pub struct Detection {
    pub rule: Rule,
    pub window: i64,
    pub grace: i64,
    pub skew: i64,
    pub plan: Arc<Plan>,
}

/// A result row: columns that are not null, values as text.
pub type Row = Vec<(String, Vec<String>)>;

/// Every copy of the events of one group.
pub type Units<'a> = BTreeMap<(&'a str, usize), Vec<&'a LogEvent>>;

static ALL: LazyLock<Vec<Detection>> = LazyLock::new(|| with_every_setting(&Rule::ALL));
static WHOLE: LazyLock<Vec<Detection>> = LazyLock::new(|| with_every_setting(&WholeRule::ALL.map(Rule::Whole)));

fn with_every_setting(rules: &[Rule]) -> Vec<Detection> {
    let settings = [(10_000, 3_000, 3_000), (15_000, 6_000, 3_000), (20_000, 0, 0)];
    let pairs = settings.into_iter().flat_map(|setting| rules.iter().map(move |rule| (*rule, setting)));
    pairs.map(|(rule, (window, grace, skew))| Detection::new(rule, 1, window, grace, skew)).collect()
}

/// A few detections with different settings.
pub fn choose(rng: &mut Rng) -> Vec<Detection> {
    let mut left = ALL.clone();
    let mut chosen = Vec::new();
    for _ in 0..2 + rng.index(3) {
        chosen.extend(rng.take(&mut left));
    }
    chosen
}

/// None, one or two whose rows are not one a group.
pub fn choose_whole(rng: &mut Rng) -> Vec<Detection> {
    let mut left = WHOLE.clone();
    (0..rng.index(3)).filter_map(|_| rng.take(&mut left)).collect()
}

impl Detection {
    /// Compiles a detection. Another version has another fingerprint (WN-7).
    pub fn new(rule: Rule, version: u32, window: i64, grace: i64, skew: i64) -> Self {
        let id = format!("{}-{}", rule.name(), window / 1000);
        let text = PlanText {
            name: format!("Simulated {id}"),
            id,
            version,
            kind: "TTP".to_owned(),
            search: rule.search().to_owned(),
            filters: vec![],
            lookups: Vec::new(),
            risk: risk_model(rule),
            window_ms: if rule == Rule::Burst { 1_000 } else { window },
            grace_ms: grace,
            max_future_skew_ms: skew,
        };
        let plan = Arc::new(Plan::compile(&text).expect("the detections of the simulation compile"));
        let window = if rule == Rule::Burst { 20_000 } else { window };
        Self { rule, window, grace, skew, plan }
    }

    /// The same with another version, hence another fingerprint.
    pub fn changed(&self, version: u32) -> Self {
        let text = PlanText { version, ..(**self.plan.text()).clone() };
        Self { plan: Arc::new(Plan::compile(&text).expect("only the version differs")), ..self.clone() }
    }

    /// Its name in keys: id and version.
    pub fn name(&self) -> String {
        name_of(self.plan.text())
    }

    /// Whether its groups are announced before their window is complete (EM-1).
    pub fn announces(&self) -> bool {
        match self.rule {
            Rule::Whole(rule) => rule.is_announced(),
            rule => !matches!(rule, Rule::Exact | Rule::Joined),
        }
    }
}

/// Id and version.
pub fn name_of(text: &PlanText) -> String {
    format!("{}/{}", text.id, text.version)
}

fn risk_model(rule: Rule) -> RiskModel {
    let field = if rule == Rule::Tagged { "tag" } else { "grp" };
    RiskModel {
        message: format!("${field}$ did it"),
        score: 64.0,
        impact: Some(80),
        confidence: Some(80),
        risk_objects: vec![RiskObjectSpec { field: field.into(), kind: "user".into(), score: 64.0 }],
        threat_objects: vec![],
        mitre_attack: vec![],
        kill_chain_phases: vec![],
        nist: vec![],
        cis20: vec![],
        analytic_story: vec![],
    }
}

impl Rule {
    const ALL: [Self; 9] = [
        Self::Each,
        Self::Volume,
        Self::Spread,
        Self::Burst,
        Self::Total,
        Self::Tagged,
        Self::Exact,
        Self::Single,
        Self::Joined,
    ];

    fn name(self) -> String {
        let name = if let Self::Whole(rule) = self { format!("{rule:?}") } else { format!("{self:?}") };
        name.to_lowercase()
    }

    fn search(self) -> &'static str {
        match self {
            Self::Whole(rule) => rule.search(),
            Self::Each => {
                "eventName=Alpha | stats count min(_time) as first max(_time) as last values(item) as items by grp"
            }
            Self::Volume => "eventName IN (Alpha, Beta, Gamma) | stats count by grp | where count >= 3",
            Self::Spread => {
                "eventName=Alpha OR eventName=Beta | stats dc(item) as items count by grp | where items >= 3"
            }
            Self::Burst => {
                "eventName=Alpha OR eventName=Beta | bin _time span=20s | stats dc(item) as items by _time grp \
                 | where items >= 3"
            }
            Self::Total => "eventName=Alpha OR eventName=Beta | stats sum(amount) as total avg(amount) as mean by grp",
            Self::Tagged => {
                "eventName=Beta OR eventName=Gamma | rename tags{} as tag \
                 | stats values(item) as items dc(item) as distinct by tag"
            }
            Self::Exact => "eventName=Alpha OR eventName=Gamma | stats count by grp | where count = 2",
            Self::Single => "eventName=Gamma item=i1 grp=* | table grp item",
            Self::Joined => {
                "eventName=Alpha | stats count by grp | join grp [search eventName=Beta | stats values(item) as items by grp]"
            }
        }
    }

    /// Whether the search's terms match.
    pub fn matches(self, event: &LogEvent) -> bool {
        match self {
            Self::Whole(rule) => rule.matches(event),
            Self::Each => event.name == "Alpha",
            Self::Volume => event.name != "Noise",
            Self::Spread | Self::Burst | Self::Total | Self::Joined => matches!(event.name, "Alpha" | "Beta"),
            Self::Tagged => matches!(event.name, "Beta" | "Gamma"),
            Self::Exact => matches!(event.name, "Alpha" | "Gamma"),
            Self::Single => event.name == "Gamma" && event.item == "i1" && event.group.is_some(),
        }
    }

    /// Whether every matching event is in some result.
    pub fn has_no_threshold(self) -> bool {
        match self {
            Self::Whole(rule) => rule.has_no_threshold(),
            rule => matches!(rule, Self::Each | Self::Total | Self::Tagged | Self::Single),
        }
    }

    /// The by-values of each row made from a matching event; none where a by-field is null.
    pub fn groups(self, event: &LogEvent) -> Vec<Vec<String>> {
        let group = event.group.map(str::to_owned);
        match self {
            Self::Tagged => event.tags.iter().map(|tag| vec![(*tag).to_owned()]).collect(),
            Self::Single => vec![vec![]],
            Self::Whole(_) => unreachable!("its rows are made of whole instances"),
            Self::Burst => group.map(|group| vec![window_seconds(event), group]).into_iter().collect(),
            Self::Each | Self::Volume | Self::Spread | Self::Total | Self::Exact | Self::Joined => {
                group.map(|group| vec![group]).into_iter().collect()
            }
        }
    }

    /// The row of a group, where it passes.
    pub fn row(self, group: &[String], units: &Units<'_>) -> Option<Row> {
        let count = units.len();
        let copies = || units.values().flatten();
        let items: BTreeSet<&str> = copies().map(|event| event.item).collect();
        let seconds = |time: Option<i64>| number(time.unwrap_or_default() as f64 / 1000.0);
        let mut row = Row::new();
        let mut column = |name: &str, values: Vec<String>| row.push((name.to_owned(), values));
        match self {
            Self::Whole(_) => unreachable!("its rows are made of whole instances"),
            Self::Each => {
                column("grp", group.to_vec());
                column("count", vec![count.to_string()]);
                column("first", vec![seconds(copies().map(|event| event.time).min())]);
                column("last", vec![seconds(copies().map(|event| event.time).max())]);
                column("items", items.iter().map(|item| (*item).to_owned()).collect());
            }
            Self::Volume | Self::Exact => {
                column("grp", group.to_vec());
                column("count", vec![count.to_string()]);
            }
            Self::Spread => {
                column("grp", group.to_vec());
                column("items", vec![items.len().to_string()]);
                column("count", vec![count.to_string()]);
            }
            Self::Burst => {
                column("_time", vec![group[0].clone()]);
                column("grp", vec![group[1].clone()]);
                column("items", vec![items.len().to_string()]);
            }
            Self::Total => {
                let total = total(units);
                column("grp", group.to_vec());
                column("total", vec![number(total)]);
                column("mean", vec![number(total / count as f64)]);
            }
            Self::Tagged => {
                column("tag", group.to_vec());
                column("items", items.iter().map(|item| (*item).to_owned()).collect());
                column("distinct", vec![items.len().to_string()]);
            }
            Self::Joined => {
                let (alphas, items) = joined(units)?;
                column("grp", group.to_vec());
                column("count", vec![alphas.to_string()]);
                column("items", items.iter().map(|item| (*item).to_owned()).collect());
            }
            Self::Single => {
                let event = copies().next()?;
                column("grp", vec![event.group?.to_owned()]);
                column("item", vec![event.item.to_owned()]);
            }
        }
        let passes = match self {
            Self::Volume => count >= 3,
            Self::Spread | Self::Burst => items.len() >= 3,
            Self::Exact => count == 2,
            Self::Each | Self::Total | Self::Tagged | Self::Single | Self::Joined | Self::Whole(_) => true,
        };
        passes.then_some(row)
    }
}

/// AG-2: of copies in conflict the one with the smallest content hash counts.
fn total(units: &Units<'_>) -> f64 {
    let counting = units.values().filter_map(|copies| copies.iter().min_by_key(|copy| copy.content_hash()));
    counting.map(|copy| copy.amount).sum::<i64>() as f64
}

/// How many units the search has, and the items of those of its subsearch; none where one of them has no row.
fn joined<'a>(units: &Units<'a>) -> Option<(usize, BTreeSet<&'a str>)> {
    let alphas = units.values().filter(|copies| copies.iter().any(|event| event.name == "Alpha")).count();
    let betas = units.values().flatten().filter(|event| event.name == "Beta");
    let items: BTreeSet<_> = betas.map(|event| event.item).collect();
    (alphas > 0 && !items.is_empty()).then_some((alphas, items))
}

fn window_seconds(event: &LogEvent) -> String {
    number((event.time.div_euclid(20_000) * 20) as f64)
}

/// A number as rows show it.
pub fn number(number: f64) -> String {
    format!("{number}")
}
