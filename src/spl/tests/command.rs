//! The commands, one by one.

use super::{command, parsed, refused};
use crate::spl::ast::{AggregateArgument, BinSpan, Command, Spanned};

fn names(list: &[Spanned<String>]) -> Vec<&str> {
    list.iter().map(|name| name.node.as_str()).collect()
}

/// Function, argument, column of each aggregate; by-fields.
fn stats(text: &str) -> (Vec<(String, String, String)>, Vec<String>) {
    let Command::Stats(stats) = command(text) else { panic!("{text}") };
    let argument = |argument: &Option<AggregateArgument>| match argument {
        None => String::new(),
        Some(AggregateArgument::Field(field)) => field.clone(),
        Some(AggregateArgument::Eval(expr)) => format!("eval {}", super::sexp::expr(&expr.node)),
    };
    let aggregates = stats.aggregates.into_iter().map(|aggregate| aggregate.node);
    let aggregates = aggregates.map(|a| (a.function, argument(&a.argument), a.output)).collect();
    (aggregates, stats.by.into_iter().map(|by| by.node).collect())
}

fn row(function: &str, argument: &str, output: &str) -> (String, String, String) {
    (function.to_owned(), argument.to_owned(), output.to_owned())
}

#[test]
fn stats_of_the_seed() {
    let (aggregates, by) = stats(
        "stats count min(_time) as firstTime max(_time) as lastTime values(serviceEventDetails.jobArn) as job_arn \
         values(serviceEventDetails.status) as status by src_ip  aws_account_id eventName errorCode userAgent",
    );
    let expected = [
        row("count", "", "count"),
        row("min", "_time", "firstTime"),
        row("max", "_time", "lastTime"),
        row("values", "serviceEventDetails.jobArn", "job_arn"),
        row("values", "serviceEventDetails.status", "status"),
    ];
    assert_eq!(aggregates, expected);
    assert_eq!(by, ["src_ip", "aws_account_id", "eventName", "errorCode", "userAgent"]);
}

#[test]
fn stats_takes_commas_blanks_and_any_case() {
    let expected = (vec![row("dc", "user", "n"), row("count", "", "count")], vec!["a".into(), "b".into(), "c".into()]);
    assert_eq!(stats("STATS dc(user) AS n, count BY a, b c"), expected);
    assert_eq!(stats("stats  DC(user) as n count by a b, c"), expected);
}

#[test]
fn aggregates_are_named_as_written() {
    let (aggregates, _) =
        stats("stats values( x ) count() distinct_count(y) perc95(z) count(eval(a=1)) avg(w) as \"A w\"");
    let expected = [
        row("values", "x", "values(x)"),
        row("count", "", "count"),
        row("dc", "y", "distinct_count(y)"),
        row("perc", "z", "perc95(z)"),
        row("count", "eval (eq a 1)", "count(eval(a=1))"),
        row("avg", "w", "A w"),
    ];
    assert_eq!(aggregates, expected);
}

#[test]
fn percentiles_carry_their_parameter() {
    let Command::Stats(stats) = command("stats p99.9(x) median(x)") else { panic!("stats") };
    assert_eq!(stats.aggregates[0].node.parameter, Some(99.9));
    assert_eq!((stats.aggregates[1].node.function.as_str(), stats.aggregates[1].node.parameter), ("median", None));
    for name in ["exactperc", "upperperc"] {
        let Command::Stats(stats) = command(&format!("stats {name}95(x)")) else { panic!("stats") };
        let aggregate = &stats.aggregates[0].node;
        assert_eq!((aggregate.function.as_str(), aggregate.parameter), (name, Some(95.0)));
        assert_eq!(aggregate.output, format!("{name}95(x)"));
    }
}

#[test]
fn wildcards_in_stats() {
    assert_eq!(stats("stats values(*) as * by arn"), (vec![row("values", "*", "*")], vec!["arn".into()]));
}

#[test]
fn rename_takes_pairs_wildcards_and_quotes() {
    let text = r#"rename user_name as user, requestParameters.* AS * "a b" as 'c d'"#;
    let Command::Rename(pairs) = command(text) else { panic!("rename") };
    let pairs: Vec<_> = pairs.iter().map(|(from, to)| (from.node.as_str(), to.node.as_str())).collect();
    assert_eq!(pairs, [("user_name", "user"), ("requestParameters.*", "*"), ("a b", "c d")]);
    assert!(refused("* | rename a.* as b").message.contains("different numbers of wildcards"));
}

#[test]
fn bin_takes_its_span_before_or_after() {
    let five = BinSpan::Time(300_000);
    for text in ["bin _time span=5m", "bucket span=5m _time", "BIN span = 300 _time", "bin span=300s _time"] {
        let Command::Bin { field, span, output } = command(text) else { panic!("{text}") };
        assert_eq!((field.node.as_str(), span, output.is_none()), ("_time", five, true), "{text}");
    }
    for text in ["bin bytes as size span=10", "bin bytes span=10 as size", "bin span=10 bytes AS size"] {
        let Command::Bin { span, output, .. } = command(text) else { panic!("{text}") };
        assert_eq!((span, output.map(|name| name.node)), (BinSpan::Number(10.0), Some("size".to_owned())), "{text}");
    }
    refused("* | bin bytes as a span=10 as b");
}

#[test]
fn bin_refuses_what_is_no_fixed_length() {
    for span in ["1mon", "1d@d", "0m", "2log3", "-5m", "0.5ms", "m", "9999999999d"] {
        refused(&format!("* | bin _time span={span}"));
    }
    for span in ["0", "-1", "2000000000000", "1x"] {
        refused(&format!("* | bin bytes span={span}"));
    }
    assert!(refused("* | bin _time").message.contains("needs a span"));
    assert!(refused("* | bin _time bins=10").message.contains("`bins` is not supported"));
    assert!(refused("* | bin _time span=5m span=6m").message.contains("twice"));
}

#[test]
fn spans_take_every_unit_of_fixed_length_that_splunk_has() {
    for (millis, units) in [
        (1, "ms"),
        (10, "cs"),
        (100, "ds"),
        (1000, "s sec secs second seconds"),
        (60_000, "m min mins minute minutes"),
        (3_600_000, "h hr hrs hour hours"),
        (86_400_000, "d day days"),
        (604_800_000, "w week weeks"),
    ] {
        for unit in units.split(' ') {
            let Command::Bin { span, .. } = command(&format!("bin _time span=2{unit}")) else { panic!("{unit}") };
            assert_eq!(span, BinSpan::Time(2 * millis), "{unit}");
        }
    }
}

#[test]
fn an_option_that_no_command_has_is_refused_with_those_it_has() {
    let refusal = |text: &str| {
        let error = refused(&format!("* | {text}"));
        (error.message, error.help.unwrap_or_default())
    };
    let is = |option: &str, help: &str| (format!("the option `{option}` is not supported here"), help.to_owned());
    assert_eq!(refusal("stats allnum=t count"), is("allnum", "leave it out"));
    assert_eq!(refusal("fillnull default=1 a"), is("default", "supported is `value=`"));
    assert_eq!(refusal("fillnull valeu=1 a"), is("valeu", "did you mean `value`?"));
    assert_eq!(refusal("rex offset_field=o \"a\""), is("offset_field", "supported is `field=`, `max_match=`"));
}

#[test]
fn fillnull_with_and_without_a_list() {
    let shown = |text: &str| match command(text) {
        Command::FillNull { value, fields } => (value, names(&fields).join(" ")),
        other => panic!("{other}"),
    };
    assert_eq!(shown("fillnull"), ("0".into(), String::new()));
    assert_eq!(shown("fillnull value=unknown a, b"), ("unknown".into(), "a b".into()));
    assert_eq!(shown(r#"fillnull a b value="n a""#), ("n a".into(), "a b".into()));
}

#[test]
fn fields_and_table() {
    let shown = |text: &str| match command(text) {
        Command::Fields { keep, fields } => (keep, names(&fields).join(" ")),
        other => panic!("{other}"),
    };
    assert_eq!(shown("fields a, b*"), (true, "a b*".into()));
    assert_eq!(shown("fields + a"), (true, "a".into()));
    assert_eq!(shown("fields - a b"), (false, "a b".into()));
    let Command::Table(fields) = command("table src_ip, userIdentity.userName x*") else { panic!("table") };
    assert_eq!(names(&fields), ["src_ip", "userIdentity.userName", "x*"]);
}

#[test]
fn convert_with_and_without_a_format() {
    let Command::Convert { timeformat, conversions } = command(r#"convert timeformat="%Y" ctime(a) CTIME(b) as c"#)
    else {
        panic!("convert")
    };
    assert_eq!(timeformat, "%Y");
    let shown: Vec<_> =
        conversions.iter().map(|c| (&*c.node.function, &*c.node.field, c.node.output.as_deref())).collect();
    assert_eq!(shown, [("ctime", "a", None), ("ctime", "b", Some("c"))]);
    let Command::Convert { timeformat, .. } = command("convert ctime(a)") else { panic!("convert") };
    assert_eq!(timeformat, "%m/%d/%Y %H:%M:%S");
}

#[test]
fn commands_follow_one_another() {
    let pipeline = parsed("a=1|rename a as b\n  |   where b>1\n| table b");
    assert_eq!(pipeline.commands.len(), 3);
}

#[test]
fn spath_with_and_without_keys() {
    let shown = |text: &str| match command(text) {
        Command::Spath { input, output, path } => (input, output.unwrap_or_default(), path.unwrap_or_default()),
        other => panic!("{other}"),
    };
    let triple = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    assert_eq!(shown("spath"), triple("_raw", "", ""));
    assert_eq!(shown("spath input=a output=b path=Statement{}"), triple("a", "b", "Statement{}"));
    assert_eq!(shown("spath output=user userIdentity.arn"), triple("_raw", "user", "userIdentity.arn"));
    assert!(refused("* | spath path=a b").message.contains("twice"));
}

#[test]
fn rex_and_mvexpand() {
    let Command::Rex { field, pattern, max_match } = command(r#"rex field=a "(?<x>{.+})\\d" max_match=0"#) else {
        panic!("rex")
    };
    assert_eq!((field.as_str(), pattern.node.as_str(), max_match), ("a", r"(?<x>{.+})\d", 0));
    assert!(refused("* | rex mode=seed \"s/a/b/\"").message.contains("`seed` is no mode of rex"));
    let Command::MvExpand { field, limit } = command("mvexpand key_policy limit=5") else { panic!("mvexpand") };
    assert_eq!((field.node.as_str(), limit), ("key_policy", 5));
    refused("* | mvexpand a limit=x");
}

#[test]
fn dedup_and_head() {
    let shown = |text: &str| match command(text) {
        Command::Dedup { keep, fields, keep_empty, consecutive } => {
            (keep, names(&fields).join(" "), keep_empty, consecutive)
        }
        other => panic!("{other}"),
    };
    assert_eq!(shown("dedup a b"), (1, "a b".into(), false, false));
    assert_eq!(shown("dedup 3 a, b keepempty=true consecutive=f"), (3, "a b".into(), true, false));
    assert_eq!(refused("* | dedup a sortby=b").kind, crate::spl::SplErrorKind::Unsupported);
    for text in ["dedup a sortby -b", "dedup 2 a, b SORTBY b"] {
        assert!(refused(&format!("* | {text}")).message.contains("sortby"), "{text}");
    }
    assert_eq!(shown("dedup sortby"), (1, "sortby".into(), false, false));
    assert_eq!(command("head"), Command::Head { limit: 10 });
    assert_eq!(command("head 3"), Command::Head { limit: 3 });
    assert_eq!(command("head limit=4"), Command::Head { limit: 4 });
    for text in ["head (count>1)", "head count>1", "head limit=5 (a=1)"] {
        assert!(refused(&format!("* | {text}")).message.contains("head with a condition"), "{text}");
    }
}

#[test]
fn append_holds_a_search_of_its_own() {
    for text in ["append [search a=1 b | where c>1 | table d]", "append[ | search a=1 b | where c>1|table d ]"] {
        let Command::Append(subsearch) = command(text) else { panic!("{text}") };
        assert_eq!(subsearch.to_string(), parsed("a=1 b | where c>1 | table d").to_string(), "{text}");
    }
    let nested = "append [search a | append [search b | eval c=\"]\"] | head 1]";
    let Command::Append(subsearch) = command(nested) else { panic!("append") };
    assert_eq!(subsearch.commands.len(), 2);
    let open = refused("* | append [search a | where b=1");
    assert!(open.message.contains("found the end of the search"), "{}", open.message);
    assert!(refused("* | append search a").message.contains("a subsearch `[search ...]`"));
    assert!(refused("* | append [search a | transaction b] | table d").message.contains("`transaction`"));
    assert!(refused("* | append [| inputlookup b] | table d").message.contains("`inputlookup`"));
    assert!(refused("* | append [| stats count]").message.contains("begins with search terms"));
    let deep = format!("* {} {}", "| append [search a ".repeat(70), "]".repeat(70));
    assert_eq!(refused(&deep).kind, crate::spl::SplErrorKind::Limit);
}

#[test]
fn join_has_options_fields_and_a_subsearch() {
    let shown = |text: &str| match command(text) {
        Command::Join(join) => {
            let fields = names(&join.fields).join(" ");
            (fields, join.keeps_unmatched, join.max, join.overwrite, join.subsearch.to_string())
        }
        other => panic!("{other}"),
    };
    let sub = parsed("a=1 | stats count by b").to_string();
    assert_eq!(shown("join b [search a=1 | stats count by b]"), ("b".into(), false, 1, true, sub.clone()));
    assert_eq!(
        shown("join type=outer b, c max=0 overwrite=f [|search a=1|stats count by b ]"),
        ("b c".into(), true, 0, false, sub.clone())
    );
    assert_eq!(shown("join type=left [search a=1 | stats count by b]"), (String::new(), true, 1, true, sub));
    assert!(refused("* | join type=innr a [search b]").help.is_some_and(|help| help.contains("`inner`")));
    assert!(refused("* | join left=L right=R where L.a = R.b [search b]").message.contains("`where`"));
    assert_eq!(refused("* | join usetime=true a [search b]").kind, crate::spl::SplErrorKind::Unsupported);
    assert!(refused("* | join a").message.contains("a subsearch `[search ...]`"));
}

#[test]
fn lookup_names_columns_and_fields() {
    let shown = |text: &str| match command(text) {
        Command::Lookup(lookup) => {
            let pairs = |fields: &[crate::spl::ast::LookupField]| {
                fields.iter().map(|f| format!("{}={}", f.column.node, f.field)).collect::<Vec<_>>().join(" ")
            };
            (lookup.table.node.clone(), pairs(&lookup.inputs), lookup.keeps_existing, pairs(&lookup.outputs))
        }
        other => panic!("{other}"),
    };
    let is = |table: &str, inputs: &str, keeps, outputs: &str| {
        (table.to_owned(), inputs.to_owned(), keeps, outputs.to_owned())
    };
    assert_eq!(shown("lookup t a OUTPUT b"), is("t", "a=a", false, "b=b"));
    assert_eq!(
        shown("lookup local=t users.csv a as 'x.y', b outputnew c d AS e"),
        is("users.csv", "a=x.y b=b", true, "c=c d=e")
    );
    assert!(refused("* | lookup t a").message.contains("without OUTPUT"));
    assert_eq!(refused("* | lookup t a* OUTPUT b").span, 13..15);
    assert_eq!(refused("* | lookup t OUTPUT b").message, "lookup names no column that must agree");
    assert_eq!(refused("* | lookup update=t t a OUTPUT b").kind, crate::spl::SplErrorKind::Unsupported);
}

#[test]
fn sort_takes_signs_orders_and_a_limit() {
    let shown = |text: &str| match command(text) {
        Command::Sort { limit, keys } => {
            let keys =
                keys.iter().map(|key| format!("{} {:?} {}", key.node.field, key.node.order, key.node.descending));
            format!("{limit}: {}", keys.collect::<Vec<_>>().join(", "))
        }
        other => panic!("{other}"),
    };
    assert_eq!(shown("sort a"), "10000: a Auto false");
    assert_eq!(shown("sort 0 - count, +b c"), "0: count Auto true, b Auto false, c Auto false");
    assert_eq!(shown("sort -num(x) str(y) limit desc"), "10000: x Number false, y Text true, limit Auto true");
    assert_eq!(shown("sort count d"), "10000: count Auto true");
    assert_eq!(shown("sort desc"), "10000: desc Auto false");
    assert_eq!(shown("sort - a, +b limit=5"), "5: a Auto true, b Auto false");
    assert_eq!(refused("* | sort a desc, b").span, 11..15);
    refused("* | sort nun(x)");
}

#[test]
fn eventstats_is_like_stats() {
    let Command::EventStats(stats) = command("eventstats avg(n) as a , stdev(n) as s by _time") else {
        panic!("eventstats")
    };
    assert_eq!((stats.aggregates.len(), names(&stats.by)), (2, vec!["_time"]));
}
