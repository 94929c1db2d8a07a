//! The registries of a process as one page: where sources are named, one for each, whose series carry its name.

use std::collections::{BTreeMap, HashMap};

use prometheus::Registry;
use prometheus::proto::MetricFamily;

/// The label that tells the series of several sources apart.
const SOURCE: &str = "source";

/// What `/metrics` gathers. Cloning shares it.
#[derive(Clone)]
pub struct Registries(Vec<Registry>);

impl Registries {
    /// Begins with the registry of the process.
    pub fn new(process: Registry) -> Self {
        Self(vec![process])
    }

    /// Adds the registry of a named source: all of its series get the label `source`.
    pub fn add_source(&mut self, name: &str) -> Registry {
        let label = HashMap::from([(SOURCE.to_owned(), name.to_owned())]);
        let registry = Registry::new_custom(None, Some(label)).expect("a prefix is what could be wrong");
        self.0.push(registry.clone());
        registry
    }

    /// All families in the order of their names, each once.
    pub fn gather(&self) -> Vec<MetricFamily> {
        let mut families: BTreeMap<String, MetricFamily> = BTreeMap::new();
        for mut family in self.0.iter().flat_map(Registry::gather) {
            match families.get_mut(family.name()) {
                Some(known) => known.mut_metric().append(family.mut_metric()),
                None => drop(families.insert(family.name().to_owned(), family)),
            }
        }
        families.into_values().collect()
    }
}
