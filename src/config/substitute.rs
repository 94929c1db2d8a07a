//! `${NAME}` and `${file:PATH}` in values: how secrets get in without standing in the file.

use std::path::Path;

use super::environment::Environment;

/// The most that `${file:..}` reads: a bundle of every public authority's certificate is a quarter of it.
const MAX_SECRET_BYTES: u64 = 1024 * 1024;

/// A value, and whether it may be shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) value: String,
    /// Whether any of it came from `${..}`.
    pub(super) is_hidden: bool,
}

/// Replaces `${NAME}` by the environment variable, `${file:PATH}` by the file's text without the newline at its end
/// (relative to `folder`), and `$$` by `$`. What was put in is not looked at again.
///
/// # Errors
/// Says which name or file is missing, never what another held.
pub(super) fn substitute(text: &str, environment: &Environment, folder: &Path) -> Result<Text, String> {
    let (mut value, mut is_hidden, mut rest) = (String::new(), false, text);
    while let Some(at) = rest.find('$') {
        value.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            value.push('$');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('{') {
            let (name, after) = after.split_once('}').ok_or("`${` without `}`; write `$$` for a plain `$`")?;
            value.push_str(&resolve(name, environment, folder)?);
            is_hidden = true;
            rest = after;
        } else {
            value.push('$');
        }
    }
    value.push_str(rest);
    Ok(Text { value, is_hidden })
}

fn resolve(name: &str, environment: &Environment, folder: &Path) -> Result<String, String> {
    if let Some(path) = name.strip_prefix("file:") {
        return read(&folder.join(path)).map_err(|error| format!("`${{{name}}}` cannot be read: {error}"));
    }
    let value = environment.get(name).map(str::to_owned);
    value.ok_or_else(|| format!("the environment variable {name:?} of `${{{name}}}` is not set"))
}

fn read(path: &Path) -> std::io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_SECRET_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_SECRET_BYTES {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    let line = text.strip_suffix('\n').map_or(&*text, |line| line.strip_suffix('\r').unwrap_or(line));
    Ok(line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn substituted(text: &str) -> Result<(String, bool), String> {
        let environment = Environment::of([("TOKEN", "s3cr3t$${X}"), ("EMPTY", "")]);
        substitute(text, &environment, Path::new("/nonexistent")).map(|text| (text.value, text.is_hidden))
    }

    #[test]
    fn plain_text_stays_and_may_be_shown() {
        assert_eq!(substituted("a$b$").unwrap(), ("a$b$".to_owned(), false));
        assert_eq!(substituted("$${TOKEN} costs $$5").unwrap(), ("${TOKEN} costs $5".to_owned(), false));
    }

    #[test]
    fn a_variable_is_put_in_once_and_hidden() {
        assert_eq!(substituted("Splunk ${TOKEN}!").unwrap(), ("Splunk s3cr3t$${X}!".to_owned(), true));
        assert_eq!(substituted("${EMPTY}").unwrap(), (String::new(), true));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert!(substituted("${TOKEN}${NOWHERE}").is_err_and(|e| e.contains("NOWHERE") && !e.contains("s3cr3t")));
        assert!(substituted("${TOKEN").is_err());
        assert!(substituted("${file:absent}").is_err_and(|e| e.contains("file:absent")));
    }

    #[test]
    fn a_file_gives_its_text_without_the_last_newline() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "two\nlines\r\n").unwrap();
        let text = substitute("<${file:token}>", &Environment::default(), folder.path()).unwrap();
        assert_eq!((text.value.as_str(), text.is_hidden), ("<two\nlines>", true));
    }

    #[test]
    fn a_file_that_is_too_large_is_refused_and_not_cut() {
        let folder = tempfile::tempdir().unwrap();
        let read = |bytes| {
            std::fs::write(folder.path().join("bundle"), vec![b'x'; bytes]).unwrap();
            substitute("${file:bundle}", &Environment::default(), folder.path()).map(|text| text.value.len())
        };
        assert_eq!(read(1 << 20), Ok(1 << 20));
        assert!(read((1 << 20) + 1).is_err_and(|error| error.contains("too large")));
    }
}
