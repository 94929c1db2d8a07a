//! What is wrong with a file, said like a good compiler says it.

use std::fmt::{self, Display, Formatter};

/// One problem of a detection file. Its display is several lines: severity and message, place, snippet, help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as the caller named it.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// Whether the detection runs in spite of it.
    pub severity: ProblemSeverity,
    /// What was found and what was expected.
    pub message: String,
    /// The line of the file with a caret under the place; for a place inside a macro also the expanded search.
    pub snippet: Option<String>,
    /// What to do.
    pub help: Option<String>,
}

/// How bad a [`Problem`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemSeverity {
    /// The detection runs; somebody should look.
    Warning,
    /// The search reads other data than CloudTrail: it is none of ours, whatever else is to be said of the file.
    OtherData,
    /// The file is right, and needs something that is not supported here. It does not run.
    Unsupported,
    /// The file is wrong. It does not run.
    Error,
}

impl ProblemSeverity {
    /// As it is written before a message.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::OtherData | Self::Unsupported => "unsupported",
            Self::Error => "error",
        }
    }
}

impl Problem {
    /// File, line and column, as an editor takes them.
    pub fn place(&self) -> String {
        format!("{}:{}:{}", self.file, self.line, self.column)
    }
}

impl Display for Problem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity.as_str(), self.message)?;
        write!(f, "\n --> {}", self.place())?;
        if let Some(snippet) = &self.snippet {
            write!(f, "\n{snippet}")?;
        }
        match &self.help {
            Some(help) => write!(f, "\n  = help: {help}"),
            None => Ok(()),
        }
    }
}
