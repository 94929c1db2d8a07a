//! `format: template`.

use std::path::PathBuf;

use super::Secret;

/// The operator's own format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateConfig {
    /// `template`: the file.
    pub path: PathBuf,
    /// `template_values`: what the template knows as `values`; may hold secrets.
    pub values: Vec<(String, Secret)>,
}
