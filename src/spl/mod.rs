//! The language: text to syntax tree, with macros, and errors that carry spans. Pure.

pub mod ast;
