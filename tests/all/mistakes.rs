//! The mistakes that the simulations put in, against the contract: the rules on which everything else rests must each
//! have one, and each must be among those that are tried.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// What must be shown to be noticed when it is broken.
const RULES: [&str; 14] =
    ["RD-1", "RD-2", "RD-3", "WN-2", "WN-7", "AG-1", "AG-2", "EM-3", "CP-1", "CP-2", "CP-3", "CP-4", "CP-5", "CP-7"];

/// The mistakes of a simulation, with the rule that each breaks; and those that its lists name.
fn mistakes(simulation: &str) -> (BTreeMap<String, String>, BTreeSet<String>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(simulation).join("bugs.rs");
    let text = fs::read_to_string(path).expect("the simulation");
    let (declared, rest) =
        text.split_once("pub enum Bug {\n").and_then(|(_, rest)| rest.split_once("\n}")).expect("it");
    let mut rule = None;
    let mut mistakes = BTreeMap::new();
    for line in declared.lines().map(str::trim) {
        match line.strip_prefix("/// ") {
            Some(comment) => rule = rule.or_else(|| comment.split_once(": ").map(|(rule, _)| rule.to_owned())),
            None => {
                let name = line.trim_end_matches(',').to_owned();
                let rule = rule.take().unwrap_or_else(|| panic!("{name} names no rule"));
                mistakes.insert(name, rule);
            }
        }
    }
    let lists = rest.split("= [").skip(1).filter_map(|list| list.split_once("];")).map(|(list, _)| list);
    let tried = lists.flat_map(|list| list.split("Self::").skip(1)).map(|name| name.trim_end_matches([',', ' ', '\n']));
    (mistakes, tried.map(str::to_owned).collect())
}

#[test]
fn every_mistake_of_the_simulations_is_tried() {
    for simulation in ["simulation", "shell"] {
        let (mistakes, tried) = mistakes(simulation);
        let names: BTreeSet<String> = mistakes.into_keys().collect();
        assert_eq!(names, tried, "{simulation}");
        assert!(names.len() >= 15, "{simulation}");
    }
}

#[test]
fn every_rule_on_which_the_promise_rests_is_broken_by_a_mistake() {
    let broken: BTreeSet<String> =
        ["simulation", "shell"].into_iter().flat_map(|of| mistakes(of).0.into_values()).collect();
    let missing: Vec<_> = RULES.iter().filter(|rule| !broken.contains(**rule)).collect();
    assert!(missing.is_empty(), "nothing breaks {missing:?}");
}
