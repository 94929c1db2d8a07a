//! The reader over texts that nobody meant: pieces of the shipped file, cut, doubled and spliced. Whatever comes of it is a
//! configuration, or a report that leads to what is wrong and tells no secret.

use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;

use super::shipped::with_examples;
use super::*;

const SECRET: &str = "s3cr3t-of-the-environment";
/// What has a meaning in YAML, in a value, or in the configuration.
const PIECES: [&str; 36] = [
    "\n",
    "\n  ",
    ": ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\"",
    "'",
    "#",
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "|\n",
    "? ",
    "\t",
    "---\n",
    "...\n",
    "~",
    "null",
    "1e999",
    "-1",
    "0x7f",
    "99999999999999999999d",
    "5s",
    "\u{feff}",
    "\u{202e}",
    "\u{0}",
    "${SOC_TOKEN}",
    "${",
    "$$",
    "type: webhook\n",
    "sinks:\n",
];

#[derive(Clone, Debug)]
enum Edit {
    Cut(Index, usize),
    Double(Index, usize),
    Insert(Index, usize),
}

impl Edit {
    fn apply(&self, text: &mut String) {
        let place = |at: &Index| text.floor_char_boundary(at.index(text.len() + 1));
        match self {
            Self::Cut(at, length) => {
                let (from, to) = (place(at), text.floor_char_boundary(place(at) + length));
                text.replace_range(from..to, "");
            }
            Self::Double(at, length) => {
                let (from, to) = (place(at), text.floor_char_boundary(place(at) + length));
                let piece = text[from..to].to_owned();
                text.insert_str(from, &piece);
            }
            Self::Insert(at, piece) => text.insert_str(place(at), PIECES[*piece]),
        }
    }
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        (any::<Index>(), 0..200_usize).prop_map(|(at, length)| Edit::Cut(at, length)),
        (any::<Index>(), 0..200_usize).prop_map(|(at, length)| Edit::Double(at, length)),
        (any::<Index>(), 0..PIECES.len()).prop_map(|(at, piece)| Edit::Insert(at, piece)),
    ];
    prop::collection::vec(edit, 1..8)
}

proptest! {
    #[test]
    fn whatever_is_done_to_the_file_it_is_read_or_refused_with_places_in_it(
        is_whole in any::<bool>(),
        edits in edits(),
    ) {
        let mut text = if is_whole { with_examples() } else { LEAST.to_owned() };
        edits.iter().for_each(|edit| edit.apply(&mut text));
        let environment = Environment::of([("SOC_TOKEN", SECRET), ("SPLUNK_TOKEN", SECRET)]);
        let read = || parse(&text, Path::new("conf/t.yaml"), &environment, &Overrides::default());
        match read() {
            Ok(config) => prop_assert_eq!(read().map(|config| config.hash()), Ok(config.hash())),
            Err(error) => {
                prop_assert!(!error.problems.is_empty());
                prop_assert!(!error.to_string().contains(SECRET), "{error}");
                let lines = text.split('\n').count();
                for problem in &error.problems {
                    prop_assert!(!problem.message.contains('\n'), "one line a problem: {problem}");
                    if let Place::Position(_, line, column) = problem.place {
                        prop_assert!((1..=lines + 1).contains(&line) && column > 0, "of {lines} lines: {problem}");
                    }
                }
            }
        }
    }
}
