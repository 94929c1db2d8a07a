"""An event of S3 on an event bus, through the rule and the target of deploy/cloudformation/stream.yaml, into the stream,
read by the daemon, received by a webhook. Needs a LocalStack on 127.0.0.1:4566, which run.sh starts.

    whole_path.py EXECUTABLE
"""

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3

HERE = Path(__file__).resolve().parents[2]
ENDPOINT = "http://127.0.0.1:4566"
ADMIN = "127.0.0.1:9464"
PATIENCE = 180
ACCESS = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
STACK = "trailrisk-stream"
received = queue.Queue()


def client(service):
    return boto3.client(service, endpoint_url=ENDPOINT, **ACCESS)


def say(what):
    print(f"{time.monotonic() - began:6.1f} s  {what}", flush=True)


class Receiver(BaseHTTPRequestHandler):
    """The webhook."""

    def do_POST(self):
        received.put((self.headers["Idempotency-Key"], json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def deploy():
    """The stack of the template, with two shards; its outputs."""
    stacks = client("cloudformation")
    given = {"StreamMode": "PROVISIONED", "ShardCount": "2"}
    stacks.create_stack(
        StackName=STACK,
        TemplateBody=(HERE / "deploy/cloudformation/stream.yaml").read_text(),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
    )
    waiter = stacks.get_waiter("stack_create_complete")
    waiter.wait(StackName=STACK, WaiterConfig={"Delay": 2, "MaxAttempts": PATIENCE // 2})
    (stack,) = stacks.describe_stacks(StackName=STACK)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def start(executable, stream, webhook, state):
    """The daemon with the shipped configuration, as far as this differs from AWS."""
    environment = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "TRAILRISK_SOURCE__STREAM": stream,
        "TRAILRISK_SOURCE__ENDPOINT_URL": ENDPOINT,
        "TRAILRISK_SINKS": f"[{{name: soc, type: webhook, url: '{webhook}', allow_http: true, allow_private: true}}]",
        "TRAILRISK_CHECKPOINT__PATH": f"{state}/checkpoint.json",
        "TRAILRISK_DEAD_LETTER__PATH": f"{state}/dead-letters.ndjson",
        "TRAILRISK_ADMIN__LISTEN": ADMIN,
    }
    log = open(f"{state}/log", "w")
    return subprocess.Popen([executable, "run", "--config", HERE / "config/trailrisk.yaml"], env=environment, stderr=log)


def until_answered(url, daemon=None):
    """Asks once a second, until the answer is 200."""
    for _ in range(PATIENCE):
        assert daemon is None or daemon.poll() is None, "the daemon has ended"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(1)
    raise AssertionError(f"no good answer from {url}")


def event(account):
    """The sample as EventBridge wraps it, dated now."""
    sample = json.loads((HERE / "tests/data/cloudtrail/jobcreated_eventbridge.json").read_text())
    now = datetime.now(UTC).replace(microsecond=0)
    detail = sample["detail"] | {"eventTime": now.isoformat().replace("+00:00", "Z")}
    detail["eventID"] = f"00000000-0000-4000-8000-{account}"
    return {"Source": sample["source"], "DetailType": sample["detail-type"], "Detail": json.dumps(detail), "Time": now}


def put(entry):
    answer = client("events").put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0, answer


def records(stream):
    """Everything in the stream: (partition key, document)."""
    kinesis, found = client("kinesis"), []
    for shard in kinesis.list_shards(StreamARN=stream)["Shards"]:
        given = {"StreamARN": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = kinesis.get_shard_iterator(**given)["ShardIterator"]
        answer = kinesis.get_records(ShardIterator=iterator, StreamARN=stream)
        found += [(record["PartitionKey"], json.loads(record["Data"])) for record in answer["Records"]]
    return found


def main(executable):
    until_answered(f"{ENDPOINT}/_localstack/health")
    stream = deploy()["StreamArn"]
    say(f"the stack of stream.yaml is there: {stream}")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as state:
        daemon = start(executable, stream, f"http://127.0.0.1:{server.server_port}/hook", state)
        try:
            until_answered(f"http://{ADMIN}/readyz", daemon)
            say("the daemon is ready")
            # The first does not pass the pattern, whatever the daemon would make of it.
            put(event("222222222222") | {"DetailType": "AWS API Call via CloudTrail"})
            put(event("111111111111"))
            say("two events are on the default bus, of which one passes the rule's pattern")
            key, risk = received.get(timeout=PATIENCE)
            say(f"the webhook has received {key}: {risk['stage']}, {risk['severity']}, {risk['risk_message']}")
            assert risk["stage"] == "early" and risk["event_count"] == 1, risk
            evidence = [item["event_id"] for item in risk["evidence"]]
            assert evidence == ["00000000-0000-4000-8000-111111111111"], evidence
            ((partition_key, document),) = records(stream)
            say(f"one record in the stream, partition key {partition_key}, detail-type {document['detail-type']!r}")
            assert partition_key == document["account"], "PartitionKeyPath is $.account"
            daemon.send_signal(signal.SIGTERM)
            assert daemon.wait(PATIENCE) == 0
            assert received.empty(), received.get()
            say("SIGTERM: exit code 0, nothing more was sent")
        finally:
            daemon.kill()
            sys.stderr.write(Path(f"{state}/log").read_text() if sys.exc_info()[0] else "")


began = time.monotonic()
main(os.path.realpath(sys.argv[1]))
