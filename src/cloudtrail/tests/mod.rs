//! Tests over the whole module, from the contract and the real events in `tests/data/cloudtrail`.

mod corpus;
mod derived;
mod derived_user;
mod envelopes;
mod fields;
mod names;
mod prefilter;
mod properties;
mod recognition;
mod tree;

/// The seed's event.
const JOB_CREATED: &str = include_str!("../../../tests/data/cloudtrail/jobcreated.json");
