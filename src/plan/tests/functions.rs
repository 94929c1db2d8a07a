//! The functions of `eval` and `where` one by one: how many arguments they take, and what they give at their edges.

use serde_json::json;

use super::*;
use crate::plan::CompileErrorKind::Invalid;

/// What `eval x=<expr>` gives.
fn value(expr: &str) -> String {
    let event = event(json!({
        "n": "5", "half": "2.5", "word": "Alpha", "format": "%Y-%m-%d", "bad": "%!", "v6": "2001:db8:1:2::3",
        "list": ["1", "2"],
    }));
    let plan = plan(&format!("* | eval list='list{{}}', x={expr} | table x"));
    shown_value(&contributions(&plan, &event)[0].inputs[0])
}

/// The numbers are those that Splunk documents.
#[test]
fn every_function_refuses_another_number_of_arguments() {
    for (least, most, expected, names) in [
        (0, 0, "0", "true false null now"),
        (
            1,
            1,
            "1",
            "abs ceil ceiling floor sqrt len lower upper mvcount mvdedup mvsort mvfilter searchmatch urldecode",
        ),
        (1, 1, "1", "isint isnotnull isnull isnum isstr"),
        (2, 2, "2", "match like mvfind strftime strptime nullif cidrmatch mvmap mvjoin split pow spath relative_time"),
        (3, 3, "3", "if replace"),
        (1, 2, "1 to 2", "ltrim rtrim trim round tonumber tostring"),
        (2, 3, "2 to 3", "mvindex mvzip substr"),
        (1, 9, "at least 1", "coalesce max min mvappend"),
        (2, 9, "at least 2", "case in"),
    ] {
        for name in names.split(' ') {
            for count in (0..least).chain(most + 1..9) {
                let call = format!("{name}({})", vec!["a"; count].join(", "));
                let search = format!("* | where {call}=1");
                let error = refused(&search);
                assert_eq!((error.kind, &search[error.span.clone()]), (Invalid, call.as_str()), "{error}");
                assert_eq!(error.message, format!("{name} takes {expected} arguments, not {count}"));
            }
        }
    }
}

/// Splunk: fields of an event are texts, and numbers where they look like one.
#[test]
fn functions_that_ask_what_a_value_is() {
    for (argument, kinds) in [
        ("n", "num int"),
        ("half", "num"),
        ("5", "num int"),
        ("5.0", "num int"),
        ("-0.5", "num"),
        ("word", "str"),
        ("\"\"", "str"),
        ("missing", "null"),
    ] {
        for kind in ["num", "int", "str", "null"] {
            let expected = if kinds.split(' ').any(|is| is == kind) { "yes" } else { "no" };
            assert_eq!(value(&format!("if(is{kind}({argument}), \"yes\", \"no\")")), expected, "is{kind}({argument})");
        }
        let exists = if kinds == "null" { "no" } else { "yes" };
        assert_eq!(value(&format!("if(isnotnull({argument}), \"yes\", \"no\")")), exists, "isnotnull({argument})");
    }
}

#[test]
fn false_is_a_condition_that_never_holds() {
    assert!(!matches("* | where false()", json!({})));
    assert!(matches("* | where NOT false()", json!({})), "it is not null");
}

#[test]
fn powers() {
    for (expr, expected) in [
        ("pow(2, 0)", "1"),
        ("pow(0, 0)", "1"),
        ("pow(-2, 3)", "-8"),
        ("pow(4, 0.5)", "2"),
        ("pow(2, -1)", "0.5"),
        ("pow(-4, 0.5)", "null"),
        ("pow(2, 1024)", "null"),
        ("pow(2, 1e9)", "null"),
        // AG-5: the product as IEEE 754 rounds it, on every platform; that of a library may end in 9.
        ("pow(0.99, 1000)", "0.0000431712474106578"),
    ] {
        assert_eq!(value(expr), expected, "{expr}");
    }
}

/// AG-5: whatever the platform's library says. All but the last are the doubles nearest to the powers.
#[test]
fn powers_with_a_fraction_are_the_same_everywhere() {
    for (expr, expected) in [
        ("pow(10, 0.3)", 1.995_262_314_968_879_5),
        ("pow(2, 0.1)", 1.071_773_462_536_293_1),
        ("pow(1.5, -2.5)", 0.362_887_369_301_211_57),
        ("pow(7, 0.7)", 3.904_528_777_122_721_7),
        ("pow(3, -0.9)", 0.372_041_058_011_301_5),
        ("pow(5, 2.3)", 40.516_414_917_319_054),
    ] {
        let difference = format!("{expr} - {expected:?}");
        assert_eq!(value(&difference), "0", "{expr}");
    }
}

#[test]
fn a_number_that_has_no_room_for_decimals_is_its_own_rounding() {
    assert_eq!(value("round(pow(10, 300), 15)"), "1e+300");
    assert_eq!(value("round(2.345678, 4)"), "2.3457");
}

/// AG-5: `now()` is the end of the window, wherever it stands.
#[test]
fn ag_5_a_condition_on_each_value_knows_now() {
    assert_eq!(value("mvfilter(list < now())"), "[1, 2]");
}

#[test]
fn texts_of_numbers() {
    for (expr, expected) in [
        ("tostring(123456, \"commas\")", "123,456"),
        ("tostring(-123456, \"commas\")", "-123,456"),
        ("tostring(-pow(10, 20), \"commas\")", "-100,000,000,000,000,000,000"),
        ("tostring(999999999999999, \"commas\")", "999,999,999,999,999"),
        ("tostring(9007199254740991, \"commas\")", "9,007,199,254,740,991"),
        ("tostring(12, \"commas\")", "12"),
        ("tostring(0, \"duration\")", "00:00:00"),
        ("tostring(-0.9, \"duration\")", "00:00:00"),
        ("tostring(-1, \"duration\")", "-00:00:01"),
        ("tostring(-86400, \"duration\")", "-1+00:00:00"),
    ] {
        assert_eq!(value(expr), expected, "{expr}");
    }
}

/// Only `\1` to `\9` and `\0` stand for something that was matched.
#[test]
fn a_backslash_before_anything_but_a_digit_is_a_backslash() {
    assert_eq!(value(r#"replace(word, "(p)", "\\1\\x\\1")"#), r"Alp\xpha");
    assert_eq!(value(r#"replace(word, "(p)", "${1}")"#), "Al${1}ha");
}

#[test]
fn a_format_may_come_from_the_event() {
    for (expr, expected) in [
        ("strftime(1682380277, format)", "2023-04-24"),
        ("strptime(\"2023-04-24\", format)", "1682294400"),
        ("strftime(1682380277, bad)", "null"),
        ("strftime(1682380277, missing)", "null"),
        ("strftime(1682380277, list)", "null"),
    ] {
        assert_eq!(value(expr), expected, "{expr}");
    }
}

#[test]
fn networks_of_either_kind_hold_what_begins_like_them() {
    for (network, address, expected) in [
        ("2001:db8:1::/48", "v6", "1"),
        ("2001:db8:2::/48", "v6", "0"),
        ("2001:db8:1:2::3", "v6", "1"),
        ("2001:db8:1:2::2", "v6", "0"),
        ("::/0", "v6", "1"),
        ("0.0.0.0/0", "v6", "0"),
        ("192.168.1.128/25", "\"192.168.1.200\"", "1"),
        ("192.168.1.128/25", "\"192.168.1.100\"", "0"),
        ("192.168.1.1", "\"192.168.1.1\"", "1"),
        ("192.168.1.1", "\"192.168.1.0\"", "0"),
    ] {
        assert_eq!(value(&format!("if(cidrmatch(\"{network}\", {address}), 1, 0)")), expected, "{network} {address}");
    }
}

/// <https://docs.splunk.com/Documentation/Splunk/latest/SearchReference/MultivalueEvalFunctions>:
/// the first value with the first, the second with the second; a comma where no delimiter is given.
#[test]
fn mvzip_pairs_values_by_their_place() {
    for (expr, expected) in [
        ("mvzip(list, list)", "[1,1, 2,2]"),
        ("mvzip(list, mvappend(\"a\", \"b\", \"c\"), \"-\")", "[1-a, 2-b]"),
        ("mvzip(word, n, \"\")", "Alpha5"),
        ("mvzip(list, missing)", "null"),
        ("mvzip(list, list, missing)", "null"),
    ] {
        assert_eq!(value(expr), expected, "{expr}");
    }
}

/// <https://docs.splunk.com/Documentation/Splunk/latest/SearchReference/TextFunctions>
#[test]
fn urldecode_gives_back_what_was_escaped() {
    for (text, expected) in [
        ("%7B%22Effect%22%3a%22Allow%22%7D", "{\"Effect\":\"Allow\"}"),
        ("caf%C3%A9%20100%", "café 100%"),
        ("%zz%4", "%zz%4"),
        ("%ff", "\u{fffd}"),
    ] {
        assert_eq!(value(&format!("urldecode(\"{text}\")")), expected, "{text}");
    }
    assert_eq!((value("urldecode(missing)"), value("urldecode(list)")), ("null".into(), "[1, 2]".into()));
}

/// <https://docs.splunk.com/Documentation/Splunk/latest/SearchReference/JSONFunctions> and, for
/// `spath`, the text functions: the paths are those of the command.
#[test]
fn json_that_stands_in_a_text_is_read_by_its_path() {
    let search = "* | eval a=spath(policy, \"Statement{}.Action\"), b=spath(policy, \"Statement{1}\"), c=spath(_raw, \"eventName\"), \
                  d=spath(policy, \"none\"), e=json_extract(policy, \"Statement{0}.Action\"), f=json_extract(policy, \"Id\"), \
                  g=json_extract(word, \"Id\"), h=json_extract(missing, \"Id\") | table a b c d e f g h";
    let policy = r#"{"Id":7,"Statement":[{"Action":"s3:*"},{"Action":"a:b"}]}"#;
    let event = event(json!({"policy": policy, "word": "x"}));
    let shown: Vec<_> = contributions(&plan(search), &event)[0].inputs.iter().map(shown_value).collect();
    assert_eq!(shown, ["[s3:*, a:b]", r#"{"Action":"a:b"}"#, "GetUser", "null", "s3:*", "7", "null", "null"]);
    for (call, word) in [
        ("json_extract(policy, \"Statement{}.Action\")", "spath(policy, \"Statement{}.Action\")"),
        ("json_extract(policy, \"a\", \"b\")", "one path"),
        ("json_extract(policy)", "one path"),
        ("json_extract(policy, word)", "one path"),
    ] {
        let error = refused(&format!("* | eval x={call}"));
        assert!(error.help.as_deref().unwrap_or_default().contains(word), "{call}: {error:?}");
    }
}

/// <https://docs.splunk.com/Documentation/Splunk/latest/SearchReference/SearchTimeModifiers>;
/// the event's time is Monday, 2023-04-24 23:51:17.
#[test]
fn relative_time_moves_and_snaps_in_the_order_written() {
    for (specifier, expected) in [
        ("-1d@d", "2023-04-23T00:00:00"),
        ("@d", "2023-04-24T00:00:00"),
        ("-90m", "2023-04-24T22:21:17"),
        ("-h@h", "2023-04-24T22:00:00"),
        ("+30min", "2023-04-25T00:21:17"),
        ("@w", "2023-04-23T00:00:00"),
        ("@w0", "2023-04-23T00:00:00"),
        ("@w1", "2023-04-24T00:00:00"),
        ("@w2", "2023-04-18T00:00:00"),
        ("@w7", "2023-04-23T00:00:00"),
        ("-1mon@mon", "2023-03-01T00:00:00"),
        ("+2mon@mon-1d", "2023-05-31T00:00:00"),
        ("-2month", "2023-02-24T23:51:17"),
        ("@q", "2023-04-01T00:00:00"),
        ("-1q@q", "2023-01-01T00:00:00"),
        ("@y+8h", "2023-01-01T08:00:00"),
        ("-1year", "2022-04-24T23:51:17"),
        ("@m", "2023-04-24T23:51:00"),
        ("-7s@s", "2023-04-24T23:51:10"),
        ("-2w", "2023-04-10T23:51:17"),
    ] {
        let expr = format!("strftime(relative_time(_time, \"{specifier}\"), \"%Y-%m-%dT%H:%M:%S\")");
        assert_eq!(value(&expr), expected, "{specifier}");
    }
    assert_eq!(value("relative_time(now(), \"-1h@h\")-relative_time(now(), \"@h\")"), "-3600", "AG-5");
    assert_eq!(value("relative_time(_time+0.25, \"-1s\")-_time"), "-0.75");
    assert_eq!(
        (value("relative_time(word, \"-1d\")"), value("relative_time(_time, bad)")),
        ("null".into(), "null".into())
    );
    assert_eq!(value("relative_time(_time, \"-900000000y\")"), "null");
    for specifier in ["", "1d", "-1", "-1x", "@", "@w8", "-1d@", "yesterday", "-1d @d"] {
        let error = refused(&format!("* | where _time>relative_time(now(), \"{specifier}\")"));
        assert!(error.message.contains("is not a relative time"), "{specifier}: {error}");
    }
}

/// <https://docs.splunk.com/Documentation/Splunk/latest/SearchReference/MultivalueEvalFunctions>
#[test]
fn mvmap_computes_with_each_value() {
    for (expr, expected) in [
        ("mvmap(list, list*10)", "[10, 20]"),
        ("mvmap(list, \"p\".list)", "[p1, p2]"),
        ("mvmap(word, lower(word))", "alpha"),
        ("mvmap(list, if(list=\"1\", null(), list))", "2"),
        ("mvmap(list, split(list.\",x\", \",\"))", "[1, x, 2, x]"),
        ("mvmap(missing, missing+1)", "null"),
    ] {
        assert_eq!(value(expr), expected, "{expr}");
    }
    for expr in ["mvmap(list, list+n)", "mvmap(list, 1)", "mvmap(split(word, \"l\"), word)", "mvmap(list, word)"] {
        let error = refused(&format!("* | eval x={expr}"));
        assert!(error.message.contains("mvmap takes a field and an expression of it alone"), "{expr}: {error}");
    }
}

/// <https://docs.splunk.com/Documentation/Splunk/latest/SearchReference/Commontimeformatvariables>:
/// `%Z` is the abbreviation of a time zone.
#[test]
fn times_of_utc_are_read_with_their_zone() {
    for (text, format, expected) in [
        ("2024-05-06T07:08:09Z", "%Y-%m-%dT%H:%M:%S%Z", "1714979289"),
        ("2024-05-06 07:08:09 UTC", "%F %T %Z", "1714979289"),
        ("Mon, 06 May 2024 07:08:09 GMT", "%a, %d %b %Y %H:%M:%S %Z", "1714979289"),
        ("2024-05-06 07:08:09 PDT", "%F %T %Z", "null"),
        ("2024-05-06 %Z", "%F %%Z", "1714953600"),
        ("2024-05-06 Z", "%F %%Z", "null"),
    ] {
        assert_eq!(value(&format!("strptime(\"{text}\", \"{format}\")")), expected, "{text} {format}");
    }
}
