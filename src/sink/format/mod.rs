//! How a risk event is written for the outside: serialisation lives at this edge and nowhere else.

mod escape;
pub mod native;
mod ocsf;
#[cfg(test)]
pub(super) mod schema;
mod value;

pub(super) use escape::to_json;
