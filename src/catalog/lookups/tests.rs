//! CSV files as operators have them, and files made wrong on purpose.

use std::path::PathBuf;

use super::*;

fn config(match_types: &[(&str, MatchType)]) -> LookupConfig {
    LookupConfig {
        name: "t".into(),
        path: PathBuf::from("t.csv"),
        case_sensitive: true,
        match_types: match_types.iter().map(|(column, kind)| ((*column).to_owned(), *kind)).collect(),
        max_matches: 100,
        default_match: None,
    }
}

fn problems(text: &str) -> Problems {
    table(&config(&[]), text).expect_err("problems")
}

#[test]
fn quotes_line_ends_and_empty_cells() {
    let text = "user,\"note, long\",n\r\nann,\"a \"\"b\"\"\nc\",1\r\n\r\nbob,,2";
    let table = table(&config(&[]), text).expect("a table");
    assert_eq!(table.columns, ["user", "note, long", "n"]);
    let rows: Vec<Vec<&str>> = table.rows.iter().map(|row| row.iter().map(|cell| &**cell).collect()).collect();
    assert_eq!(rows, [["ann", "a \"b\"\nc", "1"], ["bob", "", "2"]]);
}

#[test]
fn a_quote_that_is_not_closed_is_told_where_it_opens_and_takes_no_rows_along() {
    let unclosed = "a quote opens here and is not closed: close it, or double it where the value holds one";
    assert_eq!(problems("a,b\n1,2\n3,\"x\n5,6\n"), [format!("t.csv:3: {unclosed}")]);
    assert_eq!(problems("a\n\"one\ntwo\"\n\n\"x"), [format!("t.csv:5: {unclosed}")]);
    assert_eq!(problems("a,\"b\n1,2\n"), [format!("t.csv:1: {unclosed}")]);
    let behind = "text stands behind a closing quote: quote the whole value, and double a quote in it";
    assert_eq!(
        problems("a,b\n\"you\" x,2\n\"y\"\"\"z,2\n"),
        [format!("t.csv:2: {behind}"), format!("t.csv:3: {behind}")]
    );
    assert_eq!(problems("a\n\"1\n2\"x\n\"3"), [format!("t.csv:3: {behind}"), format!("t.csv:4: {unclosed}")]);
    let text = "a,b\r\nsay \"x\",\"\"\r\n\"\",\"c,\r\nd\"\r\n\"e\"";
    assert_eq!(problems(text).len(), 1, "a quote within a bare value is a character: only the last row is short");
}

#[test]
fn every_problem_has_its_line() {
    assert_eq!(
        problems("a,b\n1\n\"x\ny\",2\n1,2,3\n"),
        [
            "t.csv:2: 1 fields where the first line names 2 columns; a comma in a value needs double quotes around it",
            "t.csv:5: 3 fields where the first line names 2 columns; a comma in a value needs double quotes around it",
        ]
    );
    assert_eq!(problems(""), ["t.csv:1: the file is empty: its first line names the columns"]);
    assert_eq!(
        problems("a,,a\n"),
        [
            "t.csv:1: column 2 has no name: the first line names the columns",
            "t.csv:1: two columns are called `a`; rename one"
        ]
    );
}

#[test]
fn match_types_are_checked_against_the_file() {
    let cidr = |text: &str| table(&config(&[("net", MatchType::Cidr)]), text);
    assert!(cidr("net,office\n10.0.0.0/8,a\n2001:db8::/32,b\n192.0.2.1,c\n").is_ok());
    assert_eq!(
        cidr("net\n10.0.0.0/8\n10.0.0/8\n").expect_err("no network"),
        ["t.csv:3: `10.0.0/8` is no network such as 10.0.0.0/8 or 2001:db8::/32"]
    );
    assert_eq!(
        cidr("a,b\n").expect_err("no column"),
        ["t.csv:1: there is no column `net`, which match_type of the lookup `t` names; there are a, b"]
    );
    let many = format!("net\n{}", "10.0.0.0/8\n".repeat(LookupTable::MAX_PATTERN_ROWS + 1));
    assert!(cidr(&many).expect_err("too many")[0].contains("10001 rows"));
}

#[test]
fn files_are_read_with_their_limits() {
    let folder = tempfile::tempdir().expect("a folder");
    let of = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("written");
        read(&[LookupConfig { path, ..config(&[]) }])
    };
    let message = |result: Result<Lookups, CatalogError>| result.expect_err("a problem").to_string();
    let with_mark = of("mark.csv", b"\xef\xbb\xbfa,b\n1,2\n").expect("a table");
    assert_eq!(with_mark["t"].columns, ["a", "b"], "a byte order mark is no part of a name");
    assert!(message(of("latin.csv", b"a\nx\n\xe9\n")).contains("latin.csv:3: this is not UTF-8"));
    let large = vec![b'x'; (MAX_BYTES + 1) as usize];
    assert!(message(of("large.csv", &large)).contains("more than the 10 MiB of a lookup"));
    assert!(message(read(&[config(&[])])).contains("cannot read t.csv, the file of the lookup `t`"));
}
