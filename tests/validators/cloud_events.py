"""CloudEvents in JSON, read by the library of their own project: `cloud_events.py EVENTS.ndjson`."""

import json
import sys

from cloudevents.core.bindings.http import HTTPMessage, from_http_event

from judge import MISSING, events_of, judge


def problems(event):
    message = HTTPMessage({"content-type": "application/cloudevents+json"}, json.dumps(event).encode())
    try:
        read = from_http_event(message)
    except Exception as error:  # Whatever the library raises, it has not taken the event.
        return [f"{type(error).__name__}: {error}"]
    data = read.get_data()
    key = f"{data['id']}-{data['stage']}"
    found = []
    # The library guesses a version that is missing.
    if event.get("specversion") != "1.0" or read.get_id() != key:
        found.append("another version, or the id is not the delivery key")
    if read.get_source() != "urn:trailrisk:replay" or read.get_type() != "io.github.trailrisk.risk_event.v1":
        found.append("source or type is another")
    if read.get_time().isoformat() != data["last_event"].replace("Z", "+00:00"):
        found.append("the time is not that of the last event")
    subjects = [str(risk_object["value"])[:256] for risk_object in data["risk_objects"][:1]]
    if [read.get_subject()] != (subjects or [None]):
        found.append("the subject is not the first risk object")
    return found


judge(
    "CloudEvents 1.0",
    events_of(sys.argv[1]),
    problems,
    [
        ("specversion", "2.0"),
        ("specversion", MISSING),
        ("id", MISSING),
        ("id", ""),
        ("source", MISSING),
        ("type", MISSING),
        ("time", "yesterday"),
        ("subject", ""),
        ("data.stage", "early"),
        ("Not_an_attribute", "x"),
    ],
)
