//! Searches for other data than CloudTrail: what they ask of the fields that every event has alike, no event here has.

use super::matcher::Literal;
use crate::cloudtrail::FieldPath;
use crate::spl::ast::{CompareOp, SearchExpr, SearchTerm, Spanned};

/// The term of a base search by which no event can match, `sourcetype=o365:management:activity` for one.
pub(crate) fn other_data(base: &SearchExpr) -> Option<&Spanned<SearchTerm>> {
    match base {
        SearchExpr::And(parts) => parts.iter().find_map(other_data),
        SearchExpr::Or(parts) => parts.iter().map(other_data).collect::<Option<Vec<_>>>()?.first().copied(),
        SearchExpr::Not(_) => None,
        SearchExpr::Term(term) => matches_none(&term.node).then_some(term),
    }
}

fn matches_none(term: &SearchTerm) -> bool {
    let (field, values) = match term {
        SearchTerm::Compare { field, op: CompareOp::Eq, value } => (field, std::slice::from_ref(value)),
        SearchTerm::In { field, values } => (field, values.as_slice()),
        _ => return false,
    };
    FieldPath::compile(field)
        .constant()
        .is_some_and(|constant| values.iter().all(|value| !Literal::new(value).equals_text(constant)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_of_other_data_is_told_by_what_every_event_has_alike() {
        for (search, term) in [
            ("sourcetype=o365:management:activity Operation=x", Some("sourcetype=o365:management:activity")),
            ("sourcetype IN (a, b*) c=1", Some("sourcetype IN (a, b*)")),
            ("(sourcetype=a OR source=b) c=1", Some("sourcetype=a")),
            ("source=\"s3://x\"", Some("source=\"s3://x\"")),
            ("sourcetype=AWS:* eventName=x", None),
            ("sourcetype=a OR eventName=x", None),
            ("sourcetype IN (a, aws:cloudtrail)", None),
            ("NOT sourcetype=a", None),
            ("sourcetype!=a eventSource=x", None),
            ("index=any sourcetype=aws:cloudtrail source=aws_cloudtrail", None),
        ] {
            let parsed = crate::spl::parse(search).expect("it parses");
            assert_eq!(other_data(&parsed.base).map(|term| &search[term.span.clone()]), term, "{search}");
        }
    }
}
