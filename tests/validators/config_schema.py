"""The shipped configuration against the printed JSON Schema: `config_schema.py SCHEMA CONFIG.yaml`."""

import json
import re
import sys

import yaml
from jsonschema import Draft202012Validator

from judge import MISSING, judge

schema_path, config_path = sys.argv[1:]
with open(schema_path, encoding="utf-8") as file:
    schema = json.load(file)
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
with open(config_path, encoding="utf-8") as file:
    shipped = file.read()
# Its examples stand behind `#~`; with them in force, every key of every kind of sink is there.
exemplary = re.sub(r"(?m)^( +)(lookups|settings): (\{\}|\[\])$", r"\1\2:", shipped)
exemplary = re.sub(r"(?m)#~ ?", "", exemplary)


def problems(config):
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(config)]


judge(
    "configuration",
    [yaml.safe_load(exemplary), yaml.safe_load(shipped)],
    problems,
    [
        ("source.stream", MISSING),
        ("source.poll_intervall", "1s"),
        ("source.poll_interval", 1),
        ("detections.window", "1 hour"),
        ("sinks.0.type", "webhok"),
        ("sinks.2.url", "http://soc.example.com"),
        ("sinks.0.url", "https://soc.example.com"),
        ("log.format", "jsn"),
    ],
)
