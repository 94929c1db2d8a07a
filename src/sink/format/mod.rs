//! How a risk event is written for the outside: serialisation lives at this edge and nowhere else.

mod escape;
pub mod native;
#[cfg(test)]
pub(super) mod schema;

pub(super) use escape::to_json;
