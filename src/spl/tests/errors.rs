//! What an operator reads when a search is refused.

use super::{parsed, refused};
use crate::spl::{SplErrorKind, did_you_mean, nearest};

#[track_caller]
fn assert_rendered(text: &str, expected: &str) {
    assert_eq!(refused(text).render(text), expected.trim_matches('\n'));
}

#[test]
fn an_unsupported_command_is_named() {
    let error = refused("a=1 | streamstats count by b");
    assert_eq!((error.kind, error.span.clone()), (SplErrorKind::Unsupported, 6..17));
    assert_rendered(
        "a=1 | streamstats count by b",
        r"
error: the command `streamstats` is not supported: it depends on the order in which events arrive
  | a=1 | streamstats count by b
  |       ^^^^^^^^^^^
  = help: supported are search, where, regex, eval, rename, fields, table, fillnull, bin, bucket, stats, eventstats, convert, spath, makemv, mvexpand, rex, dedup, sort, head, append, multisearch, union, join, lookup",
    );
}

#[test]
fn a_misspelt_command_gets_the_nearest() {
    let error = refused("a=1 | stast count");
    assert_eq!(error.kind, SplErrorKind::Unsupported);
    assert_eq!(error.message, "`stast` is not a known command");
    assert!(error.help.as_deref().is_some_and(|help| help.starts_with("did you mean `stats`?")), "{error:?}");
    let help = refused("a=1 | streamstat count").help.unwrap_or_default();
    assert!(help.starts_with("did you mean `streamstats`? it is not supported; supported are search,"), "{help}");
}

#[test]
fn a_word_is_misspelt_in_one_letter_of_three_at_most() {
    let commands = ["eval", "stats", "eventstats"];
    for (word, near) in [
        ("evl", Some("eval")),
        ("stast", Some("stats")),
        ("STAT", Some("stats")),
        ("tstas", None),
        ("evetnstas", Some("eventstats")),
        ("xx", None),
    ] {
        assert_eq!(nearest(word, commands), near, "{word}");
        let question = near.map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
        assert_eq!(did_you_mean(word, commands), question, "{word}");
    }
}

#[test]
fn every_command_of_splunk_that_is_missing_is_unsupported_not_wrong() {
    let commands = [
        "appendcols [search a | where b>1]",
        "streamstats count",
        r#"anomalydetection "count" "user" action=annotate"#,
        "inputlookup x append=t",
        "tstats count",
        "transaction a",
    ];
    for command in commands {
        assert_eq!(refused(&format!("a=1 | {command} | table a")).kind, SplErrorKind::Unsupported, "{command}");
        assert_eq!(refused(&format!("| {command}")).kind, SplErrorKind::Unsupported, "{command}");
    }
}

/// What no stream can do is told apart from what is merely missing.
#[test]
fn a_refusal_says_why_where_there_is_a_reason() {
    for (command, reason) in [
        ("anomalydetection \"count\"", "a history longer than a window"),
        ("outputlookup x", "a history longer than a window"),
        ("appendcols [search b]", "by their place alone"),
        ("streamstats count", "the order in which events arrive"),
        ("addinfo", "now() is the end of the window"),
        ("fieldformat t=strftime(t, \"%H\")", "changes only what Splunk shows"),
        ("iplocation src", "a lookup with match_type CIDR"),
        ("top limit=5 user", "stats count by <fields> | sort 10 -count"),
        ("timechart span=1h count by user", "bin _time span=<span> | stats"),
    ] {
        assert!(refused(&format!("a=1 | {command}")).message.contains(reason), "{command}");
    }
}

#[test]
fn a_subsearch_is_unsupported() {
    let error = refused("a=1 [search b=2 | table c] | stats count");
    assert_eq!((error.kind, error.span), (SplErrorKind::Unsupported, 4..5));
}

#[test]
fn syntax_errors_say_what_was_expected() {
    assert_rendered(
        "a= | stats count",
        r"
error: expected a value, found `|`
  | a= | stats count
  |    ^",
    );
    assert_rendered(
        "a=1 | stats count by",
        r"
error: expected a field name, found the end of the search
  | a=1 | stats count by
  |                     ^",
    );
    assert_rendered(
        "a=1 | rename b c",
        r"
error: expected AS, found `c`
  | a=1 | rename b c
  |                ^",
    );
    assert_rendered(
        "(a=1 OR b=2",
        r"
error: expected `)`, a search term, AND or OR, found the end of the search
  | (a=1 OR b=2
  |            ^",
    );
}

#[test]
fn expressions_say_what_was_expected() {
    let error = refused("a=1 | where x >");
    assert_eq!(error.message, "expected an expression, found the end of the search");
    let error = refused("a=1 | eval x=items{}.id");
    assert!(error.help.as_deref().is_some_and(|help| help.contains("single quotes")), "{error:?}");
}

#[test]
fn a_list_after_equals_gets_help() {
    let error = refused("eventName=(a OR b)");
    assert_eq!(error.help.as_deref(), Some("a list of values is written `field IN (a, b)`"));
    assert!(refused("eventName NOT IN (a)").help.is_some_and(|help| help.contains("NOT field IN")));
    assert!(refused("a=b,c").help.is_some_and(|help| help.contains("double quotes")));
}

#[test]
fn operators_of_other_languages_get_help() {
    let help = |text: &str| refused(text).help.unwrap_or_default();
    assert_eq!(help("* | where a && b"), "write AND");
    assert_eq!(help("* | where !a"), "write NOT");
    assert!(help("* | where a || b").starts_with("write OR"));
}

#[test]
fn keywords_are_no_names_unless_quoted() {
    refused("* | stats count as by b");
    refused("* | stats count by b as c");
    parsed(r#"* | stats count as "by" by "as""#);
    assert_eq!(refused("* | stats allnum=t count").message, "the option `allnum` is not supported here");
}

#[test]
fn what_may_follow_is_listed_with_the_pipe_last() {
    let message = "expected `,`, `(`, AS, BY, an aggregate such as `count` or `values(field)` or `|`, found `_time`";
    assert_eq!(refused("a=1 | stats count _time").message, message);
}

#[test]
fn whatever_may_stand_there_has_a_name() {
    for (text, expected) in [
        ("NOT", "a search term, found the end of the search"),
        ("a)", "a search term, AND, OR, IN, a comparison or `|`, found `)`"),
        ("a | append [search b |", "a command, found the end of the search"),
        ("a | append [b]", "`search` or `|`, found `b`"),
        ("a | eval b", "`=`, found the end of the search"),
        ("a | where (b", "`)`, an operator or a comparison, found the end of the search"),
        ("a | where f(", "`)` or an expression, found the end of the search"),
        ("a | stats f(", "`)`, `eval(...)` or a field name, found the end of the search"),
        ("a | fillnull value=", "a value, found the end of the search"),
        ("a | convert", "an option or a conversion such as `ctime(field)`, found the end of the search"),
        ("a | rex", "an option or a text in double quotes, found the end of the search"),
        ("a | sort", "a field name, a number or an option, found the end of the search"),
        ("a | lookup t (", "OUTPUT, a field name or `|`, found `(`"),
        ("a |", "a command, found the end of the search"),
    ] {
        assert_eq!(refused(text).message, format!("expected {expected}"), "{text}");
    }
}

#[test]
fn an_open_quote_is_named() {
    let error = refused(r#"a="b c | stats count"#);
    assert_eq!((error.message.as_str(), error.span), ("the quote \" is never closed", 2..3));
    assert_eq!(refused(r#"a | where b "c \" d"#).message, "the quote \" is never closed");
    for closed in [r#"a | where b "c d""#, r#"a | where b "c \" d""#] {
        assert_eq!(refused(closed).message, "expected an operator, a comparison or `|`, found `\"`", "{closed}");
    }
}

#[test]
fn an_open_subsearch_and_a_stray_comma_get_help() {
    let help = |text: &str| refused(text).help.unwrap_or_default();
    assert!(help("a=1 | join b [search c=\"]\" | table b").contains("`]` is missing"));
    assert!(help("a=1 | append [search c | rex \"[x\"").contains("`]` is missing"));
    assert!(help("a=1 | stats count, by b").contains("behind the comma"));
    assert!(help("a=1 | stats count by b, | head 1").contains("behind the comma"));
    assert!(help(r#"a=1 | append [search c="]]" | stats"#).contains("`]` is missing"));
    assert!(help(r#"a=1 | append [search c="x\"]" | stats"#).contains("`]` is missing"));
    assert_eq!(help("a=1 | rex \"[x\" | stats"), "");
    assert_eq!(help(r#"a=1 | append [search c="x"] | stats"#), "");
}

/// What helps in one place misleads in another.
#[test]
fn help_is_for_the_place_where_it_stands() {
    for text in [
        "* | where a, b",
        "* | where 1 (b)",
        "* | where a INDEX",
        "* | stats count :",
        "* | stats count & b",
        "* | stats count !",
    ] {
        assert_eq!(refused(text).help, None, "{text}");
    }
}

#[test]
fn a_search_needs_terms() {
    assert_eq!(refused("| stats count").message, "a search begins with search terms, not with a command");
    assert_eq!(refused("").message, "the search is empty");
    assert_eq!(refused("OR a=1").message, "expected a search term, found `OR`");
    refused("   ");
    refused("a=1 |");
    refused("a=1 | | stats count");
}

#[test]
fn long_lines_are_cut_around_the_caret() {
    let text = format!("a=1 {} | stast count {}", "b=2 ".repeat(100), "c ".repeat(100));
    let rendered = refused(&text).render(&text);
    let lines: Vec<&str> = rendered.lines().collect();
    assert!(lines[1].chars().count() < 120, "{rendered}");
    let caret = lines[2].chars().position(|c| c == '^').expect("a caret");
    assert!(lines[1].chars().skip(caret).collect::<String>().starts_with("stast"), "{rendered}");
    assert!(lines[1].starts_with("  | …") && lines[1].ends_with('…'), "{rendered}");
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let text = "a=\u{1b}[31mx | nope";
    assert!(!refused(text).render(text).contains('\u{1b}'));
}
