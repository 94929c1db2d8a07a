//! Which build this is: the version of the package, and the revision that whoever built it named.
//!
//! The revision is what `TRAILRISK_REVISION` says while this is compiled. There is no build script that asks Git: an
//! archive without its history builds the same, and nothing is built again because a branch was switched.

use std::sync::LazyLock;

/// The version, after Semantic Versioning.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The revision of the sources; `unknown` if nobody named one.
pub fn revision() -> &'static str {
    named(option_env!("TRAILRISK_REVISION"))
}

/// What `--version` says after the program's name.
pub fn described() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| format!("{VERSION} (revision {})", revision()));
    &TEXT
}

/// An argument of an image's build that was left empty names none either.
fn named(revision: Option<&'static str>) -> &'static str {
    revision.filter(|text| !text.is_empty()).unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_that_nobody_named_is_unknown() {
        assert_eq!([named(None), named(Some("")), named(Some("0ebccac"))], ["unknown", "unknown", "0ebccac"]);
    }

    #[test]
    fn the_description_holds_version_and_revision() {
        assert_eq!(described(), format!("{VERSION} (revision {})", revision()));
    }
}
