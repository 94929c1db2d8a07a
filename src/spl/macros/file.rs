//! The macros file: YAML in either of two forms, which may also be mixed document by document.
//!
//! Ours maps names to definitions:
//!
//! ```yaml
//! some_filter: search NOT user="backup"
//! release_users: {definition: userName IN (ci, cd)}
//! at_least: {args: [field, n], definition: where $field$>=$n$}
//! night_filter: {definition: search NOT user=batch, owner: soc, reason: CHG-17, expires: 2026-12-31}
//! ```
//!
//! The other is the form in which Splunk ships macros, one a document: `name`, `definition`, `arguments`, and facts
//! that mean nothing here.

use super::{MacroFacts, expiry};
use crate::spl::error::nearest;
use crate::yaml::{Documents, Node, Place};

/// A problem of a macros file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct MacrosError {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// What is wrong and what to do.
    pub message: String,
}

/// One macro of the file.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) arguments: Vec<String>,
    pub(super) definition: String,
    pub(super) facts: MacroFacts,
}

/// Keys of one macro in our form.
const OUR_KEYS: [&str; 6] = ["definition", "args", "description", "owner", "reason", "expires"];

/// Keys of one macro in Splunk's form, and ours of a filter.
const SPLUNK_KEYS: [&str; 15] = [
    "name",
    "definition",
    "arguments",
    "description",
    "id",
    "version",
    "date",
    "creation_date",
    "modification_date",
    "author",
    "status",
    "references",
    "owner",
    "reason",
    "expires",
];

/// Every macro of the file, or every problem.
pub(super) fn entries(yaml: &str) -> Result<Vec<Entry>, Vec<MacrosError>> {
    let documents = Documents::read(yaml).map_err(|error| vec![at(error.place, error.message)])?;
    let mut reader = Reader { entries: Vec::new(), problems: Vec::new() };
    documents.nodes().filter(|root| !root.is_null()).for_each(|root| reader.document(root));
    if reader.problems.is_empty() { Ok(reader.entries) } else { Err(reader.problems) }
}

fn at(place: Place, message: impl Into<String>) -> MacrosError {
    MacrosError { line: place.line, column: place.column, message: message.into() }
}

struct Reader {
    entries: Vec<Entry>,
    problems: Vec<MacrosError>,
}

impl Reader {
    fn problem(&mut self, node: Node<'_>, message: impl Into<String>) {
        self.problems.push(at(node.place(), message));
    }

    fn document(&mut self, root: Node<'_>) {
        let Some(entries) = root.entries() else {
            return self.problem(root, format!("a macros file maps names to definitions; this is {}", root.kind()));
        };
        match (root.get("name").and_then(Node::text), root.get("definition")) {
            (Some(name), Some(_)) => self.full(name, root, &SPLUNK_KEYS, "arguments"),
            _ => entries.into_iter().for_each(|(key, value)| self.entry(key, value)),
        }
    }

    fn entry(&mut self, key: Node<'_>, value: Node<'_>) {
        let Some(name) = key.text() else {
            return self.problem(key, format!("a macro's name is text, not {}", key.kind()));
        };
        match value.text() {
            Some(definition) => {
                let Place { line, column } = key.place();
                let facts = MacroFacts { line, column, ..MacroFacts::default() };
                self.add(key, name, Vec::new(), definition, facts);
            }
            None if value.entries().is_some() => self.full(name, value, &OUR_KEYS, "args"),
            None => {
                let message = format!(
                    "`{name}` needs SPL text, or a mapping with `definition` and `args`; this is {}",
                    value.kind()
                );
                self.problem(value, message);
            }
        }
    }

    fn full(&mut self, name: &str, node: Node<'_>, keys: &[&str], arguments_key: &str) {
        for (key, _) in node.entries().unwrap_or_default() {
            let word = key.text().unwrap_or_default();
            if !keys.contains(&word) {
                let near = nearest(word, keys.iter().copied());
                let help = near
                    .map_or_else(|| format!("known are {}", keys.join(", ")), |near| format!("did you mean `{near}`?"));
                self.problem(key, format!("`{word}` is not a key of a macro; {help}"));
            }
        }
        let arguments = node.get(arguments_key).map_or_else(|| Some(Vec::new()), |list| self.arguments(list));
        let facts = self.facts(node);
        match node.get("definition").map(|definition| (definition, definition.text())) {
            Some((place, Some(definition))) => self.add(place, name, arguments.unwrap_or_default(), definition, facts),
            Some((place, None)) => self.problem(place, format!("a definition is SPL text, not {}", place.kind())),
            None => self.problem(node, format!("the macro `{name}` has no `definition`")),
        }
    }

    fn arguments(&mut self, list: Node<'_>) -> Option<Vec<String>> {
        let names =
            list.items().and_then(|items| items.into_iter().map(|item| item.text().map(str::to_owned)).collect());
        if names.is_none() && !list.is_null() {
            self.problem(list, "the arguments of a macro are a list of names");
        }
        names
    }

    fn facts(&mut self, node: Node<'_>) -> MacroFacts {
        let Place { line, column } = node.get("expires").unwrap_or(node).place();
        let (owner, reason) = (self.line_of(node, "owner"), self.line_of(node, "reason"));
        MacroFacts { owner, reason, expires_ms: self.expiry(node), file: String::new(), line, column }
    }

    /// Text that is shown beside a macro's name, on one line.
    fn line_of(&mut self, node: Node<'_>, key: &str) -> Option<String> {
        let value = node.get(key)?;
        let text = value.text().map(str::trim).filter(|text| !text.is_empty() && !text.contains(char::is_control));
        if text.is_none() {
            self.problem(value, format!("`{key}` is one line of text; leave it out where there is nothing to say"));
        }
        text.map(str::to_owned)
    }

    /// A filter without the expiry that was meant would hide rows for ever.
    fn expiry(&mut self, node: Node<'_>) -> Option<i64> {
        let value = node.get("expires")?;
        let expiry = value.text().ok_or_else(|| value.kind().to_owned()).and_then(expiry::read);
        expiry
            .map_err(|what| {
                let expected = "a date such as 2026-12-31 (the whole day still counts, in UTC) or an instant in RFC \
                                3339 such as 2026-12-31T18:00:00Z is expected";
                self.problem(value, format!("`expires` is {what}: {expected}"));
            })
            .ok()
    }

    fn add(&mut self, place: Node<'_>, name: &str, arguments: Vec<String>, definition: &str, facts: MacroFacts) {
        let is_name =
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':'));
        let known = self.entries.iter().any(|entry| entry.name == name && entry.arguments.len() == arguments.len());
        if definition.trim().is_empty() {
            self.problem(
                place,
                format!("the definition of `{name}` is empty; what lets everything pass is `search *`"),
            );
        } else if !is_name {
            self.problem(place, format!("`{name}` is no name of a macro: letters, digits and `_ - . :`"));
        } else if known {
            self.problem(place, format!("the macro `{name}` is defined twice"));
        } else {
            let (name, definition) = (name.to_owned(), definition.trim().to_owned());
            self.entries.push(Entry { name, arguments, definition, facts });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Macros, expand};
    use super::MacrosError;

    fn expanded(yaml: &str, search: &str) -> String {
        let macros = Macros::from_yaml(yaml).unwrap_or_else(|problems| panic!("{problems:?}"));
        expand(search, &macros).expect("defined").text
    }

    fn problems(yaml: &str) -> Vec<(usize, usize, String)> {
        let problems = Macros::from_yaml(yaml).expect_err("problems");
        problems.into_iter().map(|MacrosError { line, column, message }| (line, column, message)).collect()
    }

    #[test]
    fn our_form() {
        let yaml = "x_filter: search NOT user=\"a\"\nm: {args: [f, n], definition: 'where $f$>$n$'}\n";
        assert_eq!(expanded(yaml, "a | `x_filter` | `m(b, 2)`"), "a | search NOT user=\"a\" | where b>2");
    }

    #[test]
    fn splunks_form_one_a_document() {
        let yaml = "name: one\nid: x\nversion: 1\nauthor: a\ndescription: d\ndefinition: eventName=A\n---\n\
                    name: two\narguments:\n    - field\ndefinition: 'table $field$'\n";
        assert_eq!(expanded(yaml, "`one` | `two(b)`"), "eventName=A | table b");
    }

    /// As Splunk does.
    #[test]
    fn macros_are_told_apart_by_their_number_of_arguments() {
        let one = "name: m\ndefinition: a=1\n---\n";
        let of_field = "name: m\ndefinition: $f$=1\narguments: [f]\n---\n";
        assert_eq!(expanded(&format!("{one}{of_field}"), "`m` `m(b)`"), "a=1 b=1");
        for twice in [one, of_field] {
            let found = problems(&format!("{twice}{twice}"));
            let [(_, _, message)] = &found[..] else { panic!("{found:?}") };
            assert_eq!(message, "the macro `m` is defined twice");
        }
    }

    #[test]
    fn a_file_of_comments_is_no_problem() {
        assert_eq!(expanded("# nothing yet\n", "`cloudtrail`"), "sourcetype=aws:cloudtrail");
        assert_eq!(expanded("", "`cloudtrail`"), "sourcetype=aws:cloudtrail");
    }

    #[test]
    fn every_problem_has_its_place() {
        let yaml =
            "a: 1\nb: {definition: x, agrs: [y]}\nc: {args: [z]}\n'd e': x\nf: ' '\ng: {definition: x, args: 1}\n";
        let found = problems(yaml);
        let places: Vec<_> = found.iter().map(|(line, column, _)| (*line, *column)).collect();
        assert_eq!(places, [(1, 4), (2, 20), (3, 4), (4, 1), (5, 1), (6, 26)]);
        assert!(found[0].2.ends_with("or a mapping with `definition` and `args`; this is a number"), "{found:?}");
        assert!(found[1].2.contains("did you mean `args`?"), "{found:?}");
    }

    #[test]
    fn a_filter_may_say_who_and_why_and_until_when() {
        let yaml = "x_filter:\n  definition: search NOT user=a\n  owner: soc\n  reason: CHG-17\n  expires: 2026-12-31\n\
                    quiet: {definition: search NOT user=b, expires: 2026-12-31T18:00:00Z}\n\
                    y_filter: {definition: search NOT user=c, owner: soc}\n";
        let macros = Macros::from_yaml(yaml).expect("it is right");
        let filters = expand("`x_filter` | `quiet` | `y_filter`", &macros).expect("defined").filters;
        let shown: Vec<_> = filters.iter().map(|filter| (filter.name.as_str(), filter.expires_ms)).collect();
        // Until the end of the day, in UTC; and a macro that expires is a filter, whatever its name.
        let expected = [("x_filter", Some(1_798_761_600_000)), ("quiet", Some(1_798_740_000_000)), ("y_filter", None)];
        assert_eq!(shown, expected);
        let facts = macros.facts(&filters[0]).expect("it is from the file");
        assert_eq!((facts.owner.as_deref(), facts.reason.as_deref()), (Some("soc"), Some("CHG-17")));
        assert_eq!((facts.line, facts.column), (5, 12), "where the expiry stands");
        assert_eq!(macros.facts(&filters[2]).and_then(|facts| facts.owner.as_deref()), Some("soc"));
    }

    #[test]
    fn a_wrong_expiry_is_refused_where_it_stands() {
        for (expires, is) in [
            ("31.12.2026", "neither a date nor an instant"),
            ("2026-02-30", "neither a date nor an instant"),
            ("2026-12-31T18:00:00", "neither a date nor an instant"),
            ("2026", "a number"),
            ("", "nothing"),
            ("[2026-12-31]", "a list"),
        ] {
            let found = problems(&format!("x_filter:\n  definition: search *\n  expires: {expires}\n"));
            let [(3, column, message)] = &found[..] else { panic!("{expires}: {found:?}") };
            assert!(*column >= 11 || expires.is_empty(), "{expires}: {found:?}");
            assert!(message.contains(is) && message.contains("such as 2026-12-31 (the whole day"), "{message}");
        }
        let found = problems("x_filter: {definition: search *, owner: [a], reason: '', expired: 2026-12-31}\n");
        let messages: Vec<_> = found.iter().map(|(_, _, message)| message.as_str()).collect();
        assert!(messages[0].contains("did you mean `expires`?"), "{messages:?}");
        assert!(messages[1].contains("`owner` is one line of text"), "{messages:?}");
        assert!(messages[2].contains("`reason` is one line of text"), "{messages:?}");
    }

    #[test]
    fn what_is_no_mapping_is_refused() {
        assert_eq!(problems("- a\n- b\n")[0].0, 1);
        assert!(problems("a: [\n")[0].2.contains("not YAML"));
        assert!(problems("a: x\na: y\n")[0].0 == 2);
    }
}
