//! The language as its documentation has it; every expectation is written from there.

mod canonical;
mod command;
mod errors;
mod expr;
mod limits;
mod lints;
mod merged;
mod round_trip;
mod search;
mod sexp;
mod walk;

use super::ast::{Command, Pipeline};
use super::{SplError, parse};

fn parsed(text: &str) -> Pipeline {
    parse(text).unwrap_or_else(|error| panic!("{}", error.render(text)))
}

/// The one command of `* | <text>`.
fn command(text: &str) -> Command {
    let mut commands = parsed(&format!("* | {text}")).commands;
    assert_eq!(commands.len(), 1, "{text}");
    commands.remove(0).node
}

fn refused(text: &str) -> SplError {
    match parse(text) {
        Ok(pipeline) => panic!("{text} was parsed as {pipeline}"),
        Err(error) => error,
    }
}
