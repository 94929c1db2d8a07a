//! Why a search cannot be compiled, and what is worth a warning. Spans are byte ranges of `PlanText::search`.

use crate::spl::ast::Span;
use crate::spl::{SplError, SplErrorKind};

/// Why a search cannot be compiled.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct CompileError {
    /// Whether it is wrong, or right in Splunk and not supported here.
    pub kind: CompileErrorKind,
    /// What is wrong.
    pub message: String,
    /// Where, in `PlanText::search`.
    pub span: Span,
    /// What to do instead.
    pub help: Option<String>,
}

/// Wrong, or not supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompileErrorKind {
    /// Splunk would refuse it, too.
    Invalid,
    /// Splunk knows it; it is refused here, since half a search must never run.
    Unsupported,
}

/// Something that Splunk accepts in silence and that is hardly meant.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanWarning {
    /// What is odd and what it means.
    pub message: String,
    /// Where, in `PlanText::search`.
    pub span: Span,
}

impl CompileError {
    pub(super) fn invalid(message: impl Into<String>, span: &Span) -> Self {
        Self { kind: CompileErrorKind::Invalid, message: message.into(), span: span.clone(), help: None }
    }

    pub(super) fn unsupported(message: impl Into<String>, span: &Span) -> Self {
        Self { kind: CompileErrorKind::Unsupported, message: message.into(), span: span.clone(), help: None }
    }

    pub(super) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<SplError> for CompileError {
    fn from(error: SplError) -> Self {
        let kind = match error.kind {
            SplErrorKind::Unsupported => CompileErrorKind::Unsupported,
            SplErrorKind::Syntax | SplErrorKind::Macro | SplErrorKind::Limit => CompileErrorKind::Invalid,
        };
        Self { kind, message: error.message, span: error.span, help: error.help }
    }
}
