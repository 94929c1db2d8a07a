#!/usr/bin/env python3
"""The expressions of the dashboard, as Prometheus gets them.

    dashboard.py rules     a file of rules with each expression in it, for `promtool check rules`: promtool of Debian parses
                           expressions nowhere else
"""

import json
import sys
from pathlib import Path

DASHBOARD = Path(__file__).resolve().parents[2] / "deploy/grafana/trailrisk.json"
# What Grafana puts there: every job and instance, and a range of some scrapes.
VARIABLES = {"$__rate_interval": "1m", "$job": ".+", "$instance": ".+"}


def expressions():
    """Title of the panel and expression, of every query and of the annotations."""
    dashboard = json.loads(DASHBOARD.read_text())
    queries = [(panel["title"], target["expr"]) for panel in dashboard["panels"] for target in panel.get("targets", [])]
    queries += [(note["name"], note["expr"]) for note in dashboard["annotations"]["list"]]
    return [(title, substituted(expression)) for title, expression in queries]


def substituted(expression):
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    if "$" in expression:
        sys.exit(f"a variable that nobody sets: {expression}")
    return expression


def rules():
    """JSON is YAML."""
    recorded = [{"record": f"dashboard:{number}", "expr": expr} for number, (_, expr) in enumerate(expressions())]
    return json.dumps({"groups": [{"name": "dashboard", "rules": recorded}]}, indent=1)


if __name__ == "__main__":
    if sys.argv[1:] != ["rules"]:
        sys.exit(__doc__)
    print(rules())
