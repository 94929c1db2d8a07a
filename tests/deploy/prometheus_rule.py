"""Writes the PrometheusRule of deploy/kubernetes from deploy/prometheus: the same groups, one level deeper.

    prometheus_rule.py            writes it
    prometheus_rule.py --check    says whether it is what would be written
"""

import difflib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ["alerts.yaml", "recording.yaml"]
TARGET = ROOT / "deploy/kubernetes/components/prometheus-operator/prometheus-rule.yaml"
HEAD = """\
# Made by tests/deploy/prometheus_rule.py from deploy/prometheus/alerts.yaml and recording.yaml; edit those.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: trailrisk
spec:
  groups:
"""


def groups(name):
    text = (ROOT / "deploy/prometheus" / name).read_text()
    _, separator, below = text.partition("\ngroups:\n")
    if not separator:
        sys.exit(f"deploy/prometheus/{name} has no line `groups:`")
    return "".join(f"  {line}" if line.strip() else line for line in below.splitlines(keepends=True))


wanted = HEAD + "".join(groups(name) for name in SOURCES)
if sys.argv[1:] == ["--check"]:
    found = TARGET.read_text()
    if found != wanted:
        diff = difflib.unified_diff(found.splitlines(), wanted.splitlines(), "shipped", "wanted", lineterm="", n=1)
        sys.exit("\n".join(diff) + "\nrun tests/deploy/prometheus_rule.py")
else:
    TARGET.write_text(wanted)
