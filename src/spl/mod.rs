//! The language: text to syntax tree and back, macros, and errors that carry spans. Pure.
//!
//! Deliberately absent: what a search means. The parser knows the grammar of each command, never whether a function or
//! a field exists; that is the plan's.

pub mod ast;
mod build;
mod capture;
mod error;
mod expected;
mod lint;
mod macros;
mod parser;
mod print;
mod walk;

pub use capture::capture_names;
pub use error::{SplError, SplErrorKind, caret_snippet, did_you_mean, nearest};
pub use lint::{Lint, lint};
pub use macros::{Expansion, FilterPlace, MacroFacts, Macros, MacrosError, conventional_filter, expand};
pub use parser::{MAX_DEPTH, MAX_NESTING, MAX_SEARCH_BYTES, SUPPORTED_COMMANDS, parse};

#[cfg(test)]
mod tests;
