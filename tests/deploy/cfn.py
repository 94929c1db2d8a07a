"""Templates of CloudFormation as they are with given parameters: conditions decided, references followed.

What only AWS knows stands in the result as text: `${Resource}`, `${Resource.Attribute}`, `${AWS::Region}`.

    cfn.py FOLDER      writes each template with everything that it can make, for validators that take the defaults
"""

import json
import re
import sys
from pathlib import Path

import yaml

FOLDER = Path(__file__).resolve().parents[2] / "deploy/cloudformation"
NOTHING = object()
TOPIC = "arn:aws:sns:eu-west-1:111122223333:alarms"
KEY = "arn:aws:kms:eu-west-1:111122223333:key/0123"
# Parameters with which a template makes all that it can.
WHOLE = {
    "stream.yaml": {
        "OrganizationId": "o-0123456789",
        "FanOutConsumer": "trailrisk",
        "LeaseTable": "create",
        "EventScope": "broad",
        "ReadOnlyManagementEvents": "true",
        "StreamMode": "PROVISIONED",
        "AlarmTopicArn": TOPIC,
    },
    "member.yaml": {"EventScope": "broad", "ReadOnlyManagementEvents": "true", "AlarmTopicArn": TOPIC},
    "service.yaml": {
        "ConsumerArn": "arn:aws:kinesis:eu-west-1:111122223333:stream/trailrisk/consumer/trailrisk:1",
        "MetricsCidr": "10.0.0.0/8",
        "SinkPort": 8088,
        "SinkSecretArn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:sink",
        "SinkSecretKeyArn": KEY,
        "ImageRepositoryArn": "arn:aws:ecr:eu-west-1:111122223333:repository/trailrisk",
        "DeadLetterUrl": "s3://bucket/prefix",
        "DeadLetterKeyArn": KEY,
        "CreateEndpoints": "true",
        "RouteTableIds": "rtb-0123,rtb-4567",
    },
    "eks-identity.yaml": {"DeadLetterUrl": "s3://bucket/prefix", "DeadLetterKeyArn": KEY},
}


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms."""


def snake(name):
    """A parameter's name as Terraform writes it."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def short_form(loader, tag, node):
    name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if tag == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {name: value}


yaml.add_multi_constructor("!", short_form, Loader)


class Template:
    """One template under some parameters; the others have their defaults."""

    def __init__(self, name, parameters=None):
        self.text = (FOLDER / name).read_text()
        self.raw = yaml.load(self.text, Loader)
        self.parameters = {key: value.get("Default") for key, value in self.raw["Parameters"].items()}
        unknown = set(parameters or {}) - set(self.parameters)
        assert not unknown, f"{name} has no parameter {unknown}"
        self.parameters |= parameters or {}
        self.resources = {
            key: self.value(resource["Properties"]) | {"Type": resource["Type"]}
            for key, resource in self.raw["Resources"].items()
            if "Condition" not in resource or self.condition(resource["Condition"])
        }

    def of_type(self, kind):
        """All resources of this type, by name."""
        return {key: resource for key, resource in self.resources.items() if resource["Type"] == kind}

    def the(self, kind):
        """The one resource of this type."""
        (resource,) = self.of_type(kind).values()
        return resource

    def refusals(self):
        """What CloudFormation says of these parameters before it makes anything."""
        for rule in self.raw.get("Rules", {}).values():
            if self.value(rule.get("RuleCondition", True)):
                failed = (it for it in rule["Assertions"] if not self.value(it["Assert"]))
                yield from (it["AssertDescription"] for it in failed)

    def condition(self, name):
        return self.value(self.raw["Conditions"][name])

    def value(self, node):
        if isinstance(node, list):
            values = [self.value(item) for item in node]
            return [value for value in values if value is not NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((key, argument),) = node.items()
            if key in ("Ref", "Condition") or key.startswith("Fn::"):
                return self.function(key.removeprefix("Fn::"), argument)
        values = {key: self.value(value) for key, value in node.items()}
        return {key: value for key, value in values.items() if value is not NOTHING}

    def function(self, name, argument):
        if name == "Condition":
            # In the trust policy of a role, `Condition` is a key of IAM's and no function.
            return self.condition(argument) if isinstance(argument, str) else {"Condition": self.value(argument)}
        if name == "If":
            condition, then, otherwise = argument
            return self.value(then if self.condition(condition) else otherwise)
        if name == "Ref":
            return self.reference(argument)
        if name == "GetAtt":
            return "${" + ".".join(argument) + "}"
        if name == "Sub":
            return self.substituted(argument)
        argument = self.value(argument)
        functions = {
            "Equals": lambda: argument[0] == argument[1],
            "Not": lambda: not argument[0],
            "And": lambda: all(argument),
            "Or": lambda: any(argument),
            "Contains": lambda: argument[1] in argument[0],
            "Select": lambda: argument[1][int(argument[0])] if len(argument[1]) > int(argument[0]) else "",
            "Split": lambda: argument[1].split(argument[0]),
            "Join": lambda: argument[0].join(argument[1]),
        }
        return functions[name]()

    def reference(self, name):
        if name == "AWS::NoValue":
            return NOTHING
        return self.parameters[name] if name in self.parameters else "${" + name + "}"

    def substituted(self, argument):
        text, local = argument if isinstance(argument, list) else (argument, {})
        for key, value in {**self.parameters, **self.value(local)}.items():
            text = text.replace("${" + key + "}", str(value))
        return text


def whole(name, parameters=()):
    """A template in JSON whose defaults are those of [WHOLE] and these parameters."""
    raw = yaml.load((FOLDER / name).read_text(), Loader)
    for key, value in {**WHOLE[name], **dict(parameters)}.items():
        raw["Parameters"][key]["Default"] = value
    return json.dumps(raw, indent=1)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    for template in WHOLE:
        (target / template).with_suffix(".json").write_text(whole(template))
    (target / "service-table.json").write_text(whole("service.yaml", {"LeaseTableName": "lease"}))
