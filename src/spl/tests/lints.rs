//! What parses and is probably not meant.

use super::parsed;
use crate::spl::lint;

fn places(text: &str) -> Vec<String> {
    lint(&parsed(text)).into_iter().map(|lint| text[lint.span].to_owned()).collect()
}

#[test]
fn an_unquoted_dotted_name_in_an_expression_is_doubtful() {
    let text = "a=1 | eval m=if(match(userIdentity.userName,requestParameters.a.b), 1,0) | where x.y>1";
    assert_eq!(places(text), ["userIdentity.userName", "requestParameters.a.b", "x.y"]);
    let lints = lint(&parsed(text));
    assert!(lints[0].message.contains("concatenation of the fields userIdentity and userName"), "{lints:?}");
}

#[test]
fn a_written_concatenation_is_not() {
    assert!(places(r#"a.b=1 | eval m=a . b, n='a.b', o=a."x".b, p="a.b" | stats count(c.d) by e.f"#).is_empty());
}

#[test]
fn lower_case_keywords_among_search_terms_are_doubtful() {
    assert_eq!(places("a=1 or b=2 | search not c"), ["or", "not"]);
    assert!(places(r#"a=1 OR b="or" "or""#).is_empty());
}
