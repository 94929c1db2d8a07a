//! The names of a regular expression's groups: the fields that `rex` writes.

/// The named groups of a pattern, in their order: `(?<name>...)`, `(?P<name>...)`.
pub fn capture_names(pattern: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = pattern;
    while let Some(at) = rest.find(['\\', '(']) {
        let (escaped, behind) = (rest[at..].starts_with('\\'), &rest[at + 1..]);
        rest = behind;
        if escaped {
            rest = behind.get(behind.chars().next().map_or(0, char::len_utf8)..).unwrap_or_default();
        } else if let Some(name) = group_name(behind) {
            names.push(name);
        }
    }
    names
}

/// The name of the group whose text behind the parenthesis this is.
fn group_name(behind: &str) -> Option<&str> {
    let name = without_space(behind);
    let name = name.strip_prefix("?<").or_else(|| name.strip_prefix("?P<"))?;
    let end = name.find('>')?;
    // `(?<=` and `(?<!` look behind.
    let is_name = !name.starts_with(['=', '!']) && end > 0;
    is_name.then(|| &name[..end])
}

/// Under `(?x)` white space and comments may stand there; elsewhere nothing that begins so is a group.
fn without_space(text: &str) -> &str {
    let mut rest = text.trim_start();
    while let Some(comment) = rest.strip_prefix('#') {
        rest = comment.split_once('\n').map_or("", |(_, behind)| behind.trim_start());
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::capture_names;

    #[test]
    fn names_are_found_in_every_spelling() {
        for (pattern, names) in [
            (r"(?<json_field>{.+})", &["json_field"][..]),
            (r"(?P<a>x)|(?<b>y)(z)(?:q)", &["a", "b"]),
            (r"\(?<no>(?<=a)(?<!b)(?<yes>\\)", &["yes"]),
            (r"(?<open", &[]),
            ("(?x)( ?<a>x) (\n # why\n # not\n ?P<b>y)(# ?<no>", &["a", "b"]),
            (r"(?<>a)", &[]),
            ("", &[]),
        ] {
            assert_eq!(capture_names(pattern), names, "{pattern}");
        }
    }
}
