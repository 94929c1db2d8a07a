"""What the validators share: every event must pass, and every planted fault must be refused."""

import copy
import json
import sys

MISSING = object()


def events_of(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def plant(event, path, value):
    """A copy with another value at a path such as `cloud.provider`; MISSING takes the member away."""
    wrong = copy.deepcopy(event)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place = wrong
    for part in parents:
        place = place[part]
    if value is MISSING:
        del place[last]
    else:
        place[last] = value
    return wrong


def judge(name, events, problems, faults):
    """`problems(event)` gives what is wrong with an event; `faults` are planted in the first one."""
    if not events:
        sys.exit(f"{name}: there is no event to judge")
    for number, event in enumerate(events, 1):
        if found := problems(event):
            sys.exit(f"{name}: event {number}: {found}\n{json.dumps(event)}")
    for path, value in faults:
        if not problems(plant(events[0], path, value)):
            sys.exit(f"{name}: the planted fault {path} = {value!r} is let through")
    print(f"{name}: {len(events)} events pass, {len(faults)} planted faults are refused")
