//! What may come into the binary, as `deny.toml` has it: licences, bans, sources. `cargo deny` says more (advisories), but
//! takes longer to build than all of this; the policy is one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What `deny.toml` allows and bans, and for which platforms.
struct Policy {
    targets: BTreeSet<String>,
    licences: BTreeSet<String>,
    banned: BTreeSet<String>,
}

/// The texts in quotes between two marks.
fn quoted(text: &str, from: &str, to: &str) -> BTreeSet<String> {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("deny.toml has {from}"));
    let (list, _) = rest.split_once(to).unwrap_or_else(|| panic!("{from} ends"));
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

impl Policy {
    fn read() -> Self {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml")).expect("the policy");
        for rule in ["unknown-registry = \"deny\"", "unknown-git = \"deny\"", "wildcards = \"deny\""] {
            assert!(text.contains(rule), "this test holds to {rule}, deny.toml no longer does");
        }
        let bans = text.lines().filter(|line| line.trim_start().starts_with("{ crate = "));
        Self {
            targets: quoted(&text, "targets = [", "]"),
            licences: quoted(&text, "allow = [", "]"),
            banned: bans.filter_map(|line| line.split('"').nth(1)).map(str::to_owned).collect(),
        }
    }

    /// Whether an SPDX expression can be met by what is allowed: `AND` binds closer than `OR`.
    fn allows(&self, expression: &str) -> bool {
        let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
        let mut words = spaced.split_whitespace().peekable();
        let met = self.any_of(&mut words);
        met && words.next().is_none()
    }

    fn any_of<'a>(&self, words: &mut Words<'a, impl Iterator<Item = &'a str>>) -> bool {
        let mut met = self.all_of(words);
        while words.next_if_eq(&"OR").is_some() {
            met |= self.all_of(words);
        }
        met
    }

    fn all_of<'a>(&self, words: &mut Words<'a, impl Iterator<Item = &'a str>>) -> bool {
        let mut met = self.one(words);
        while words.next_if_eq(&"AND").is_some() {
            met &= self.one(words);
        }
        met
    }

    fn one<'a>(&self, words: &mut Words<'a, impl Iterator<Item = &'a str>>) -> bool {
        if words.next_if_eq(&"(").is_some() {
            let met = self.any_of(words);
            return words.next_if_eq(&")").is_some() && met;
        }
        let Some(licence) = words.next() else { return false };
        let exception = words.next_if_eq(&"WITH").and_then(|_| words.next());
        let name = exception.map_or(licence.to_owned(), |exception| format!("{licence} WITH {exception}"));
        self.licences.contains(&name)
    }

    /// What is wrong with what ships of this metadata.
    fn violations(&self, metadata: &Value) -> Vec<String> {
        let packages: BTreeMap<&str, &Value> =
            list(&metadata["packages"]).map(|package| (text(&package["id"]), package)).collect();
        let root = text(&metadata["resolve"]["root"]);
        let mut wrong: Vec<String> = list(&packages[root]["dependencies"])
            .filter(|dependency| dependency["req"] == "*")
            .map(|dependency| format!("{}: any version will do", text(&dependency["name"])))
            .collect();
        for id in shipped(metadata, root).into_iter().filter(|id| *id != root) {
            let package = packages[id];
            let (name, licence) = (text(&package["name"]), package["license"].as_str().unwrap_or("none"));
            if !self.allows(licence) {
                wrong.push(format!("{name}: the licence is {licence}"));
            }
            if self.banned.contains(name) {
                wrong.push(format!("{name}: it is banned"));
            }
            if package["source"] != REGISTRY {
                wrong.push(format!("{name}: it comes from {}", package["source"]));
            }
        }
        wrong
    }
}

type Words<'a, I> = std::iter::Peekable<I>;

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().expect("a list").iter()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// Everything that the root needs to be built and to run, itself included; not what only its tests need.
fn shipped<'a>(metadata: &'a Value, root: &'a str) -> BTreeSet<&'a str> {
    let nodes: BTreeMap<&str, &Value> =
        list(&metadata["resolve"]["nodes"]).map(|node| (text(&node["id"]), node)).collect();
    let (mut found, mut open) = (BTreeSet::new(), vec![root]);
    while let Some(id) = open.pop() {
        if found.insert(id) {
            let ships = |needed: &&Value| list(&needed["dep_kinds"]).any(|kind| kind["kind"] != "dev");
            open.extend(list(&nodes[id]["deps"]).filter(ships).map(|needed| text(&needed["pkg"])));
        }
    }
    found
}

fn metadata(target: &str) -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let arguments = ["metadata", "--locked", "--format-version", "1", "--filter-platform", target];
    let output = Command::new(cargo).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn threat_23_licences_bans_and_sources_of_all_that_ships_are_those_of_the_policy() {
    let policy = Policy::read();
    assert!(policy.targets.len() == 2 && policy.licences.len() > 3 && policy.banned.len() > 3, "the policy is read");
    for target in &policy.targets {
        let metadata = metadata(target);
        let count = shipped(&metadata, text(&metadata["resolve"]["root"])).len();
        assert!(count > 100, "{target}: {count} packages");
        assert_eq!(policy.violations(&metadata), [] as [String; 0], "{target}");
    }
}

/// A root that needs one package.
fn planted(name: &str, licence: Option<&str>, source: &str, kind: Option<&str>) -> Value {
    json!({
        "packages": [
            {"id": "root", "name": "root", "dependencies": [{"name": name, "req": "^1"}]},
            {"id": "planted", "name": name, "license": licence, "source": source, "dependencies": []},
        ],
        "resolve": {"root": "root", "nodes": [
            {"id": "root", "deps": [{"pkg": "planted", "dep_kinds": [{"kind": kind}]}]},
            {"id": "planted", "deps": []},
        ]},
    })
}

#[test]
fn threat_23_what_the_policy_does_not_allow_is_named() {
    let policy = Policy::read();
    let wrong = |metadata: &Value| policy.violations(metadata).join("; ");
    assert_eq!(wrong(&planted("fine", Some("MIT"), REGISTRY, None)), "");
    assert_eq!(
        wrong(&planted("copyleft", Some("GPL-3.0-only"), REGISTRY, None)),
        "copyleft: the licence is GPL-3.0-only"
    );
    assert_eq!(wrong(&planted("unlicensed", None, REGISTRY, Some("build"))), "unlicensed: the licence is none");
    assert_eq!(wrong(&planted("openssl", Some("MIT"), REGISTRY, None)), "openssl: it is banned");
    let branch = "git+https://example.com/somebody/branch#0123";
    assert_eq!(wrong(&planted("branch", Some("MIT"), branch, None)), format!("branch: it comes from \"{branch}\""));
    assert_eq!(wrong(&planted("of_tests", Some("GPL-3.0-only"), REGISTRY, Some("dev"))), "", "it does not ship");
    let mut loose = planted("loose", Some("MIT"), REGISTRY, None);
    loose["packages"][0]["dependencies"][0]["req"] = json!("*");
    assert_eq!(wrong(&loose), "loose: any version will do");
}

#[test]
fn threat_23_an_expression_is_met_only_by_what_is_allowed() {
    let policy = Policy {
        licences: ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into(),
        ..Policy::read()
    };
    for met in [
        "MIT",
        "GPL-2.0 OR MIT",
        "MIT/Unlicense",
        "(GPL-2.0 OR ISC) AND MIT",
        "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
    ] {
        assert!(policy.allows(met), "{met}");
    }
    for unmet in
        ["", "GPL-2.0", "MIT AND GPL-2.0", "GPL-2.0 OR MIT AND GPL-3.0", "Apache-2.0", "(MIT", "MIT)", "MIT ISC"]
    {
        assert!(!policy.allows(unmet), "{unmet}");
    }
}
