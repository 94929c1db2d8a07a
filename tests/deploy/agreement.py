"""The Terraform modules say what the CloudFormation templates say: policies, pattern, target, stream, table, alarms, task.

Their parameters are compared as well, name by name with their defaults.
"""

import json
import re
import sys

from cfn import WHOLE, Template, snake
from hcl import Module, generic

DIFFERENCES = []
# Parameters that one side alone has, or that have another form there.
OWN_VARIABLES = {"name", "subnet_ids"}
OWN_PARAMETERS = {"SubnetA", "SubnetB"}
TRUTH = {"true": True, "false": False, "ENABLED": True, "DISABLED": False}


def same(what, cloudformation, terraform):
    if cloudformation != terraform:
        DIFFERENCES.append(f"{what}: CloudFormation has {cloudformation!r}, Terraform {terraform!r}")


def plain(value):
    """A default as a comparable value: both sides write numbers and truth in their own way."""
    if isinstance(value, str) and value in TRUTH:
        return TRUTH[value]
    if isinstance(value, str) and value.isdigit():
        return int(value)
    return "" if value == [] else value


def parameters(template, module):
    ours = {snake(key): value for key, value in template.raw["Parameters"].items() if key not in OWN_PARAMETERS}
    theirs = {key: value for key, value in module.variables.items() if key not in OWN_VARIABLES}
    same("parameters", sorted(ours), sorted(theirs))
    for key in ours.keys() & theirs.keys():
        same(f"default of {key}", plain(ours[key].get("Default")), plain(theirs[key].get("default")))


def policies(templates, module):
    """Every statement of a template under some parameters: effect, actions and what its conditions look at."""
    documents = []
    for resource in [resource for template in templates for resource in template.resources.values()]:
        documents += [resource[key] for key in ("PolicyDocument", "KeyPolicy", "AssumeRolePolicyDocument", "FileSystemPolicy") if key in resource]
        documents += [policy["PolicyDocument"] for policy in resource.get("Policies", [])]
        if resource["Type"] == "AWS::Events::EventBusPolicy":
            documents.append({"Statement": [resource["Statement"] | {"Sid": resource["StatementId"]}]})
    ours = {}
    for document in documents:
        document = json.loads(document) if isinstance(document, str) else document
        for statement in document["Statement"]:
            actions = statement["Action"]
            actions = frozenset([actions] if isinstance(actions, str) else actions)
            conditions = statement.get("Condition", {}).items()
            looks = frozenset((test, generic(variable)) for test, variables in conditions for variable in variables)
            ours.setdefault(statement.get("Sid") or "+".join(sorted(actions)), set()).add(
                (statement["Effect"], actions, looks)
            )
    theirs = module.statements()
    same("statements", sorted(ours), sorted(theirs))
    for sid in ours.keys() & theirs.keys():
        same(f"statement {sid}", ours[sid], theirs[sid])


def rule(template, module, narrow):
    ours, theirs = template.the("AWS::Events::Rule"), module.the("aws_cloudwatch_event_rule")
    same("pattern, narrow", narrow.the("AWS::Events::Rule")["EventPattern"], module.value("${local.narrow}"))
    same("pattern, broad", ours["EventPattern"], module.locals["broad"])
    same("state of the rule", ours["State"] in module.locals["event_rule_state"], True)
    (target,), theirs = ours["Targets"], module.the("aws_cloudwatch_event_target")
    same("id of the target", target["Id"], theirs["target_id"])
    retry = {snake(key): value for key, value in target["RetryPolicy"].items()}
    same("retries", retry, theirs["retry_policy"][0])
    same("dead letters of the rule", "DeadLetterConfig" in target, "dead_letter_config" in theirs)
    if "KinesisParameters" in target:
        same("partition key", theirs["kinesis_target"][0]["partition_key_path"], "${var.partition_key_path}")
        same("partition key", target["KinesisParameters"]["PartitionKeyPath"], module.variables["partition_key_path"]["default"])
    queue, theirs = template.the("AWS::SQS::Queue"), module.the("aws_sqs_queue")
    same("retention of the queue", queue["MessageRetentionPeriod"], theirs["message_retention_seconds"])
    same("encryption of the queue", queue["SqsManagedSseEnabled"], theirs["sqs_managed_sse_enabled"])


def stream():
    template, module = Template("stream.yaml", WHOLE["stream.yaml"]), Module("stream")
    parameters(template, module)
    policies([template, Template("stream.yaml")], module)
    rule(template, module, Template("stream.yaml"))
    table, theirs = template.the("AWS::DynamoDB::Table"), module.the("aws_dynamodb_table")
    same("billing", table["BillingMode"], theirs["billing_mode"])
    same("key of the table", table["KeySchema"], [{"AttributeName": theirs["hash_key"], "KeyType": "HASH"}])
    attributes = [{"AttributeName": it["name"], "AttributeType": it["type"]} for it in theirs["attribute"]]
    same("attributes of the table", table["AttributeDefinitions"], attributes)
    same("deletion protection", table["DeletionProtectionEnabled"], theirs["deletion_protection_enabled"])
    same("encryption of the table", table["SSESpecification"]["SSEEnabled"], theirs["server_side_encryption"][0]["enabled"])
    encryption = template.the("AWS::Kinesis::Stream")["StreamEncryption"]["EncryptionType"]
    same("encryption of the stream", encryption, module.the("aws_kinesis_stream")["encryption_type"])
    alarms(template, module)
    metrics = {alarm["MetricName"] for alarm in Template("stream.yaml").of_type("AWS::CloudWatch::Alarm").values()}
    written = str(module.blocks["resource"]["aws_cloudwatch_metric_alarm"])
    same("metrics of polling", {metric for metric in metrics if f'"{metric}"' not in written and f"'{metric}'" not in written}, set())
    consumer = template.the("AWS::Kinesis::StreamConsumer")
    same("consumer", consumer["ConsumerName"] == WHOLE["stream.yaml"]["FanOutConsumer"], module.the("aws_kinesis_stream_consumer")["name"] == "${var.fan_out_consumer}")


def alarms(template, module):
    ours = {alarm["AlarmDescription"]: alarm for alarm in template.of_type("AWS::CloudWatch::Alarm").values()}
    theirs = {alarm["alarm_description"]: alarm for alarm in module.blocks["resource"]["aws_cloudwatch_metric_alarm"].values()}
    same("alarms", sorted(ours), sorted(theirs))
    for name in ours.keys() & theirs.keys():
        for key in ("Namespace", "Statistic", "Period", "Threshold", "ComparisonOperator", "TreatMissingData"):
            same(f"{key} of the alarm: {name}", ours[name][key], theirs[name][snake(key)])
        same(f"metric of the alarm: {name}", ours[name]["MetricName"] in theirs[name]["metric_name"], True)
        dimensions = {dimension["Name"] for dimension in ours[name]["Dimensions"]}
        written = str(theirs[name]["dimensions"])
        same(f"dimensions of the alarm: {name}", dimensions, {key for key in ("StreamName", "ConsumerName", "QueueName") if key in written})


def service():
    given = WHOLE["service.yaml"]
    files, table, module = Template("service.yaml", given), Template("service.yaml", given | {"LeaseTableName": "t"}), Module("service")
    parameters(files, module)
    policies([files], module)
    ours, theirs = files.the("AWS::ECS::Service"), module.the("aws_ecs_service")
    same("fewest tasks", ours["DeploymentConfiguration"]["MinimumHealthyPercent"], theirs["deployment_minimum_healthy_percent"])
    same("most tasks", ours["DeploymentConfiguration"]["MaximumPercent"], theirs["deployment_maximum_percent"])
    same("platform", ours["PlatformVersion"], theirs["platform_version"])
    container(files, table, module.locals)
    rules = [block for kind in ("egress", "ingress") for block in module.blocks["resource"][f"aws_vpc_security_group_{kind}_rule"].values()]
    groups = files.of_type("AWS::EC2::SecurityGroup").values()
    opened = {rule["FromPort"] for group in groups for rule in group.get("SecurityGroupIngress", []) + group["SecurityGroupEgress"]}
    same("ports", opened | {9464, "${var.sink_port}"}, {rule["from_port"] for rule in rules})
    endpoints = {it["ServiceName"].split("}.")[1] for it in table.of_type("AWS::EC2::VPCEndpoint").values()}
    written = module.locals["interface_services"] + module.locals["gateway_services"]
    same("endpoints", endpoints, set(re.findall(r'"([a-z0-9.-]+)"', written)))
    point, theirs = files.the("AWS::EFS::AccessPoint"), module.the("aws_efs_access_point")
    same("user of the state", int(point["PosixUser"]["Uid"]), theirs["posix_user"][0]["uid"])
    same("rights of the state", point["RootDirectory"]["CreationInfo"]["Permissions"], theirs["root_directory"][0]["creation_info"][0]["permissions"])


def container(files, table, written):
    (ours,) = files.the("AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    (with_table,) = table.the("AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    theirs = written["container"]
    for key in ("Name", "Essential", "User", "ReadonlyRootFilesystem", "StopTimeout"):
        same(f"{key} of the container", ours[key], theirs[key[0].lower() + key[1:]])
    check = {key[0].lower() + key[1:]: value for key, value in ours["HealthCheck"].items()}
    same("health check", check, theirs["healthCheck"])
    same("capabilities", ours["LinuxParameters"]["Capabilities"]["Drop"], theirs["linuxParameters"]["capabilities"]["drop"])
    same("mode of the log", ours["LogConfiguration"]["Options"]["mode"], theirs["logConfiguration"]["options"]["mode"])
    for key in ("containerPath", "readOnly"):
        value = json.dumps(ours["MountPoints"][0][key[0].upper() + key[1:]])
        same(f"{key} of the state", f"{key} = {value}" in theirs["mountPoints"], True)
    names = {item["Name"]: item["Value"] for item in ours["Environment"] + with_table["Environment"]}
    same("variables", set(names), set(re.findall(r"(TRAILRISK_\w+) =", written["environment"])))
    for name in ("TRAILRISK_ADMIN__LISTEN", "TRAILRISK_SHUTDOWN__DRAIN_DEADLINE", "TRAILRISK_CHECKPOINT__STORE"):
        expression = re.search(rf"{name} = ([^,]+)", written["environment"])[1]
        same(f"{name}", f'"{names[name]}"' in expression, True)
    same("secrets", {item["Name"] for item in ours["Secrets"]}, set(re.findall(r"([A-Z][A-Z_]+) =", written["secrets"])))


def member():
    template, module = Template("member.yaml", WHOLE["member.yaml"]), Module("member")
    parameters(template, module)
    policies([template], module)
    rule(template, module, Template("member.yaml"))
    alarms(template, module)


def eks_identity():
    module = Module("eks-identity")
    bucket = WHOLE["eks-identity.yaml"]
    association = Template("eks-identity.yaml", bucket)
    irsa = Template("eks-identity.yaml", bucket | {"OidcProvider": "${Oidc}"})
    parameters(association, module)
    policies([association, irsa], module)


for compare in (stream, member, service, eks_identity):
    before = len(DIFFERENCES)
    compare()
    DIFFERENCES[before:] = [f"{compare.__name__}: {line}" for line in DIFFERENCES[before:]]
if DIFFERENCES:
    sys.exit("\n".join(DIFFERENCES))
print("Terraform and CloudFormation say the same")
