"""What AWS would refuse late is refused before anything is made, by the template and by the module alike.

    refusals.py        asks Terraform, where there is one, with the variables of the module alone: they need no provider
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from cfn import Template, snake
from hcl import FOLDER

GIVEN = {
    "StreamArn": "arn:aws:kinesis:eu-west-1:111122223333:stream/trailrisk",
    "KeyArn": "arn:aws:kms:eu-west-1:111122223333:key/0123",
    "ReaderPolicyArn": "arn:aws:iam::111122223333:policy/reader",
    "Image": "trailrisk",
    "VpcId": "vpc-0123",
    "SubnetA": "subnet-0123",
    "SubnetB": "subnet-4567",
}
ENDPOINTS = {"CreateEndpoints": "true"}
TABLES = {"RouteTableIds": "rtb-0123,rtb-4567"}
# Parameters, and the word that the refusal holds; none where they can be used.
CASES = [
    ({}, None),
    (ENDPOINTS | TABLES, None),
    ({"LeaseTableName": "lease"} | ENDPOINTS | TABLES, None),
    (ENDPOINTS, "route tables of the subnets"),
    ({"SubnetB": "subnet-0123"}, "in two zones"),
    ({"LeaseTableName": "lease", "SubnetB": "subnet-0123"} | ENDPOINTS | TABLES, "in two zones"),
    ({"Memory": "1024"}, "in steps of 1024"),
    ({"Memory": "9216"}, "in steps of 1024"),
    ({"Memory": "2560"}, "in steps of 1024"),
    ({"Cpu": "256", "Memory": "512"}, None),
    ({"Cpu": "256", "Memory": "4096"}, "512, 1024 or 2048"),
    ({"Cpu": "512", "Memory": "4096"}, None),
    ({"Cpu": "512", "Memory": "512"}, "in steps of 1024"),
    ({"Cpu": "2048", "Memory": "16384"}, None),
    ({"Cpu": "2048"}, "in steps of 1024"),
    ({"Cpu": "4096", "Memory": "30720"}, None),
    ({"Cpu": "4096", "Memory": "31744"}, "in steps of 1024"),
]


def variables(parameters):
    """The same for the module."""
    given = dict(parameters)
    subnets = [given.pop("SubnetA"), given.pop("SubnetB")]
    lists = {"route_table_ids": given.pop("RouteTableIds").split(",")} if "RouteTableIds" in given else {}
    return {snake(key): value for key, value in given.items()} | lists | {"subnet_ids": subnets}


def refused_by_terraform(folder, parameters):
    (folder / "case.tfvars.json").write_text(json.dumps(variables(parameters)))
    command = ["terraform", "plan", "-input=false", "-no-color", "-var-file=case.tfvars.json"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return "" if run.returncode == 0 else " ".join(run.stderr.replace("│", "").split())


def differs(case, refusal, expected):
    fits = not refusal if expected is None else expected in refusal
    return [] if fits else [f"{case}: expected {expected!r}, got {refusal!r}"]


def main():
    found = []
    for case, expected in CASES:
        found += differs(case, " ".join(Template("service.yaml", GIVEN | case).refusals()), expected)
    if shutil.which("terraform"):
        with tempfile.TemporaryDirectory() as name:
            shutil.copy(FOLDER / "service/variables.tf", name)
            for case, expected in CASES:
                found += differs(case, refused_by_terraform(Path(name), GIVEN | case), expected)
    else:
        print("no terraform here: what the module refuses is not judged")
    if found:
        sys.exit("\n".join(found))
    print("What AWS would refuse late is refused at once")


main()
