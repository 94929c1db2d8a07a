//! The table of functions whose arguments are values. Those with arguments of another kind (conditions, regular
//! expressions, time formats) are compiled in `compile`.

use super::{conditions, json, multivalue, numeric, relative, text};
use crate::plan::Value;

/// A function that gives a value: name, least and most arguments, implementation.
pub(super) type ValueFunction = (&'static str, usize, usize, fn(&[Value]) -> Value);

/// A function that gives true, false or null.
pub(super) type ConditionFunction = (&'static str, usize, usize, fn(&[Value]) -> Option<bool>);

/// As many arguments as one likes.
const ANY: usize = usize::MAX;

/// Functions that give a value.
pub(super) const VALUES: &[ValueFunction] = &[
    ("abs", 1, 1, numeric::abs),
    ("ceil", 1, 1, numeric::ceiling),
    ("ceiling", 1, 1, numeric::ceiling),
    ("coalesce", 1, ANY, multivalue::coalesce),
    ("floor", 1, 1, numeric::floor),
    ("json_extract", 2, 2, json::json_extract),
    ("len", 1, 1, text::len),
    ("lower", 1, 1, text::lower),
    ("ltrim", 1, 2, text::ltrim),
    ("max", 1, ANY, numeric::max),
    ("min", 1, ANY, numeric::min),
    ("mvappend", 1, ANY, multivalue::mvappend),
    ("mvcount", 1, 1, multivalue::mvcount),
    ("mvdedup", 1, 1, multivalue::mvdedup),
    ("mvindex", 2, 3, multivalue::mvindex),
    ("mvjoin", 2, 2, multivalue::mvjoin),
    ("mvsort", 1, 1, multivalue::mvsort),
    ("mvzip", 2, 3, multivalue::mvzip),
    ("pow", 2, 2, numeric::pow),
    ("relative_time", 2, 2, relative::relative_time),
    ("round", 1, 2, numeric::round),
    ("rtrim", 1, 2, text::rtrim),
    ("spath", 2, 2, json::spath),
    ("split", 2, 2, multivalue::split),
    ("sqrt", 1, 1, numeric::sqrt),
    ("substr", 2, 3, text::substr),
    ("tonumber", 1, 2, numeric::tonumber),
    ("tostring", 1, 2, text::tostring),
    ("trim", 1, 2, text::trim),
    ("upper", 1, 1, text::upper),
    ("urldecode", 1, 1, text::urldecode),
];

/// Functions that give true, false or null.
pub(super) const CONDITIONS: &[ConditionFunction] = &[
    ("cidrmatch", 2, 2, conditions::cidrmatch),
    ("isint", 1, 1, conditions::is_int),
    ("isnotnull", 1, 1, conditions::is_not_null),
    ("isnull", 1, 1, conditions::is_null),
    ("isnum", 1, 1, conditions::is_num),
    ("isstr", 1, 1, conditions::is_str),
];

/// Functions that `compile` knows by itself.
pub(super) const SPECIAL: &[&str] = &[
    "case",
    "false",
    "if",
    "in",
    "like",
    "match",
    "mvfilter",
    "mvfind",
    "mvmap",
    "now",
    "null",
    "nullif",
    "replace",
    "searchmatch",
    "strftime",
    "strptime",
    "true",
];

/// Functions that Splunk has and we have not.
const SPLUNKS: &str = "\
    acos acosh asin asinh atan atan2 atanh avg bit_and bit_not bit_or bit_shift_left bit_shift_right bit_xor \
    commands cos cosh exact exp hypot ipmask isarray isbool isdouble ismv isobject json json_append json_array \
    json_array_to_mv json_delete json_entries json_extend json_extract_exact json_has_key_exact \
    json_keys json_object json_set json_set_exact json_valid ln log lookup md5 mvrange mvreverse \
    mv_to_json_array pi printf random sha1 sha256 sha512 sigfig sin sinh sum tan tanh time \
    toarray tobool todouble toint tojson tomv toobject typeof validate";

/// Whether Splunk has a function of this name, which we have not.
pub(super) fn is_splunks(name: &str) -> bool {
    SPLUNKS.split(' ').any(|known| known == name)
}

/// What to write instead of some of them, or why there is nothing.
pub(super) fn instead(name: &str) -> Option<&'static str> {
    Some(match name {
        "time" => "write now(), which is the end of the window (AG-5)",
        "random" => "a result must not depend on chance (AG-5)",
        "lookup" => "use the command lookup",
        "json_extract_exact" => "use spath(text, \"a.b\")",
        _ => return None,
    })
}

/// Every function's name, sorted.
pub(super) fn names() -> Vec<&'static str> {
    let values = VALUES.iter().map(|function| function.0);
    let conditions = CONDITIONS.iter().map(|function| function.0);
    let mut names: Vec<_> = values.chain(conditions).chain(SPECIAL.iter().copied()).collect();
    names.sort_unstable();
    names
}
