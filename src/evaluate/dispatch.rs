//! Which plans an event is held against: of many detections few ask for the same `eventName`, and nearly all for one.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::cloudtrail::{Clause, Event, FieldPath};
use crate::plan::Plan;

const FIELD: &str = "eventName";

/// Plans, by their places, that may match an event, by its `eventName`.
#[derive(Debug)]
pub(super) struct Dispatch {
    field: FieldPath,
    all: Vec<usize>,
    /// Those that ask for no name, or not for whole ones.
    unnamed: Vec<usize>,
    /// By a name in lower case, those that ask for it and the unnamed ones; sorted.
    by_name: Vec<(String, Vec<usize>)>,
}

impl Dispatch {
    pub fn new(plans: &[Arc<Plan>]) -> Self {
        let names: Vec<Option<BTreeSet<String>>> = plans.iter().map(|plan| names(&plan.requirements())).collect();
        let those = |wanted: &dyn Fn(&Option<BTreeSet<String>>) -> bool| {
            names.iter().enumerate().filter(|(_, names)| wanted(names)).map(|(place, _)| place).collect::<Vec<_>>()
        };
        let distinct: BTreeSet<&String> = names.iter().flatten().flatten().collect();
        let with = |name: &String| those(&|names| names.as_ref().is_none_or(|names| names.contains(name)));
        Self {
            field: FieldPath::compile(FIELD),
            all: those(&|_| true),
            unnamed: those(&Option::is_none),
            by_name: distinct.into_iter().map(|name| (name.clone(), with(name))).collect(),
        }
    }

    /// The places of the plans to hold an event against, in order: at least of all that match it.
    pub fn plans(&self, event: &Event) -> &[usize] {
        let mut plans = None;
        let is_read = self.field.any(event, &mut |name| {
            // Other letters may be folded to those of ASCII.
            plans = name.is_ascii().then(|| self.named(name));
            true
        });
        match (is_read, plans) {
            (Some(true), Some(plans)) => plans,
            // No comparison holds for what is not there.
            (Some(false), None) => &self.unnamed,
            _ => &self.all,
        }
    }

    /// Those that an event of this name, of ASCII, is held against.
    fn named(&self, name: &str) -> &[usize] {
        let lower = || name.bytes().map(|byte| byte.to_ascii_lowercase());
        let place = self.by_name.binary_search_by(|(known, _)| known.bytes().cmp(lower()));
        place.map_or(&self.unnamed, |place| &self.by_name[place].1)
    }
}

/// All names, in lower case, that an event may have which a plan with these requirements matches; none if it may be any.
fn names(requirements: &[Vec<Clause>]) -> Option<BTreeSet<String>> {
    let of_way = |clauses: &Vec<Clause>| clauses.iter().find_map(whole_names);
    let ways = requirements.iter().map(of_way).collect::<Option<Vec<_>>>()?;
    Some(ways.into_iter().flatten().collect())
}

fn whole_names(clause: &Clause) -> Option<Vec<String>> {
    match clause {
        Clause::Member { name, values } if name == FIELD && values.iter().all(|value| value.whole) => {
            Some(values.iter().map(|value| value.text.to_ascii_lowercase()).collect())
        }
        Clause::Member { .. } | Clause::Literals(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::cloudtrail::{DecodeLimits, decode};
    use crate::plan::tests::text;

    const SEARCHES: [&str; 8] = [
        "eventName=GetUser",
        "eventName IN (getuser, PutKey)",
        "eventName=Get*",
        "eventName=kill",
        "eventName!=GetUser",
        "NOT eventName=GetUser eventSource=iam*",
        "eventName=GetUser OR eventName=PutKey eventSource=iam.amazonaws.com",
        "eventName=1",
    ];

    fn plans() -> Vec<Arc<Plan>> {
        let plan = |base: &&str| Plan::compile(&text(&format!("{base} | stats count by eventSource")));
        SEARCHES.iter().map(|base| Arc::new(plan(base).expect("it compiles"))).collect()
    }

    fn event(name: &serde_json::Value) -> Event<'static> {
        let event = json!({
            "eventVersion": "1.08", "eventTime": "2026-01-05T10:30:00Z", "eventSource": "iam.amazonaws.com", "eventName": name,
        });
        decode(event.to_string().as_bytes(), &DecodeLimits::default()).events.remove(0)
    }

    fn names() -> impl Strategy<Value = serde_json::Value> {
        let text = prop::sample::select(vec![
            "GetUser",
            "GETUSER",
            "putkey",
            "GetUserX",
            "",
            "kill",
            "\u{212a}ill",
            "1",
            "1.0",
        ]);
        prop_oneof![
            text.prop_map(|text| json!(text)),
            (0..3_u8).prop_map(|number| json!(number)),
            Just(json!(null)),
            Just(json!(["GetUser"])),
            Just(json!({"GetUser": 1})),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn po_3_no_plan_that_matches_an_event_is_passed_over(name in names()) {
            let (plans, event) = (plans(), event(&name));
            let dispatch = Dispatch::new(&plans);
            let matching = |places: &[usize]| {
                places.iter().copied().filter(|place| plans[*place].evaluate(&event).is_some()).collect::<Vec<_>>()
            };
            prop_assert_eq!(matching(dispatch.plans(&event)), matching(&dispatch.all), "{}", name);
        }
    }

    #[test]
    fn an_event_is_held_against_the_plans_that_ask_for_its_name_and_those_that_ask_for_none() {
        let plans = plans();
        let dispatch = Dispatch::new(&plans);
        assert_eq!(dispatch.plans(&event(&json!("GETuser"))), [0, 1, 2, 4, 5, 6, 7]);
        assert_eq!(dispatch.plans(&event(&json!("ListKeys"))), [2, 4, 5, 7]);
        assert_eq!(dispatch.plans(&event(&json!(["GetUser"]))), [2, 4, 5, 7]);
        assert_eq!(dispatch.plans(&event(&json!("\u{212a}ill"))), [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
