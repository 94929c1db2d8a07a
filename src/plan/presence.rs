//! Conditions that are the same for every event, which is hardly meant: on fields that every event has, and on values that
//! none can have.

use super::error::PlanWarning;
use super::misuse;
use super::time_format::TimeFormat;
use crate::cloudtrail::{ALWAYS_THERE, is_known};
use crate::spl::ast::{BinaryOp, CompareOp, Expr, SearchExpr, SearchTerm, Span, Spanned};

/// Members whose values are whatever a service takes or gives, so that a `*` may stand in them.
const OPEN: [&str; 9] = [
    "additionalEventData",
    "errorMessage",
    "insightDetails",
    "reason",
    "requestParameters",
    "resources",
    "responseElements",
    "result",
    "serviceEventDetails",
];

/// Fields that hold one of a few words, as CloudTrail and the derived layer write them.
const WORDS: [(&[&str], &[&str]); 6] = [
    (&["readOnly", "managementEvent", "userIdentity.sessionContext.attributes.mfaAuthenticated"], &["true", "false"]),
    (&["errorCode", "status", "msg"], &["success", "failure"]),
    (&["responseElements.ConsoleLogin"], &["Success", "Failure"]),
    (&["additionalEventData.MFAUsed", "additionalEventData.MobileVersion"], &["Yes", "No"]),
    (
        &["eventType"],
        &["AwsApiCall", "AwsServiceEvent", "AwsConsoleAction", "AwsConsoleSignIn", "AwsCloudTrailInsight"],
    ),
    (
        &["userIdentity.type", "user_type"],
        &[
            "Root",
            "IAMUser",
            "AssumedRole",
            "Role",
            "FederatedUser",
            "Directory",
            "AWSAccount",
            "AWSService",
            "Unknown",
            "SAMLUser",
            "WebIdentityUser",
            "IdentityCenterUser",
        ],
    ),
];

/// Terms that ask whether a field is there which is there always. `is_own`: whether a name means the event's own field.
pub(super) fn of_terms(expr: &SearchExpr, is_own: &dyn Fn(&str) -> bool) -> Vec<PlanWarning> {
    let of_term = |term: &Spanned<SearchTerm>| match &term.node {
        SearchTerm::Compare { field, op: CompareOp::Eq | CompareOp::Ne, value }
            if is_star(value) || value.is_empty() =>
        {
            always(field, &term.span, is_own)
        }
        _ => None,
    };
    expr.terms().into_iter().filter_map(of_term).collect()
}

/// The same in expressions, and wildcards where there are none.
pub(super) fn of_expr(expr: &Spanned<Expr>, is_own: &dyn Fn(&str) -> bool) -> Vec<PlanWarning> {
    let of_node = |expr: &&Spanned<Expr>| of_node(expr, is_own).or_else(|| misuse::of_node(expr, is_own));
    expr.nodes().iter().filter_map(of_node).collect()
}

fn of_node(expr: &Spanned<Expr>, is_own: &dyn Fn(&str) -> bool) -> Option<PlanWarning> {
    match &expr.node {
        Expr::Call(name, arguments) if matches!(name.as_str(), "isnull" | "isnotnull") => match arguments.as_slice() {
            [Spanned { node: Expr::Field(field), .. }] => always(field, &expr.span, is_own),
            _ => None,
        },
        Expr::Call(name, arguments) if name == "strptime" => match arguments.as_slice() {
            [Spanned { node: Expr::Field(field), .. }, Spanned { node: Expr::Text(format), .. }] => {
                event_time(field, format, &expr.span, is_own)
            }
            _ => None,
        },
        Expr::Call(name, arguments) if name == "like" => match arguments.as_slice() {
            [value, pattern] => like(value, pattern, is_own),
            _ => None,
        },
        Expr::Binary(BinaryOp::Like, value, pattern) => like(value, pattern, is_own),
        Expr::Binary(BinaryOp::Compare(CompareOp::Eq | CompareOp::Ne), left, right) => {
            let empty = |expr: &Spanned<Expr>| matches!(&expr.node, Expr::Text(text) if text.is_empty());
            match (&left.node, &right.node) {
                (Expr::Field(field), _) if empty(right) => always(field, &expr.span, is_own),
                (_, Expr::Field(field)) if empty(left) => always(field, &expr.span, is_own),
                _ => wildcard(left, right, is_own).or_else(|| wildcard(right, left, is_own)),
            }
        }
        Expr::In(value, items) => items.iter().find_map(|item| wildcard(value, item, is_own)),
        _ => None,
    }
}

fn is_star(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte == b'*')
}

fn always(field: &str, span: &Span, is_own: &dyn Fn(&str) -> bool) -> Option<PlanWarning> {
    (ALWAYS_THERE.contains(&field) && is_own(field)).then(|| {
        let message = format!(
            "every event has {field}, as with Splunk's add-on: it is `success` where the call did not fail, so that this \
             is the same for every event; compare {field} with success"
        );
        PlanWarning { message, span: span.clone() }
    })
}

/// How CloudTrail writes `eventTime`; insights and a few services with a fraction.
const EVENT_TIMES: [&str; 2] = ["2024-05-06T07:08:09Z", "2024-05-06T07:08:09.123Z"];

fn event_time(field: &str, format: &str, span: &Span, is_own: &dyn Fn(&str) -> bool) -> Option<PlanWarning> {
    let reads = |format: TimeFormat| EVENT_TIMES.iter().any(|time| format.parse(time).is_some());
    let fits = TimeFormat::for_reading(format).map_or(true, reads);
    (field == "eventTime" && is_own(field) && !fits).then(|| {
        let message = format!(
            "no eventTime is written in the format {format}, so that this is always null: it is like {}, which _time holds \
             in seconds",
            EVENT_TIMES[0]
        );
        PlanWarning { message, span: span.clone() }
    })
}

/// `eventName="Create*"`: a text that no event can hold.
fn wildcard(field: &Spanned<Expr>, text: &Spanned<Expr>, is_own: &dyn Fn(&str) -> bool) -> Option<PlanWarning> {
    if let Some(warning) = spelling(field, text, is_own) {
        return Some(warning);
    }
    let (field, text, span) = starred(field, text, is_own)?;
    let like = text.replace('*', "%");
    let message = format!(
        "`*` is no wildcard in an expression: {field} is compared with the text \"{text}\" as it stands; write \
         like({field}, \"{like}\"), or the command search"
    );
    Some(PlanWarning { message, span })
}

/// `where 'userIdentity.type'="root"`: what is written in another case is another text here.
fn spelling(field: &Spanned<Expr>, text: &Spanned<Expr>, is_own: &dyn Fn(&str) -> bool) -> Option<PlanWarning> {
    let (Expr::Field(field), Expr::Text(given)) = (&field.node, &text.node) else { return None };
    let (_, words) = WORDS.iter().find(|(fields, _)| fields.contains(&field.as_str()) && is_own(field))?;
    let word = words.iter().find(|word| word.eq_ignore_ascii_case(given) && *word != given)?;
    let message = if ALWAYS_THERE.contains(&field.as_str()) {
        format!("expressions know case: {field} is {word}, never \"{given}\"")
    } else {
        format!("expressions know case: CloudTrail writes {word} in {field}, never \"{given}\"")
    };
    Some(PlanWarning { message, span: text.span.clone() })
}

fn like(field: &Spanned<Expr>, text: &Spanned<Expr>, is_own: &dyn Fn(&str) -> bool) -> Option<PlanWarning> {
    let (_, text, span) = starred(field, text, is_own).filter(|(_, text, _)| !text.contains('%'))?;
    let message = format!("`*` is no wildcard of like: write \"{}\"", text.replace('*', "%"));
    Some(PlanWarning { message, span })
}

/// A field of events in whose values no `*` stands, and the text with one that it is held against.
fn starred<'e>(
    field: &'e Spanned<Expr>,
    text: &'e Spanned<Expr>,
    is_own: &dyn Fn(&str) -> bool,
) -> Option<(&'e str, &'e str, Span)> {
    let (Expr::Field(field), Expr::Text(value)) = (&field.node, &text.node) else { return None };
    let head = field.split('.').next().unwrap_or(field);
    let is_plain = is_known(head) && !OPEN.contains(&head) && is_own(field);
    (value.contains('*') && !is_star(value) && is_plain).then(|| (field.as_str(), value.as_str(), text.span.clone()))
}
