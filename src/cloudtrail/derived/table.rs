//! The derived field layer as data. `docs/fields.md` shows the same rows to users; a test holds them together.

use super::{Row, Rule};

/// A condition of a row.
#[derive(Debug)]
pub(super) enum Test<P = &'static str> {
    /// `eventName` matches one of these; `*` in front or at the end.
    Name(&'static [&'static str]),
    /// The field is one of these.
    Is(P, &'static [&'static str]),
    /// The field exists and is not empty.
    Has(P),
}

/// Where a value comes from.
#[derive(Debug)]
pub(super) enum Source<P = &'static str> {
    /// A part of a raw field.
    Field(P, Part),
    /// A constant.
    Text(&'static str),
    /// The event's time, in seconds.
    Time,
    /// The event's time in UTC, in this format of strftime.
    TimePart(&'static str),
    /// The event's own JSON text.
    Raw,
    /// `account` of the EventBridge envelope.
    EnvelopeAccount,
    /// `region` of the EventBridge envelope.
    EnvelopeRegion,
}

/// Which part of a field.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// Behind the last `/`.
    AfterSlash,
    /// Behind the last `:`, and there behind the last `/`.
    AfterColonAndSlash,
    /// The n-th part between colons, from 1.
    BetweenColons(usize),
    /// The name behind `resource:`.
    ResourceName,
}

use Part::{AfterColonAndSlash, AfterSlash, BetweenColons, ResourceName, Whole};
use Source::{EnvelopeAccount, EnvelopeRegion, Field, Raw, Text, Time, TimePart};
use Test::{Has, Is, Name};

const ACCOUNT_ID: Source = Field("userIdentity.accountId", Whole);
const ARN: &str = "userIdentity.arn";
const ERROR_CODE: Source = Field("errorCode", Whole);
const EVENT_SOURCE: Source = Field("eventSource", Whole);
const HOST: Source = Field("requestParameters.Host", Whole);
const HOST_LIST: Source = Field("requestParameters.host{}", Whole);
const ISSUER: Source = Field("userIdentity.sessionContext.sessionIssuer.userName", Whole);
const ISSUER_TYPE: Source = Field("userIdentity.sessionContext.sessionIssuer.type", Whole);
const LOGIN_TO: &str = "additionalEventData.LoginTo";
const PRINCIPAL: &str = "userIdentity.principalId";
const RECIPIENT: Source = Field("recipientAccountId", Whole);
const RESOURCE_NAME: Source = Field("errorMessage", ResourceName);
const ROLE_ARN: &str = "requestParameters.roleArn";
const TYPE: &str = "userIdentity.type";
const USER_NAME: Source = Field("userIdentity.userName", Whole);

const AUTHENTICATION: Test = Name(&["ConsoleLogin", "AssumeRole*", "GetSessionToken", "CheckMfa"]);
const LOGIN_FAILED: Test = Is("responseElements.ConsoleLogin", &["Failure"]);
const OF_ASSUMED_ROLE: Test = Is(TYPE, &["AssumedRole"]);

const fn row(when: &'static [Test], value: &'static [Source]) -> Row {
    Row { when, value }
}

const fn rule(names: &'static [&'static str], rows: &'static [Row]) -> Rule {
    Rule { names, own_first: false, rows }
}

/// Every derived field.
pub(super) const RULES: &[Rule] = &[
    rule(&["_time"], &[row(&[], &[Time])]),
    rule(&["date_second"], &[row(&[], &[TimePart("%-S")])]),
    rule(&["date_minute"], &[row(&[], &[TimePart("%-M")])]),
    rule(&["date_hour"], &[row(&[], &[TimePart("%-H")])]),
    rule(&["date_mday"], &[row(&[], &[TimePart("%-d")])]),
    rule(&["date_wday"], &[row(&[], &[TimePart("%A")])]),
    rule(&["date_month"], &[row(&[], &[TimePart("%B")])]),
    rule(&["date_year"], &[row(&[], &[TimePart("%Y")])]),
    rule(&["_raw"], &[row(&[], &[Raw])]),
    rule(&["sourcetype"], &[row(&[], &[Text("aws:cloudtrail")])]),
    rule(&["source"], &[row(&[], &[Text("aws_cloudtrail")])]),
    rule(&["recipientAccountId"], &[row(&[], &[RECIPIENT, EnvelopeAccount])]),
    rule(&["awsRegion", "vendor_region"], &[row(&[], &[Field("awsRegion", Whole), EnvelopeRegion])]),
    rule(&["vendor_product"], &[row(&[], &[Text("AWS CloudTrail")])]),
    rule(&["src", "src_ip"], &[row(&[], &[Field("sourceIPAddress", Whole)])]),
    rule(&["signature", "command"], &[row(&[], &[Field("eventName", Whole)])]),
    rule(&["user_agent"], &[row(&[], &[Field("userAgent", Whole)])]),
    rule(
        &["errorCode"],
        &[
            row(&[Has("errorCode")], &[ERROR_CODE]),
            row(&[LOGIN_FAILED], &[Text("failure")]),
            row(&[], &[Text("success")]),
        ],
    ),
    rule(&["msg"], &[row(&[], &[ERROR_CODE, Text("success")])]),
    rule(&["result", "reason"], &[row(&[], &[Field("errorMessage", Whole)])]),
    rule(&["result_id"], &[row(&[], &[ERROR_CODE])]),
    rule(
        &["aws_account_id"],
        &[row(&[Is(TYPE, &["AWSAccount", "AWSService"])], &[RECIPIENT, EnvelopeAccount]), row(&[], &[ACCOUNT_ID])],
    ),
    rule(&["vendor_account"], &[row(&[], &[ACCOUNT_ID, RECIPIENT, EnvelopeAccount])]),
    rule(&["user_group_id"], &[row(&[], &[ACCOUNT_ID])]),
    rule(&["user_arn"], &[row(&[], &[Field(ARN, Whole), Field(ROLE_ARN, Whole)])]),
    rule(
        &["userName"],
        &[row(
            &[],
            &[
                USER_NAME,
                Field("requestParameters.sourceIdentity", Whole),
                ISSUER,
                Field(ARN, AfterSlash),
                Field(ROLE_ARN, AfterSlash),
            ],
        )],
    ),
    rule(&["user"], USER),
    rule(&["user_name"], USER_NAMES),
    rule(&["user_type"], USER_TYPE),
    rule(&["dest"], DEST),
    Rule { names: &["action"], own_first: true, rows: ACTION },
    Rule {
        names: &["status"],
        own_first: true,
        rows: &[
            row(&[Has("errorCode")], &[Text("failure")]),
            row(&[LOGIN_FAILED], &[Text("failure")]),
            row(&[], &[Text("success")]),
        ],
    },
];

const NAMED_IN_ERROR: Test =
    Name(&["ListSigningCertificates", "ListAccessKeys", "GetUser", "GetAccountSummary", "ListAccountAliases"]);
const CREATED_LOGIN: &[Source] = &[Field("responseElements.loginProfile.userName", Whole)];
const CREATED_USER: &[Source] = &[Field("responseElements.user.userName", Whole)];
const DELETED_USER: &[Source] = &[Field("requestParameters.userName", Whole)];
const RENAMED_USER: &[Source] = &[Field("requestParameters.newUserName", Whole)];
const KEY_OWNER: &[Source] = &[Field("responseElements.accessKey.userName", Whole), RESOURCE_NAME];

const USER: &[Row] = &[
    row(&[Name(&["CreateLoginProfile"])], CREATED_LOGIN),
    row(&[Name(&["CreateUser"])], CREATED_USER),
    row(&[Name(&["DeleteUser", "DeleteLoginProfile"])], DELETED_USER),
    row(&[Name(&["UpdateUser"])], RENAMED_USER),
    row(&[Name(&["CreateAccessKey"])], KEY_OWNER),
    row(&[NAMED_IN_ERROR], &[RESOURCE_NAME]),
    row(&[Name(&["CreateVirtualMFADevice", "PutBucketAcl"])], &[USER_NAME]),
    row(
        &[Name(&[
            "CreateLoadBalancerListeners",
            "CreateLoadBalancerPolicy",
            "CreateLogGroup",
            "CreateLogStream",
            "GetBucketEncryption",
            "CreateNetworkInterface",
            "DeleteNetworkInterface",
        ])],
        &[ISSUER],
    ),
    row(&[Name(&["AssumeRole"]), OF_ASSUMED_ROLE], &[Field(ROLE_ARN, AfterSlash)]),
    row(
        &[Name(&["AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"])],
        &[Field("responseElements.assumedRoleUser.arn", AfterSlash)],
    ),
    row(&[Name(&["ConsoleLogin"]), OF_ASSUMED_ROLE, Has(LOGIN_TO)], &[Field(PRINCIPAL, BetweenColons(2)), USER_NAME]),
    row(&[Is("eventType", &["AwsConsoleSignIn"])], &[USER_NAME, ISSUER]),
    row(&[Name(&["ListAliases", "ListRoles", "*Instances", "*Volume", "Put*", "*Bucket"])], &[USER_NAME, ISSUER]),
    row(&[], &[USER_NAME]),
];

const USER_NAMES: &[Row] = &[
    row(&[Name(&["CreateLoginProfile"])], CREATED_LOGIN),
    row(&[Name(&["CreateUser"])], CREATED_USER),
    row(&[Name(&["DeleteUser", "DeleteLoginProfile"])], DELETED_USER),
    row(&[Name(&["UpdateUser"])], RENAMED_USER),
    row(&[Name(&["CreateAccessKey"])], KEY_OWNER),
    row(&[NAMED_IN_ERROR], &[RESOURCE_NAME]),
    row(&[Name(&["CreateVirtualMFADevice"])], &[USER_NAME]),
    row(&[Name(&["ListRoles"])], &[Field(PRINCIPAL, BetweenColons(1))]),
    row(&[], &[USER_NAME, ISSUER, Field(ARN, AfterColonAndSlash), Field(ROLE_ARN, AfterColonAndSlash)]),
];

const USER_TYPE: &[Row] = &[
    row(
        &[Name(&[
            "CreateLoginProfile",
            "*User",
            "ListSigningCertificates",
            "CreateAccessKey",
            "ListAccessKeys",
            "CreateVirtualMFADevice",
            "GetAccountSummary",
            "ListAccountAliases",
        ])],
        &[],
    ),
    row(&[Name(&["ConsoleLogin"]), OF_ASSUMED_ROLE, Has(LOGIN_TO)], &[Field(TYPE, Whole)]),
    row(&[Name(&["ConsoleLogin"]), OF_ASSUMED_ROLE], &[ISSUER_TYPE]),
    row(&[Name(&["ListAliases", "ListRoles", "DeleteNetworkInterface"])], &[ISSUER_TYPE]),
    row(&[], &[Field(TYPE, Whole)]),
];

const DEST: &[Row] = &[
    row(&[Name(&["PutBucketAcl"])], &[HOST, EVENT_SOURCE]),
    row(&[Name(&["GetBucketEncryption", "*Bucket"])], &[HOST_LIST, EVENT_SOURCE]),
    row(&[Name(&["Put*"])], &[HOST_LIST, HOST, EVENT_SOURCE]),
    row(&[Name(&["RunInstances"])], &[Field("responseElements.instancesSet.items{}.instanceId", Whole), EVENT_SOURCE]),
    row(
        &[Name(&["StartInstances", "StopInstances", "TerminateInstances", "RebootInstances"])],
        &[Field("requestParameters.instancesSet.items{}.instanceId", Whole), EVENT_SOURCE],
    ),
    row(&[Name(&["*Volume"])], &[Field("requestParameters.instanceId", Whole), EVENT_SOURCE]),
    row(&[Name(&["DeleteLoginProfile"])], &[Field("requestParameters.userName", Whole), EVENT_SOURCE]),
    row(&[Name(&["ConsoleLogin", "AssumeRole*", "CheckMfa", "ListAliases"])], &[Field(LOGIN_TO, Whole), EVENT_SOURCE]),
    row(&[], &[EVENT_SOURCE]),
];

const ACTION: &[Row] = &[
    row(&[AUTHENTICATION, Has("errorCode")], &[Text("failure")]),
    row(&[AUTHENTICATION, LOGIN_FAILED], &[Text("failure")]),
    row(&[AUTHENTICATION], &[Text("success")]),
    row(&[Name(&["Create*", "Run*", "Allocate*", "Import*"])], &[Text("created")]),
    row(&[Name(&["Delete*", "Terminate*", "Release*"])], &[Text("deleted")]),
    row(
        &[Name(&[
            "Put*",
            "Update*",
            "Modify*",
            "Attach*",
            "Detach*",
            "Add*",
            "Remove*",
            "Set*",
            "Associate*",
            "Authorize*",
            "Revoke*",
        ])],
        &[Text("modified")],
    ),
    row(&[Name(&["Get*", "List*", "Describe*", "Head*"])], &[Text("read")]),
    row(&[Name(&["Start*"])], &[Text("started")]),
    row(&[Name(&["Stop*"])], &[Text("stopped")]),
    row(&[Has("errorCode")], &[Text("unknown")]),
];
