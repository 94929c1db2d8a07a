"""Events of Splunk's risk index against the native risk events: `splunk_risk.py NATIVE.ndjson RISK.ndjson`."""

import sys
from collections import Counter

from judge import MISSING, events_of, judge

NAMES = """search_name risk_object risk_object_type risk_score risk_message threat_object threat_object_type analyticstories
annotations annotations.mitre_attack annotations.kill_chain_phases annotations.nist annotations.cis20
savedsearch_description info_min_time info_max_time info_search_time orig_time source_event_id""".split()

native_path, risk_path = sys.argv[1:]
natives = {event["id"]: event for event in events_of(native_path)}


def fields_of(event):
    return {**event["event"], **event.get("fields", {})}


def problems(event):
    fields = fields_of(event)
    native = natives.get(fields.get("source_event_id"))
    if native is None or native["stage"] != "final":
        return ["it belongs to no final risk event"]
    annotations = native["annotations"]
    empty = {f"annotations.{name}" for name, values in annotations.items() if not values}
    empty |= {"analyticstories"} if not annotations["analytic_story"] else set()
    empty |= {"threat_object", "threat_object_type"} if not native["threat_objects"] else set()
    columns = {name for name, value in native["row"].items() if value is not None}
    found = []
    if set(fields) != (set(NAMES) - empty) | columns:
        found.append(f"other names: {sorted(set(fields) ^ ((set(NAMES) - empty) | columns))}")
    if event["source"] != f"ESCU - {native['detection']['name']} - Rule" or event["index"] != "risk":
        found.append("another source or index")
    if any(isinstance(value, list) for value in event["event"].values()):
        found.append("a list in `event`, which Splunk would name otherwise")
    scores = [(o["value"], o["score"]) for o in native["risk_objects"]]
    if (fields.get("risk_object"), fields.get("risk_score")) not in scores:
        found.append("another object or score")
    return found


events = events_of(risk_path)
judge(
    "Splunk risk index",
    events,
    problems,
    [("event.risk_object", MISSING), ("event.risk_score", 1.5), ("event.surprise", 1), ("source", "trailrisk")],
)
expected, added = Counter(), Counter()
for native in natives.values():
    for risk_object in native["risk_objects"]:
        expected[risk_object["value"]] += risk_object["score"]
for event in events:
    added[event["event"]["risk_object"]] += event["event"]["risk_score"]
if expected != added:
    sys.exit("the scores do not add up once a risk object and window")
print(f"Splunk risk index: {sum(added.values())} points on {len(added)} risk objects, as the native risk events say")
