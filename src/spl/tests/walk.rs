//! Whoever looks at every term or expression of a search sees all of them, in the order written.

use super::{command, parsed};
use crate::spl::ast::Spanned;

#[test]
fn the_terms_of_a_search_are_all_there_however_they_are_nested() {
    let search = "a=1 (b IN (2, 3) OR NOT (c!=4 word)) NOT NOT d=5";
    let places: Vec<_> = parsed(search).base.terms().iter().map(|term| search[term.span.clone()].to_owned()).collect();
    assert_eq!(places, ["a=1", "b IN (2, 3)", "c!=4", "word", "d=5"]);
}

#[test]
fn the_expressions_of_a_command_are_those_of_where_eval_and_aggregates() {
    let expressions = |text| command(text).expressions().iter().map(|expr| expr.node.to_string()).collect::<Vec<_>>();
    assert_eq!(expressions("where a=1"), ["a = 1"]);
    assert_eq!(expressions("eval a=b+1, c=lower(d)"), ["b + 1", "lower(d)"]);
    assert_eq!(expressions("stats count sum(a) dc(eval(lower(b))) by c"), ["lower(b)"]);
    assert_eq!(expressions("eventstats max(eval(a*2)) as most by c"), ["a * 2"]);
    assert!(expressions("join a [search * | where b=1 | stats count by a]").is_empty(), "they are the subsearch's");
}

#[test]
fn the_parts_of_an_expression_come_after_it_in_the_order_written() {
    let condition = command("where NOT (a=1 AND b IN (c, lower(d)))");
    let [expr] = condition.expressions()[..] else { panic!("{condition:?}") };
    let nodes: Vec<_> = expr.nodes().into_iter().map(|Spanned { node, .. }| node.to_string()).collect();
    let inner = ["a = 1", "a", "1", "b IN (c, lower(d))", "b", "c", "lower(d)", "d"];
    assert_eq!(nodes[..2], ["NOT (a = 1 AND b IN (c, lower(d)))", "a = 1 AND b IN (c, lower(d))"]);
    assert_eq!(nodes[2..], inner);
}

#[test]
fn append_and_join_have_a_search_of_their_own() {
    let subsearch = |text| command(text).subsearch().map(ToString::to_string);
    assert!(subsearch("append [search a=1 | stats count]").is_some_and(|search| search.starts_with("a=1")));
    assert!(subsearch("join a [search b=2 | stats count by a]").is_some_and(|search| search.starts_with("b=2")));
    assert_eq!(subsearch("where a=1"), None);
}
