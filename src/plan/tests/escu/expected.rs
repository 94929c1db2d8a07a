//! What the examples must come to, by the name of the detection's file.

/// The row of one event that most detections make: eight by-fields, a count, two times. `with` stands between the
/// by-fields and the count, `then` behind the times.
pub(super) struct Usual {
    signature: &'static str,
    dest: &'static str,
    user: &'static str,
    user_agent: &'static str,
    src: &'static str,
    account: &'static str,
    region: &'static str,
    with: &'static str,
    time: &'static str,
    then: &'static str,
}

impl Usual {
    pub(super) fn row(&self) -> String {
        let Self { signature, dest, user, user_agent, src, account, region, with, time, then } = self;
        format!(
            "signature={signature} dest={dest} user={user} user_agent={user_agent} src={src} vendor_account={account} \
             vendor_region={region} vendor_product=AWS CloudTrail{with} count=1 firstTime={time} lastTime={time}{then}"
        )
    }
}

const SSO_ROLE: &str = "AWSReservedSSO_SPLKAdministratorAccess_d9ce1347d0a6dd3f";
const JAVA_SDK: &str = "aws-internal/3 aws-sdk-java/1.11.893 Linux/4.9.230-0.1.ac.223.84.332.metal1.x86_64 \
    OpenJDK_64-Bit_Server_VM/25.272-b10 java/1.8.0_272 vendor/Oracle_Corporation";

const GOWTHAMARAJ: Usual = Usual {
    signature: "",
    dest: "",
    user: "gowthamaraj_cli",
    user_agent: "",
    src: "67.171.71.185",
    account: "111111111111",
    region: "us-west-2",
    with: "",
    time: "",
    then: "",
};

pub(super) const USUAL: &[(&str, &[Usual])] = &[
    (
        "aws_ami_attribute_modification_for_exfiltration",
        &[Usual {
            signature: "ModifyImageAttribute",
            dest: "ec2.amazonaws.com",
            user: SSO_ROLE,
            user_agent: "AWS Internal",
            src: "72.135.245.10",
            time: "2023-03-23T21:47:28",
            then: " group_added=null accounts_added=1111111111111111 ami_status=Not Public",
            ..GOWTHAMARAJ
        }],
    ),
    (
        "aws_credential_access_rds_password_reset",
        &[Usual {
            signature: "ModifyDBInstance",
            dest: "rds.amazonaws.com",
            user: SSO_ROLE,
            user_agent: "AWS Internal",
            src: "AWS Internal",
            time: "2022-08-05T09:19:15",
            then: " database_id=database-1",
            ..GOWTHAMARAJ
        }],
    ),
    (
        "aws_defense_evasion_delete_cloudwatch_log_group",
        &[Usual {
            signature: "DeleteLogGroup",
            dest: "logs.amazonaws.com",
            user_agent: "aws-cli/2.7.3 Python/3.9.13 Darwin/21.5.0 source/x86_64 prompt/off command/logs.delete-log-group",
            time: "2022-07-19T08:58:48",
            ..GOWTHAMARAJ
        }],
    ),
    ("aws_defense_evasion_impair_security_services", IMPAIRED),
    (
        // The path says `{}` where the event has single objects.
        "aws_defense_evasion_putbucketlifecycle",
        &[Usual {
            signature: "PutBucketLifecycle",
            dest: "my-cloudtrail-bucket-alfsujjpnbpguqrh.s3.us-west-2.amazonaws.com",
            user: "bhavin_cli",
            user_agent: "[stratus-red-team_d73089cf-1905-430c-b6d3-4dc4d669190f]",
            src: "192.184.242.57",
            with: " bucket_name=my-cloudtrail-bucket-alfsujjpnbpguqrh expiration_days=1",
            time: "2022-07-13T21:58:27",
            ..GOWTHAMARAJ
        }],
    ),
    (
        "aws_defense_evasion_update_cloudtrail",
        &[Usual {
            signature: "UpdateTrail",
            dest: "cloudtrail.amazonaws.com",
            user_agent: "aws-cli/2.7.3 Python/3.9.13 Darwin/21.5.0 source/x86_64 prompt/off command/cloudtrail.update-trail",
            time: "2022-07-19T08:42:26",
            ..GOWTHAMARAJ
        }],
    ),
    (
        "aws_detect_users_with_kms_keys_performing_encryption_s3",
        &[Usual {
            signature: "CopyObject",
            dest: "s3.amazonaws.com",
            user: "patrick_cli",
            user_agent: "[aws-cli/2.0.45 Python/3.7.4 Darwin/20.2.0 exe/x86_64 command/s3.cp]",
            src: "95.90.199.65",
            with: " bucketName=patricktestbucketencrypt src_file=patricktestbucketencrypt/kms_aws_events.json \
                       dest_file=kms_aws_events_encrypted.json",
            time: "2021-01-11T12:40:47",
            ..GOWTHAMARAJ
        }],
    ),
    (
        "aws_disable_bucket_versioning",
        &[Usual {
            signature: "PutBucketVersioning",
            dest: "s3.us-west-2.amazonaws.com",
            user: SSO_ROLE,
            user_agent: "[S3Console/0.4, aws-internal/3 aws-sdk-java/1.11.1030 Linux/5.4.196-119.356.amzn2int.x86_64 \
                    OpenJDK_64-Bit_Server_VM/25.302-b08 java/1.8.0_302 vendor/Oracle_Corporation cfg/retry-mode/standard]",
            src: "73.57.168.38",
            with: " bucket_name=git-wild-hunt-results",
            time: "2022-08-04T15:19:25",
            ..GOWTHAMARAJ
        }],
    ),
    (
        // `fillnull` gives the user that a service event does not have.
        "aws_exfiltration_via_batch_service",
        &[Usual {
            signature: "JobCreated",
            dest: "s3.amazonaws.com",
            user: "0",
            user_agent: "s3.amazonaws.com",
            src: "s3.amazonaws.com",
            time: "2023-04-24T23:51:17",
            ..GOWTHAMARAJ
        }],
    ),
    (
        "aws_iam_delete_policy",
        &[Usual {
            signature: "DeletePolicy",
            dest: "iam.amazonaws.com",
            user: "bhavin_cli",
            user_agent: "aws-cli/2.0.62 Python/3.9.2 Darwin/19.6.0 source/x86_64 command/iam.delete-policy",
            src: "61.25.42.212",
            account: "151521547504",
            region: "us-east-1",
            time: "2021-04-02T18:01:00",
            ..GOWTHAMARAJ
        }],
    ),
    (
        // The search takes userName for the user; of the root user that is the ARN, which has no slash.
        "aws_new_mfa_method_registered_for_user",
        &[Usual {
            signature: "CreateVirtualMFADevice",
            dest: "iam.amazonaws.com",
            user: "arn:aws:iam::1111111111111111:root",
            user_agent: "AWS Internal",
            src: "23.93.193.6",
            account: "1111111111111111",
            region: "us-east-1",
            time: "2023-01-30T23:02:23",
            ..GOWTHAMARAJ
        }],
    ),
    (
        "aws_saml_update_identity_provider",
        &[Usual {
            signature: "UpdateSAMLProvider",
            dest: "iam.amazonaws.com",
            user: "rodonmicrotestrole",
            user_agent: "aws-internal/3 aws-sdk-java/1.11.930 Linux/4.9.230-0.1.ac.223.84.332.metal1.x86_64 \
                    OpenJDK_64-Bit_Server_VM/25.275-b01 java/1.8.0_275 vendor/Oracle_Corporation",
            src: "66.176.252.11",
            region: "us-east-1",
            time: "2021-01-20T03:12:39",
            then: " request_parameters=arn:aws:iam::111111111111:saml-provider/rodsotoonmicrosoft",
            ..GOWTHAMARAJ
        }],
    ),
    (
        // All ports: the ranges are empty, and `fillnull` fills them.
        "aws_network_access_control_list_created_with_all_open_ports",
        &[
            open_acl("CreateNetworkAclEntry", "2021-01-12T08:38:39"),
            open_acl("ReplaceNetworkAclEntry", "2021-01-12T08:49:49"),
        ],
    ),
    (
        // `match` of two concatenated fields that do not exist is null, so that `match` is 0 for everybody.
        "aws_updateloginprofile",
        &[Usual {
            signature: "UpdateLoginProfile",
            dest: "iam.amazonaws.com",
            user: "bhavin_cli",
            user_agent: "aws-cli/2.0.62 Python/3.9.2 Darwin/19.6.0 source/x86_64 command/iam.update-login-profile",
            src: "73.15.72.101",
            region: "us-east-1",
            time: "2021-03-05T01:02:59",
            ..GOWTHAMARAJ
        }],
    ),
];

const fn open_acl(signature: &'static str, time: &'static str) -> Usual {
    Usual {
        signature,
        dest: "ec2.amazonaws.com",
        user: "okta_adm_role",
        user_agent: "console.ec2.amazonaws.com",
        src: "95.90.199.65",
        region: "eu-central-1",
        with: " requestParameters.ruleAction=allow requestParameters.egress=false requestParameters.aclProtocol=-1 \
               requestParameters.portRange.to=0 requestParameters.portRange.from=0 requestParameters.cidrBlock=0.0.0.0/0",
        time,
        ..GOWTHAMARAJ
    }
}

const IMPAIRED: &[Usual] = &[
    Usual {
        signature: "DeleteAlarms",
        dest: "monitoring.amazonaws.com",
        user: "AWSServiceRoleForApplicationAutoScaling_DynamoDBTable",
        user_agent: "test.amazonaws.com",
        src: "test.amazonaws.com",
        region: "us-west-1",
        time: "2023-07-11T11:12:00",
        ..GOWTHAMARAJ
    },
    Usual {
        signature: "DeleteDetector",
        dest: "guardduty.amazonaws.com",
        user_agent: "aws-cli/2.7.3 Python/3.9.13 Darwin/21.5.0 source/x86_64 prompt/off command/guardduty.delete-detector",
        time: "2022-07-21T20:27:54",
        ..GOWTHAMARAJ
    },
    Usual {
        signature: "DeleteIPSet",
        dest: "guardduty.amazonaws.com",
        user: "bhavin_cli",
        user_agent: "aws-cli/2.0.62 Python/3.9.2 Darwin/21.5.0 source/x86_64 command/guardduty.delete-ip-set",
        src: "142.254.89.27",
        time: "2022-07-26T23:14:57",
        ..GOWTHAMARAJ
    },
    Usual {
        signature: "DeleteLogStream",
        dest: "logs.amazonaws.com",
        user_agent: "aws-cli/2.7.3 Python/3.9.13 Darwin/21.5.0 source/x86_64 prompt/off command/logs.delete-log-stream",
        time: "2022-07-20T21:09:51",
        ..GOWTHAMARAJ
    },
    Usual {
        signature: "DeleteRule",
        dest: "waf.amazonaws.com",
        user_agent: "aws-cli/2.7.3 Python/3.9.13 Darwin/21.5.0 source/x86_64 prompt/off command/waf.delete-rule",
        region: "us-east-1",
        time: "2022-07-20T21:40:42",
        ..GOWTHAMARAJ
    },
    Usual {
        signature: "DeleteWebACL",
        dest: "waf.amazonaws.com",
        user_agent: "aws-cli/2.7.3 Python/3.9.13 Darwin/21.5.0 source/x86_64 prompt/off command/waf.delete-web-acl",
        region: "us-east-1",
        time: "2022-07-20T21:32:54",
        ..GOWTHAMARAJ
    },
];

/// Two of the five statements allow `kms:Encrypt`; the `"*"` of `search` is any principal, in quotes as well. Their
/// action is a list: `spath path=Action` gives the list's text, `path=Action{}` its elements, and the search groups by
/// all of them.
pub(super) fn open_keys() -> Vec<Usual> {
    let key = |signature, time, with| Usual {
        signature,
        dest: "kms.amazonaws.com",
        user: "okta_adm_role",
        user_agent: JAVA_SDK,
        src: "95.90.199.65",
        time,
        with,
        ..GOWTHAMARAJ
    };
    let events = [("CreateKey", "2021-01-11T09:56:31"), ("PutKeyPolicy", "2021-01-11T11:04:39")];
    events.into_iter().flat_map(|(name, time)| KEY_ACTIONS.map(|with| key(name, time, with))).collect()
}

const KEY_ACTIONS: [&str; 8] = [
    " key_policy_action=[\n                \"kms:Encrypt\"\n            ] key_policy_principal=*",
    " key_policy_action=[\n                \"kms:Encrypt\",\n                \"kms:Decrypt\",\n                \
     \"kms:ReEncrypt*\",\n                \"kms:GenerateDataKey*\",\n                \"kms:DescribeKey\"\n            ] \
     key_policy_principal=arn:aws:iam::111111111111:user/patrick_cli",
    " key_policy_action=kms:Decrypt key_policy_principal=arn:aws:iam::111111111111:user/patrick_cli",
    " key_policy_action=kms:DescribeKey key_policy_principal=arn:aws:iam::111111111111:user/patrick_cli",
    " key_policy_action=kms:Encrypt key_policy_principal=*",
    " key_policy_action=kms:Encrypt key_policy_principal=arn:aws:iam::111111111111:user/patrick_cli",
    " key_policy_action=kms:GenerateDataKey* key_policy_principal=arn:aws:iam::111111111111:user/patrick_cli",
    " key_policy_action=kms:ReEncrypt* key_policy_principal=arn:aws:iam::111111111111:user/patrick_cli",
];

/// Rows of other shapes.
pub(super) const UNUSUAL: [(&str, &str); 5] = [
    (
        // The event names its guardrail otherwise than the search does.
        "aws_bedrock_delete_guardrails",
        "src=192.0.2.1 user=admin_role user_agent=aws-cli/2.9.15 vendor_account=111111111111 vendor_product=AWS CloudTrail \
         dest=bedrock.amazonaws.com signature=DeleteGuardrail vendor_region=us-east-1 count=1 \
         firstTime=2023-10-15T08:49:49 lastTime=2023-10-15T08:49:49 guardrailIds=null",
    ),
    (
        "aws_bedrock_delete_knowledge_base",
        "src=23.93.242.200 user=daftpunk user_agent=Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 \
         (KHTML, like Gecko) Chrome/134.0.0.0 Safari/537.36 vendor_account=111111111 vendor_product=AWS CloudTrail \
         dest=bedrock.amazonaws.com signature=DeleteKnowledgeBase vendor_region=us-west-2 count=1 \
         firstTime=2025-04-03T23:49:06 lastTime=2025-04-03T23:49:06 knowledgeBaseIds=T9PFUXGAPO",
    ),
    (
        // At a quarter past eleven in the evening.
        "aws_ecr_container_upload_outside_business_hours",
        "signature=PutImage user=test user_agent=AWS Internal src=AWS Internal vendor_account=111111111111 \
         vendor_region=eu-central-1 vendor_product=AWS CloudTrail repository=devsecops/cat_dog_server count=1 \
         firstTime=2021-08-18T23:17:30 lastTime=2021-08-18T23:17:30",
    ),
    (
        "aws_ecr_container_upload_unknown_user",
        "signature=PutImage user=test user_agent=AWS Internal src=AWS Internal vendor_account=111111111111 \
         vendor_region=eu-central-1 vendor_product=AWS CloudTrail image=devsecops/cat_dog_server count=1 \
         firstTime=2021-08-18T23:17:30 lastTime=2021-08-18T23:17:30",
    ),
    (
        // Two calls within 18 seconds: one window of five minutes, from 22:30.
        "aws_exfiltration_via_ec2_snapshot",
        "_time=1679351400 user=bhavin_console src=72.135.1.1 vendor_account=111111111111 vendor_region=us-west-2 \
         vendor_product=AWS CloudTrail count=2 distinct_api_calls=2 signature=[CreateSnapshot, ModifySnapshotAttribute] \
         dest=ec2.amazonaws.com attributeType=CREATE_VOLUME_PERMISSION aws_account_id_added=012345678912 \
         user_agent=[APN/1.0 HashiCorp/1.0 Terraform/1.1.2 (+https://www.terraform.io) terraform-provider-aws/3.76.1 \
         (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go/1.44.157 (go1.19.3; darwin; amd64) \
         stratus-red-team_46665bb8-dc15-4aba-a5ad-a362772b3f0d HashiCorp-terraform-exec/0.17.3, \
         stratus-red-team_46665bb8-dc15-4aba-a5ad-a362772b3f0d]",
    ),
];

/// Detections that their example does not fire, and why it must not.
pub(super) const SILENT: [(&str, &str); 15] = [
    ("aws_bedrock_high_number_list_foundation_model_failures", "the call did not fail"),
    ("aws_bedrock_invoke_model_access_denied", "the call did not fail"),
    ("aws_console_login_failed_during_mfa_challenge", "the login failed for want of a user name, without MFA"),
    ("aws_create_policy_version_to_allow_all_resources", "the action is iam:*, not *"),
    ("aws_createloginprofile", "nobody logs in with the new profile"),
    ("aws_credential_access_failed_login", "the login failed for want of a user name"),
    ("aws_credential_access_getpassworddata", "one instance, not more than ten"),
    ("aws_excessive_security_scanning", "no user with more than 50 kinds of calls"),
    ("aws_high_number_of_failed_authentications_from_ip", "one failure, not more than 20"),
    ("aws_iam_successful_group_deletion", "there was no such group"),
    ("aws_multiple_users_failing_to_authenticate_from_ip", "one user, not more than 30"),
    ("aws_successful_console_authentication_from_multiple_ips", "one address"),
    ("aws_successful_single_factor_authentication", "the login failed"),
    ("aws_unusual_number_of_failed_authentications_from_ip", "one attempt, not more than ten"),
    ("detect_new_open_s3_buckets", "the grant came as a header, not as an AccessControlPolicy"),
];
