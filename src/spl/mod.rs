//! The language: text to syntax tree, with macros, and errors that carry spans. Pure.

pub mod ast;

/// Why a search cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub struct SplError {
    /// What is wrong.
    pub message: String,
    /// Where.
    pub span: ast::Span,
    /// What to do.
    pub help: Option<String>,
}

/// Reads a search.
///
/// # Errors
/// Always, until the language is there.
pub fn parse(text: &str) -> Result<ast::Pipeline, SplError> {
    Err(SplError { message: "the language is not there yet".into(), span: 0..text.len(), help: None })
}
