//! Where a problem is said to be: its line and column, and the carets under what it is about.

use super::problems::changed;
use super::*;

#[track_caller]
fn assert_shown(problems: &[Problem], expected: &str) {
    assert!(shown(problems).contains(&format!("{expected}\n")), "{}", shown(problems));
}

#[test]
fn what_is_no_yaml_points_at_the_character() {
    for (yaml, expected) in [
        (
            "name: é\nid: one\nversion: 1: 2\n",
            "
 --> x.yml:3:11
  | version: 1: 2
  |           ^",
        ),
        (
            "a: 'é' 'x'\n",
            "
 --> x.yml:1:8
  | a: 'é' 'x'
  |        ^",
        ),
        (
            "a: 1\nb: 2\na: 3\n",
            "
 --> x.yml:3:1
  | a: 3
  | ^",
        ),
        (
            "a: 1\nb: [\n",
            "
 --> x.yml:3:1
  |
  | ^",
        ),
        (
            &format!("a: 1\n{}b\n", "- ".repeat(300)),
            "
 --> x.yml:2:1",
        ),
    ] {
        let problems = refused(yaml);
        assert_eq!(problems.len(), 1, "{}", shown(&problems));
        assert_shown(&problems, expected);
    }
}

#[test]
fn carets_stand_under_a_value_and_no_further() {
    assert_shown(
        &refused(&changed("score: 50", "score: 101")),
        "
 --> x.yml:12:38
  |   - {field: user, type: user, score: 101}
  |                                      ^^^",
    );
    // Of a value that goes on over several lines, the first.
    assert_shown(
        &refused(&changed("version: 1", "version: one\n  two")),
        "
 --> x.yml:3:10
  | version: one
  |          ^^^",
    );
}

#[test]
fn carets_stand_under_a_token_of_the_message_and_no_further() {
    assert_shown(
        &loaded(&changed("$user$ did $count$", "$usr$ did $count$")).warnings,
        "
 --> x.yml:10:12
  |   message: $usr$ did $count$
  |            ^^^^^",
    );
}

/// The filter of the detection's own name is called even where the search does not: what is wrong with it is shown at the
/// search's end.
#[test]
fn a_wrong_filter_that_the_search_does_not_call_points_at_its_end() {
    let yaml = changed("\n  | `test_detection_filter`", "");
    for definition in ["search NOT user=", "search `not_defined`"] {
        let macros = Macros::from_yaml(&format!("test_detection_filter: {definition}")).expect("macros");
        let problems = load(&yaml, "x.yml", &macros, &Lookups::new(), &SETTINGS).expect_err("problems");
        let [problem] = &problems[..] else { panic!("{}", shown(&problems)) };
        assert_eq!((problem.line, problem.column), (7, 39), "{problem}");
    }
}

/// Published files have been copied with the filter of another detection. What the operator's macros call is no such slip.
#[test]
fn only_a_filter_that_the_file_itself_names_may_be_anothers() {
    let macros = Macros::from_yaml("ours: search NOT user=a | `noise_filter`").expect("macros");
    let warned = |filter: &str| {
        let loaded = loaded_with(&changed("`test_detection_filter`", filter), &macros);
        loaded.warnings.into_iter().map(|warning| warning.message).collect::<Vec<_>>()
    };
    assert_eq!(warned("`ours`"), [""; 0]);
    assert_eq!(warned("`ours` | `test_detection_filter`"), [""; 0]);
    let message =
        "the search uses the filter `noise_filter`, but by its name the detection's filter is `test_detection_filter`";
    assert_eq!(warned("`noise_filter`"), [message]);
}

/// By its name an operator finds a file in a list, whatever else is wrong with it.
#[test]
fn a_file_that_does_not_load_has_its_id_and_name() {
    let known = || Some(("one".to_owned(), "Test Detection".to_owned()));
    assert_eq!(identity(&changed("version: 1", "version: x")), known());
    assert_eq!(identity(&changed("stats", "stast")), known());
    assert_eq!(identity(&changed("id: one\n", "")), None);
    assert_eq!(identity(&changed("name: Test Detection", "name: [a]")), None);
    for yaml in ["", "a: [", "- a\n"] {
        assert_eq!(identity(yaml), None, "{yaml:?}");
    }
}
