//! Printing and parsing are inverse: parse(print(tree)) = tree, spans apart.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::parsed;
use crate::spl::ast::{
    Aggregate, AggregateArgument, BinSpan, BinaryOp, Command, CompareOp, Conversion, Expr, JoinCommand, LookupCommand,
    LookupField, Pipeline, SearchExpr, SearchTerm, SortKey, SortOrder, Spanned, StatsCommand, UnaryOp,
};

fn at_zero<T>(node: T) -> Spanned<T> {
    Spanned { node, span: 0..0 }
}

/// Any text, with a liking for what has a meaning somewhere in the grammar.
fn text() -> impl Strategy<Value = String> {
    let special = [
        "", "*", "a b", "\"", "\\", "\\\"", "'", "AND", "OR", "NOT", "IN", "as", "BY", "eval", "search", "-1", "1",
        "a.b", "a{}.b", "x=y", "!=", "a|b", "[x]", "(", ")", "a,b", "`m`", "TERM", "%Y-%m", "é", "null", "like",
        "\\d+", "$x$",
    ];
    prop_oneof![
        prop::sample::select(special.to_vec()).prop_map(str::to_owned),
        "[a-zA-Z_][a-zA-Z0-9_.]{0,8}",
        "\\PC{0,8}"
    ]
}

fn name() -> impl Strategy<Value = Spanned<String>> {
    text().prop_map(at_zero)
}

fn compare_op() -> impl Strategy<Value = CompareOp> {
    use CompareOp::{Eq, Ge, Gt, Le, Lt, Ne};
    prop::sample::select(vec![Eq, Ne, Lt, Le, Gt, Ge])
}

fn search_term() -> impl Strategy<Value = SearchExpr> {
    let is_taken = |field: &String| field != "earliest" && field != "latest" && !field.contains('*');
    let field = move || text().prop_filter("time ranges and wildcards are refused", is_taken);
    let term = prop_oneof![
        (field(), compare_op(), text()).prop_map(|(field, op, value)| SearchTerm::Compare { field, op, value }),
        (field(), vec(text(), 1..4)).prop_map(|(field, values)| SearchTerm::In { field, values }),
        text().prop_map(SearchTerm::Raw),
    ];
    term.prop_map(|term| SearchExpr::Term(at_zero(term)))
}

fn search_expr() -> impl Strategy<Value = SearchExpr> {
    let leaf = prop_oneof![8 => search_term(), 1 => Just(SearchExpr::And(Vec::new()))];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(SearchExpr::And),
            vec(inner.clone(), 2..4).prop_map(SearchExpr::Or),
            inner.prop_map(|inner| SearchExpr::Not(Box::new(inner))),
        ]
    })
}

fn binary_op() -> impl Strategy<Value = BinaryOp> {
    use BinaryOp::{Add, And, Concat, Div, Like, Mod, Mul, Or, Sub, Xor};
    prop_oneof![
        prop::sample::select(vec![Add, Sub, Mul, Div, Mod, Concat, Like, And, Or, Xor]),
        compare_op().prop_map(BinaryOp::Compare)
    ]
}

fn expr() -> impl Strategy<Value = Expr> {
    let number = prop_oneof![(0_u32..1000).prop_map(f64::from), any::<f64>().prop_map(f64::abs)];
    let leaf = prop_oneof![
        number.prop_filter("numbers are finite", |number| number.is_finite()).prop_map(Expr::Number),
        text().prop_map(Expr::Text),
        text().prop_map(Expr::Field),
    ];
    leaf.prop_recursive(5, 32, 3, |inner| {
        let boxed = inner.clone().prop_map(|node| Box::new(at_zero(node)));
        let list = vec(inner.prop_map(at_zero), 1..3);
        prop_oneof![
            (prop::sample::select(vec![UnaryOp::Minus, UnaryOp::Not]), boxed.clone())
                .prop_map(|(op, e)| Expr::Unary(op, e)),
            (binary_op(), boxed.clone(), boxed.clone()).prop_map(|(op, a, b)| Expr::Binary(op, a, b)),
            (prop::sample::select(vec!["if", "match", "like", "now"]), list.clone())
                .prop_map(|(name, arguments)| Expr::Call(name.to_owned(), arguments)),
            (boxed, list).prop_map(|(operand, items)| Expr::In(operand, items)),
        ]
    })
}

fn aggregate() -> impl Strategy<Value = Spanned<Aggregate>> {
    let function = prop_oneof![
        prop::sample::select(vec!["count", "dc", "values", "avg", "median"]).prop_map(|name| (name.to_owned(), None)),
        (0_u32..1000).prop_map(|tenths| ("perc".to_owned(), Some(f64::from(tenths) / 10.0))),
    ];
    let eval = expr().prop_map(|expr| AggregateArgument::Eval(at_zero(expr)));
    let argument = prop_oneof![text().prop_map(AggregateArgument::Field), eval];
    (function, option::of(argument), text()).prop_map(|((function, parameter), argument, output)| {
        at_zero(Aggregate { function, parameter, argument, output })
    })
}

fn bin_span() -> impl Strategy<Value = BinSpan> {
    prop_oneof![
        (1_i64..1_000_000_000).prop_map(BinSpan::Time),
        (1_u32..1000).prop_map(|n| BinSpan::Number(f64::from(n)))
    ]
}

fn conversion() -> impl Strategy<Value = Spanned<Conversion>> {
    (text(), option::of(text()))
        .prop_map(|(field, output)| at_zero(Conversion { function: "ctime".to_owned(), field, output }))
}

/// Old and new names of a rename have equally many wildcards.
fn rename_pair() -> impl Strategy<Value = (Spanned<String>, Spanned<String>)> {
    let count = |name: &Spanned<String>| name.node.matches('*').count();
    (name(), name()).prop_map(move |(mut from, mut to)| {
        while count(&from) < count(&to) {
            from.node.push('*');
        }
        while count(&to) < count(&from) {
            to.node.push('*');
        }
        (from, to)
    })
}

fn stats() -> impl Strategy<Value = StatsCommand> {
    (vec(aggregate(), 1..4), vec(name(), 0..3)).prop_map(|(aggregates, by)| StatsCommand { aggregates, by })
}

fn sort_key() -> impl Strategy<Value = Spanned<SortKey>> {
    use SortOrder::{Auto, Ip, Number, Text};
    (text(), any::<bool>(), prop::sample::select(vec![Auto, Text, Number, Ip]))
        .prop_map(|(field, descending, order)| at_zero(SortKey { field, descending, order }))
}

fn row_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        stats().prop_map(Command::EventStats),
        (text(), option::of(text()), option::of(text())).prop_map(|(input, output, path)| Command::Spath {
            input,
            output,
            path
        }),
        (name(), any::<u64>()).prop_map(|(field, limit)| Command::MvExpand { field, limit }),
        (text(), name(), any::<u64>()).prop_map(|(field, pattern, max_match)| Command::Rex {
            field,
            pattern,
            max_match
        }),
        (any::<u64>(), vec(name(), 1..3), any::<bool>(), any::<bool>()).prop_map(
            |(keep, fields, keep_empty, consecutive)| Command::Dedup { keep, fields, keep_empty, consecutive }
        ),
        (any::<u64>(), vec(sort_key(), 1..3)).prop_map(|(limit, keys)| Command::Sort { limit, keys }),
        any::<u64>().prop_map(|limit| Command::Head { limit }),
    ]
}

fn join() -> impl Strategy<Value = JoinCommand> {
    let subsearch = (search_expr(), vec(row_command().prop_map(at_zero), 0..3));
    (any::<bool>(), any::<u64>(), any::<bool>(), vec(name(), 0..3), subsearch).prop_map(
        |(keeps_unmatched, max, overwrite, fields, (base, commands))| JoinCommand {
            keeps_unmatched,
            max,
            overwrite,
            fields,
            subsearch: Pipeline { base, commands },
        },
    )
}

fn lookup() -> impl Strategy<Value = LookupCommand> {
    let plain = || text().prop_filter("wildcards are refused", |name| !name.contains('*'));
    let field = move || (plain().prop_map(at_zero), plain()).prop_map(|(column, field)| LookupField { column, field });
    (name(), vec(field(), 1..3), any::<bool>(), vec(field(), 1..3))
        .prop_map(|(table, inputs, keeps_existing, outputs)| LookupCommand { table, inputs, keeps_existing, outputs })
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        6 => row_command(),
        1 => search_expr().prop_map(Command::Search),
        1 => expr().prop_map(|expr| Command::Where(at_zero(expr))),
        1 => vec((name(), expr().prop_map(at_zero)), 1..3).prop_map(Command::Eval),
        1 => vec(rename_pair(), 1..3).prop_map(Command::Rename),
        1 => (any::<bool>(), vec(name(), 1..3)).prop_map(|(keep, fields)| Command::Fields { keep, fields }),
        1 => vec(name(), 1..3).prop_map(Command::Table),
        1 => (text(), vec(name(), 0..3)).prop_map(|(value, fields)| Command::FillNull { value, fields }),
        1 => (text().prop_filter("a span of _time is a time", |name| name != "_time"), bin_span(), option::of(name()))
            .prop_map(|(field, span, output)| Command::Bin { field: at_zero(field), span, output }),
        1 => stats().prop_map(Command::Stats),
        1 => (search_expr(), vec(row_command().prop_map(at_zero), 0..3))
            .prop_map(|(base, commands)| Command::Append(Pipeline { base, commands })),
        1 => join().prop_map(Command::Join),
        1 => lookup().prop_map(Command::Lookup),
        1 => (text(), vec(conversion(), 1..3))
            .prop_map(|(timeformat, conversions)| Command::Convert { timeformat, conversions }),
    ]
}

/// The tree's debug form, in which spans are the only ranges.
fn without_spans(pipeline: &Pipeline) -> String {
    regex::Regex::new(r"span: \d+\.\.\d+").expect("a regex").replace_all(&format!("{pipeline:?}"), "").into_owned()
}

proptest! {
    #[test]
    fn what_is_printed_parses_to_the_same_tree(base in search_expr(), commands in vec(command().prop_map(at_zero), 0..4)) {
        let pipeline = Pipeline { base, commands };
        let printed = pipeline.to_string();
        prop_assert_eq!(without_spans(&parsed(&printed)), without_spans(&pipeline), "{}", printed);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[ |a-c=()\\[\\]\"'*.,!<>{}`INORANDEvalstby0-9-]{0,60}") {
        let _ = crate::spl::parse(&text);
        let _ = crate::spl::parse(&format!("a | {text}"));
        let _ = crate::spl::parse(&format!("a | where {text}"));
        let _ = crate::spl::parse(&format!("a | stats {text}"));
    }
}
