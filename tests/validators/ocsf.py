"""OCSF findings against the schema of their own version: `ocsf.py 1.8.0 FINDINGS.ndjson`."""

import sys

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from judge import MISSING, events_of, judge

version, path = sys.argv[1:]
schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version)).get_class_schema("detection_finding", ["cloud"])
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)


def problems(finding):
    found = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(finding)]
    # What JSON Schema cannot say.
    if finding["metadata"].get("version") != version:
        found.append("another version than the schema's")
    if finding["type_uid"] != finding["class_uid"] * 100 + finding["activity_id"]:
        found.append("type_uid is not made of class and activity")
    for observable in finding.get("observables", []):
        place = finding
        prefix = "unmapped.row."
        if not observable["name"].startswith(prefix):
            found.append(f"{observable['name']} points nowhere")
            continue
        value = finding["unmapped"]["row"].get(observable["name"].removeprefix(prefix))
        values = value if isinstance(value, list) else [value]
        if observable["value"] not in [str(value) for value in values]:
            found.append(f"{observable['name']} does not lead to {observable['value']!r}")
    return found


judge(
    f"OCSF {version}",
    events_of(path),
    problems,
    [
        ("class_uid", 2005),
        ("activity_id", 7),
        ("type_uid", 200401),
        ("severity_id", "4"),
        ("risk_level_id", 9),
        ("time", "2023-04-24T23:51:17Z"),
        ("time", MISSING),
        ("metadata.version", "1.0.0"),
        ("metadata.product", {"vendor_name": "trailrisk"}),
        ("cloud", MISSING),
        ("cloud.provider", MISSING),
        ("finding_info.uid", MISSING),
        ("finding_info.analytic.type_id", MISSING),
        ("finding_info.attacks.0", {"version": "1"}),
        ("finding_info.related_events.0.uid", MISSING),
        ("observables.0.type_id", 1000),
        ("observables.0.name", "unmapped.row.nowhere"),
        ("evidences.0", {}),
        ("evidences.0.src_endpoint", {"ip": "not an address"}),
        ("surprise", 1),
    ],
)
