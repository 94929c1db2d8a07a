//! Macros: text that stands for text.
//!
//! Owns: their definitions, textual expansion with a map back to the original, and the default of filter macros.
//! Deliberately absent: reading files (callers hand in text).

mod call;
mod expand;
mod expiry;
mod file;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use expand::{Expansion, expand};
pub use file::MacrosError;

/// The macros that a search may use: the built-in ones, and the operator's, which win.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Macros {
    /// By name and number of arguments, as Splunk tells them apart.
    definitions: BTreeMap<(String, usize), Definition>,
}

/// One filter macro's place in the expanded search: the command that it became.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilterPlace {
    /// The macro's name.
    pub name: String,
    /// First byte of the expansion in `search`.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    /// AG-5: in windows that end later the filter hides nothing. Milliseconds since the Unix epoch; none: it never
    /// expires. (Left out where there is none, so that such a plan's fingerprint is that of its search alone.)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<i64>,
}

/// What the macros file says of a macro beside its definition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MacroFacts {
    /// Who answers for it.
    pub owner: Option<String>,
    /// Why it is there.
    pub reason: Option<String>,
    /// When it expires, in milliseconds since the Unix epoch. A macro that expires is a filter.
    pub expires_ms: Option<i64>,
    /// The macros file, as the caller named it.
    pub file: String,
    /// The line there, counted from 1; 0 for a macro that is not from a file.
    pub line: usize,
    /// The column there, counted from 1, in characters.
    pub column: usize,
}

/// One macro.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Definition {
    /// The names of its arguments, in order.
    arguments: Vec<String>,
    /// SPL text with `$name$` for each argument.
    text: String,
    facts: MacroFacts,
}

/// What a filter macro means that nobody has defined: everything passes.
const DEFAULT_FILTER: &str = "search *";

impl Default for Macros {
    fn default() -> Self {
        Self::built_in()
    }
}

impl Macros {
    /// The macros that every detection may use without a macros file: those that Splunk publishes with its CloudTrail
    /// detections. `aws_ecr_users` is its placeholder for the users who may push images: until it is redefined, it
    /// names nobody real.
    pub fn built_in() -> Self {
        let mut macros = Self { definitions: BTreeMap::new() };
        macros.define("cloudtrail", &[], "sourcetype=aws:cloudtrail");
        macros.define("security_content_ctime", &["field"], r#"convert timeformat="%Y-%m-%dT%H:%M:%S" ctime($field$)"#);
        macros.define("comment", &["text"], "");
        macros.define("aws_ecr_users", &[], "userName IN (user)");
        macros
    }

    /// The built-in macros and those of a macros file, given as its text.
    ///
    /// # Errors
    /// Every problem of the file, each with its line and column.
    pub fn from_yaml(yaml: &str) -> Result<Self, Vec<MacrosError>> {
        let mut macros = Self::built_in();
        macros.add_file("", yaml)?;
        Ok(macros)
    }

    /// Adds the macros of a file, given as its text; they replace earlier ones. `file` is its name in messages.
    ///
    /// # Errors
    /// Every problem of the file, each with its line and column.
    pub fn add_file(&mut self, file: &str, yaml: &str) -> Result<(), Vec<MacrosError>> {
        for entry in file::entries(yaml)? {
            let arguments: Vec<&str> = entry.arguments.iter().map(String::as_str).collect();
            self.define(&entry.name, &arguments, &entry.definition);
            if let Some(definition) = self.definitions.get_mut(&(entry.name, arguments.len())) {
                definition.facts = MacroFacts { file: file.to_owned(), ..entry.facts };
            }
        }
        Ok(())
    }

    /// Defines a macro, replacing one with the same name and number of arguments.
    pub fn define(&mut self, name: &str, arguments: &[&str], definition: &str) {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let key = (name.to_owned(), arguments.len());
        let facts = MacroFacts::default();
        self.definitions.insert(key, Definition { arguments, text: definition.to_owned(), facts });
    }

    /// What the macros file says of the macro that became this filter.
    pub fn facts(&self, filter: &FilterPlace) -> Option<&MacroFacts> {
        let mut named = self.definitions.iter().filter(|((name, _), _)| *name == filter.name);
        named.find(|(_, definition)| definition.facts.expires_ms == filter.expires_ms).map(|(_, found)| &found.facts)
    }

    /// Whether a macro of that name without arguments is defined, by us or by the operator.
    pub fn defines(&self, name: &str) -> bool {
        self.definitions.contains_key(&(name.to_owned(), 0))
    }

    /// The filters of macros files that hide something, by name, with what their files say of them.
    pub fn filters(&self) -> impl Iterator<Item = (&str, &MacroFacts)> {
        let hides = |definition: &Definition| definition.facts.line > 0 && definition.text != DEFAULT_FILTER;
        let filters = self
            .definitions
            .iter()
            .filter(move |((name, arguments), definition)| is_filter(name) && *arguments == 0 && hides(definition));
        filters.map(|((name, _), definition)| (name.as_str(), &definition.facts))
    }

    fn get(&self, name: &str, arguments: usize) -> Option<&Definition> {
        self.definitions.get(&(name.to_owned(), arguments))
    }

    /// The numbers of arguments with which that name is defined.
    fn arities(&self, name: &str) -> Vec<usize> {
        self.definitions.keys().filter(|(defined, _)| defined == name).map(|&(_, arguments)| arguments).collect()
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.definitions.keys().map(|(name, _)| name.as_str())
    }
}

impl Definition {
    /// The definition with its arguments filled in.
    fn with(&self, arguments: &[String]) -> String {
        let mut text = String::with_capacity(self.text.len());
        let mut rest = self.text.as_str();
        while let Some(at) = rest.find('$') {
            text.push_str(&rest[..at]);
            rest = &rest[at..];
            let named = rest[1..].find('$').and_then(|end| {
                let index = self.arguments.iter().position(|name| *name == rest[1..=end])?;
                Some((&arguments[index], end + 2))
            });
            let (piece, consumed) = named.map_or(("$", 1), |(value, length)| (value.as_str(), length));
            text.push_str(piece);
            rest = &rest[consumed..];
        }
        text + rest
    }
}

/// Whether a name is that of a filter macro, by Splunk's convention.
fn is_filter(name: &str) -> bool {
    name.ends_with("_filter") && name.len() > "_filter".len()
}

/// The name of the filter macro of a detection, by Splunk's convention: its name in lower case, `_` for everything
/// that is no letter and no digit, and `_filter`.
pub fn conventional_filter(detection_name: &str) -> String {
    let snake = detection_name.trim().chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    snake.chain("_filter".chars()).collect()
}

#[cfg(test)]
mod tests;
