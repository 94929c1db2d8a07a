//! Calls that several AWS services have under one name: a search for the name alone finds those of all of them.

use super::error::PlanWarning;
use crate::spl::ast::{CompareOp, SearchExpr, SearchTerm, Span, Spanned};

/// Names of calls with services that have them; not complete, and meant for what detections look for.
const SHARED: &[(&[&str], &[&str])] = &[
    (&["AddPermission", "RemovePermission"], &["lambda", "sns", "sqs"]),
    (&["CreateCluster", "DeleteCluster", "DescribeClusters"], &["ecs", "eks", "redshift"]),
    (&["CreateConnection", "DeleteConnection", "UpdateConnection"], &["events", "glue"]),
    (&["CreateDomain", "DeleteDomain"], &["es", "lightsail", "sagemaker"]),
    (&["CreateFunction", "DeleteFunction", "UpdateFunction"], &["appsync", "cloudfront", "lambda"]),
    (&["CreateGroup", "DeleteGroup", "UpdateGroup"], &["cognito-idp", "iam", "resource-groups"]),
    (&["CreateIPSet", "DeleteIPSet", "UpdateIPSet"], &["guardduty", "waf", "wafv2"]),
    (&["CreateKey", "DeleteKey"], &["kms", "location"]),
    (&["CreatePolicy", "DeletePolicy"], &["iam", "iot", "organizations"]),
    (&["CreateQueue", "DeleteQueue"], &["mediaconvert", "sqs"]),
    (&["CreateRepository", "DeleteRepository"], &["codeartifact", "codecommit", "ecr"]),
    (&["CreateRule", "DeleteRule", "UpdateRule"], &["elasticloadbalancing", "rbin", "waf"]),
    (&["CreateRuleGroup", "DeleteRuleGroup", "UpdateRuleGroup"], &["network-firewall", "waf", "wafv2"]),
    (&["CreateSnapshot", "DeleteSnapshot", "DescribeSnapshots"], &["ds", "ec2", "elasticache"]),
    (&["CreateUser", "DeleteUser", "UpdateUser"], &["iam", "mq", "transfer"]),
    (&["CreateWebACL", "DeleteWebACL", "UpdateWebACL"], &["waf", "wafv2"]),
    (&["DeleteLoggingConfiguration", "PutLoggingConfiguration"], &["waf", "wafv2"]),
    (&["DeleteResourcePolicy", "PutResourcePolicy"], &["glue", "logs", "secretsmanager"]),
    (&["ExecuteStatement"], &["dynamodb", "rds-data", "redshift-data"]),
    (&["StartSession"], &["athena", "glue", "ssm"]),
    (&["ListTagsForResource", "TagResource", "UntagResource"], &["kms", "lambda", "rds"]),
];

/// The first call of a base search that several services have, where the search names no service.
pub(super) fn ambiguous(base: &SearchExpr) -> Option<PlanWarning> {
    let terms = base.terms();
    if terms.iter().any(|term| matches!(field(&term.node), "eventSource" | "dest" | "aws_service" | "eventType")) {
        return None;
    }
    let found = terms.iter().find_map(|term| Some((shared(&term.node)?, &term.span)));
    found.map(|((name, services), span): (_, &Span)| PlanWarning {
        message: format!(
            "{name} is a call of several services ({}, ...), and the search names no eventSource",
            services.join(", ")
        ),
        span: span.clone(),
    })
}

/// Terms on an `eventSource` that no event has: it is the host name of a service, and compared as a whole.
pub(super) fn no_hosts(expr: &SearchExpr) -> Vec<PlanWarning> {
    let warning = |term: &Spanned<SearchTerm>| {
        let value = no_host(&term.node)?;
        let message = format!(
            "no event has the eventSource `{value}`: it is the host name of a service, such as iam.amazonaws.com"
        );
        Some(PlanWarning { message, span: term.span.clone() })
    };
    expr.terms().into_iter().filter_map(warning).collect()
}

fn no_host(term: &SearchTerm) -> Option<&String> {
    let values = match term {
        SearchTerm::Compare { field, op: CompareOp::Eq | CompareOp::Ne, value } if field == "eventSource" => {
            std::slice::from_ref(value)
        }
        SearchTerm::In { field, values } if field == "eventSource" => values,
        _ => return None,
    };
    values.iter().find(|value| !value.contains(['.', '*']))
}

fn field(term: &SearchTerm) -> &str {
    match term {
        SearchTerm::Compare { field, .. } | SearchTerm::In { field, .. } => field,
        SearchTerm::Raw(_) => "",
    }
}

fn shared(term: &SearchTerm) -> Option<(&str, &'static [&'static str])> {
    let of = |name: &str| SHARED.iter().find(|(names, _)| names.iter().any(|known| known.eq_ignore_ascii_case(name)));
    match term {
        SearchTerm::Compare { field, op: CompareOp::Eq, value } if field == "eventName" => {
            of(value).map(|(_, services)| (value.as_str(), *services))
        }
        SearchTerm::In { field, values } if field == "eventName" => {
            values.iter().find_map(|value| of(value).map(|(_, services)| (value.as_str(), *services)))
        }
        _ => None,
    }
}
