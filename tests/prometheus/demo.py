#!/usr/bin/env python3
"""A real Prometheus scrapes a daemon that runs, with the configuration and rules of deploy/prometheus.

    demo.py URL            the address of the daemon's status page

The only changes: its target, and a second between two scrapes and two evaluations, for a demo that is over soon. Ends with 0
if the target is up, every rule was evaluated, every query of the dashboard has an answer, and no alert fires but the one for
the broken record that the demo puts.
"""

import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from dashboard import expressions

SHIPPED = Path(__file__).resolve().parents[2] / "deploy/prometheus"
PATIENCE_S = 120
# The demo puts a record that is no JSON.
EXPECTED = {"TrailriskDeadLetters"}
# Empty while all is well: no filter of the demo expires, and it does not restart.
MAY_BE_EMPTY = {"Restarts"}


class Prometheus:
    """A process in a folder of its own, ended by its own id."""

    def __init__(self, target):
        self.folder = tempfile.TemporaryDirectory()
        folder = Path(self.folder.name)
        for rules in ("alerts.yaml", "recording.yaml"):
            shutil.copy(SHIPPED / rules, folder)
        text = (SHIPPED / "prometheus.yml").read_text()
        for shipped, changed in (("127.0.0.1:9464", target), ("_interval: 15s", "_interval: 1s")):
            if shipped not in text:
                sys.exit(f"prometheus.yml has no {shipped!r}")
            text = text.replace(shipped, changed)
        (folder / "prometheus.yml").write_text(text)
        # Nobody else is given the port before Prometheus asks for it: this socket holds it, and does not listen.
        self.reserved = socket.socket()
        self.reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.reserved.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.reserved.getsockname()[1]}"
        self.log = open(folder / "log", "w+")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address={self.address}"],
            stdout=self.log, stderr=self.log)

    def api(self, path, **parameters):
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5) as answer:
            return json.load(answer)["data"]

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self.log.seek(0)
        said = self.log.read()
        self.log.close()
        self.reserved.close()
        self.folder.cleanup()
        return code, said


def wrong(prometheus):
    """What is not as it should be, yet."""
    targets = prometheus.api("targets")["activeTargets"]
    rules = [rule for group in prometheus.api("rules")["groups"] for rule in group["rules"]]
    alerts = prometheus.api("alerts")["alerts"]
    found = [f"{target['scrapeUrl']} is {target['health']}: {target['lastError']}" for target in targets
             if target["health"] != "up"]
    found += [f"rule {rule['name']} is {rule['health']}: {rule.get('lastError')}" for rule in rules
              if rule["health"] != "ok"]
    if len(targets) != 1 or len(rules) < 15:
        found.append(f"{len(targets)} targets, {len(rules)} rules")
    firing = {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}
    if firing != EXPECTED:
        found.append(f"{sorted(firing)} fire, not {sorted(EXPECTED)}")
    pending = {alert["labels"]["alertname"] for alert in alerts} - firing
    if pending:
        found.append(f"{sorted(pending)} are about to fire")
    for title, expression in expressions():
        empty = not prometheus.api("query", query=expression)["result"]
        if empty and title not in MAY_BE_EMPTY:
            found.append(f"dashboard, {title}: nothing for {expression}")
    return found


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    prometheus = Prometheus(urllib.parse.urlsplit(sys.argv[1]).netloc)
    deadline = time.monotonic() + PATIENCE_S
    found = ["it was not asked yet"]
    try:
        while found and time.monotonic() < deadline and prometheus.process.poll() is None:
            try:
                found = wrong(prometheus)
            except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
                found = [f"Prometheus does not answer: {error}"]
            time.sleep(0.5)
    finally:
        code, said = prometheus.end()
    if code != 0:
        found.append(f"Prometheus ended with {code}:\n{said}")
    for one in found:
        print(f"  FAILED {one}")
    if not found:
        print(f"  ok     a Prometheus scrapes it; every rule and query has an answer; only {sorted(EXPECTED)} fires")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
