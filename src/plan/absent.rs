//! Fields that no event has although they look as if: what is meant instead.

use crate::cloudtrail::is_known;

/// Members of a record that are objects, and so no fields.
const OBJECTS: [&str; 9] = [
    "addendum",
    "additionalEventData",
    "edgeDeviceDetails",
    "insightDetails",
    "requestParameters",
    "responseElements",
    "serviceEventDetails",
    "tlsDetails",
    "userIdentity",
];

/// The members of `userIdentity`.
const IDENTITY: [&str; 20] = [
    "type",
    "userName",
    "principalId",
    "arn",
    "accountId",
    "accessKeyId",
    "invokedBy",
    "identityProvider",
    "credentialId",
    "onBehalfOf.userId",
    "onBehalfOf.identityStoreArn",
    "sessionContext.attributes.mfaAuthenticated",
    "sessionContext.attributes.creationDate",
    "sessionContext.sessionIssuer.type",
    "sessionContext.sessionIssuer.userName",
    "sessionContext.sessionIssuer.principalId",
    "sessionContext.sessionIssuer.arn",
    "sessionContext.sessionIssuer.accountId",
    "sessionContext.ec2RoleDelivery",
    "sessionContext.webIdFederationData.federatedProvider",
];

/// Fields of Splunk's common information model that are neither CloudTrail's nor in `docs/fields.md`.
const INFORMATION_MODEL: [&str; 18] = [
    "app",
    "authentication_method",
    "change_type",
    "dvc",
    "image_id",
    "instance_type",
    "object",
    "object_attrs",
    "object_category",
    "object_id",
    "object_path",
    "src_user",
    "src_user_id",
    "src_user_name",
    "src_user_role",
    "src_user_type",
    "user_id",
    "user_role",
];

/// Why no event has a field of this name, although its first part is documented, and what is meant instead.
pub(super) fn why(field: &str) -> Option<String> {
    let head = field.split('.').next().unwrap_or(field);
    if OBJECTS.contains(&field) {
        return Some(format!(
            "CloudTrail's {field} is an object, and an object is no field: name what stands in it ({field}.name), or \
             write its text to a field: spath path={field} output=text;"
        ));
    }
    if let Some(object) = head.strip_suffix("{}").filter(|object| OBJECTS.contains(object)) {
        let meant = field.replacen("{}", "", 1);
        return Some(format!("CloudTrail's {object} is an object and no array: did you mean {meant}?"));
    }
    if field == "region" {
        // Splunk's detections grouped by it until the add-on called it otherwise.
        return Some("no event has a field region: did you mean vendor_region?".into());
    }
    if INFORMATION_MODEL.contains(&field) {
        return Some(format!(
            "{field} is a field of Splunk's information model that no event has here: name CloudTrail's own;"
        ));
    }
    if let Some(meant) = identity(field) {
        return Some(format!("CloudTrail documents no field {field}: did you mean {meant}?"));
    }
    let meant = match head {
        "resources" => field.replacen("resources", "resources{}", 1),
        // What EC2 lists stands in arrays of this name.
        "requestParameters" | "responseElements" => elements_of_items(field),
        _ => return None,
    };
    (meant != field).then(|| format!("what stands in an array is found under `{{}}` only: did you mean {meant}?"))
}

fn elements_of_items(field: &str) -> String {
    let steps = field.split('.').map(|step| if step == "items" { "items{}" } else { step });
    steps.collect::<Vec<_>>().join(".")
}

/// The member of the identity that is meant: by its name in another case, without the steps to it, or without one between.
fn identity(field: &str) -> Option<String> {
    let rest = field.strip_prefix("userIdentity.");
    let name = rest.unwrap_or(field);
    if rest.is_none() && is_known(field.split('.').next().unwrap_or(field))
        || IDENTITY.contains(&name) && rest.is_some()
    {
        return None;
    }
    let ends = |member: &&&str| {
        let at = member.len().checked_sub(name.len() + 1)?;
        (member.as_bytes()[at] == b'.' && member[at + 1..].eq_ignore_ascii_case(name)).then_some(())
    };
    let outer = |path: &str| path.split('.').next().unwrap_or(path).to_ascii_lowercase();
    let inner = |path: &str| path.rsplit('.').next().unwrap_or(path).to_ascii_lowercase();
    let same = IDENTITY.iter().find(|member| member.eq_ignore_ascii_case(name));
    let meant = same.or_else(|| IDENTITY.iter().find(|member| ends(member).is_some())).or_else(|| {
        let between = |member: &&&str| outer(member) == outer(name) && inner(member) == inner(name);
        IDENTITY.iter().find(between).filter(|_| rest.is_some())
    })?;
    Some(format!("userIdentity.{meant}"))
}
