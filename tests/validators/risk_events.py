"""Native risk events against the published JSON Schema: `risk_events.py SCHEMA EVENTS.ndjson`."""

import json
import sys

from jsonschema import Draft202012Validator, FormatChecker

from judge import MISSING, events_of, judge

schema_path, path = sys.argv[1:]
with open(schema_path, encoding="utf-8") as file:
    schema = json.load(file)
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema, format_checker=FormatChecker())


def problems(event):
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(event)]


judge(
    "risk events",
    events_of(path),
    problems,
    [("id", MISSING), ("stage", "update"), ("risk_score", 101), ("row", []), ("meta.surprise", 1), ("partial", False)],
)
