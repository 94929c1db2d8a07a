"""Runs the image of run.sh under runc, as its own configuration, the ECS template and the Kubernetes overlay say.

    container.py IMAGE.json ROOT DEMO SCRATCH
"""

import json
import os
import subprocess
import sys
import time
import tomllib
import urllib.request
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(HERE / "tests/deploy"))
from cfn import Template  # noqa: E402

PATIENCE = 60
image, root, demo, scratch = json.loads(Path(sys.argv[1]).read_text()), *map(Path, sys.argv[2:5])
config = image["Docker"]["config"]
TRAILRISK = "/usr/local/bin/trailrisk"
STREAM = "arn:aws:kinesis:us-east-1:000000000000:stream/cloudtrail"


def ok(what):
    print(f"ok      {what}")


class Kinesis:
    """The in-process Kinesis of the demo."""

    def __init__(self):
        self.process = subprocess.Popen([demo, "kinesis", "2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()

    def job(self, account):
        self.process.stdin.write(f"job {account}\n")
        self.process.stdin.flush()

    def stop(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE)


class Container:
    """One container of the image: read-only root, no capabilities, no new privileges, user and group of the image."""

    def __init__(self, name, arguments, environment=(), mounts=()):
        self.name, self.bundle = name, scratch / f"bundle-{name}"
        self.bundle.mkdir()
        user, group = (int(part) for part in config["User"].split(":"))
        kinds = ("bounding", "effective", "permitted", "inheritable", "ambient")
        spec = {
            "ociVersion": "1.0.2",
            "root": {"path": str(root), "readonly": True},
            "process": {
                "user": {"uid": user, "gid": group},
                "cwd": config.get("WorkingDir") or "/",
                "args": arguments,
                "env": [*config["Env"], *(f"{key}={value}" for key, value in dict(environment).items())],
                "noNewPrivileges": True,
                "capabilities": {kind: [] for kind in kinds},
            },
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
                *(
                    {"destination": where, "type": "bind", "source": str(source), "options": ["rbind", mode]}
                    for where, source, mode in mounts
                ),
            ],
            # The network is that of the namespace in which all of this runs.
            "linux": {"namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts")]},
        }
        (self.bundle / "config.json").write_text(json.dumps(spec))
        self.log = open(self.bundle / "log", "w+")
        command = ["runc", "--root", scratch / "runc", "run", "--bundle", self.bundle, name]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True)

    def ended(self):
        """Exit code and what it wrote."""
        out, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, self.said()

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def line(self):
        """The next risk event."""
        line = self.process.stdout.readline()
        assert line, f"{self.name} ended without a risk event: {self.said()}"
        return json.loads(line)

    def runc(self, *arguments):
        return subprocess.run(["runc", "--root", scratch / "runc", *arguments], capture_output=True, text=True, timeout=PATIENCE)

    def exec(self, arguments):
        return self.runc("exec", self.name, *arguments)

    def held(self):
        """What the kernel says of its process."""
        pid = json.loads(self.runc("state", self.name).stdout)["pid"]
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
        mounts = [line.split() for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines()]
        options = next(fields[5].split(",") for fields in mounts if fields[4] == "/")
        return status["Uid"].split(), status["Gid"].split(), int(status["CapEff"], 16), status["NoNewPrivs"], options

    def stop(self, seconds):
        assert self.runc("kill", self.name, config["StopSignal"].removeprefix("SIG")).returncode == 0
        out, _ = self.process.communicate(timeout=seconds)
        return self.process.returncode, out.splitlines(), self.said()


def judge_the_image():
    """What its configuration must say, whoever runs it."""
    version = tomllib.loads((HERE / "Cargo.toml").read_text())["package"]["version"]
    assert config["User"] == "65532:65532", config["User"]
    assert config["Entrypoint"] == [TRAILRISK], config["Entrypoint"]
    assert config["StopSignal"] == "SIGTERM", config["StopSignal"]
    check = config["Healthcheck"]
    assert check["Test"] == ["CMD", TRAILRISK, "healthcheck", *config["Cmd"][1:]], check
    assert check["Timeout"] < check["Interval"], check
    labels = {key.removeprefix("org.opencontainers.image."): value for key, value in config["Labels"].items()}
    for key in ("title", "description", "source", "licenses", "version", "revision", "created"):
        assert labels.get(key), f"the image has no label {key}"
    assert (labels["version"], labels["revision"]) == (version, "0ebccac"), labels
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    assert not [path for path in files if path.stat().st_mode & 0o6000], "a file is setuid or setgid"
    assert not (root / "bin/sh").exists()
    state = root / "var/lib/trailrisk"
    assert (state.stat().st_uid, state.stat().st_gid) == (65532, 65532), "nobody but root could write the state"
    ok(f"the image's user, entry point, health check, labels; {sum(path.stat().st_size for path in files) >> 20} MiB")
    return version


def judge_commands(version):
    """Commands that need nothing from outside."""
    code, out, _ = Container("version", [*config["Entrypoint"], "--version"]).ended()
    assert code == 0 and out.startswith(f"trailrisk {version} (revision "), out
    code, _, log = Container("check", [TRAILRISK, "check", *config["Cmd"][1:]]).ended()
    assert code == 0, log
    code, _, log = Container("alone", config["Healthcheck"]["Test"][1:]).ended()
    assert code == 1 and "no answer" in log, (code, log)
    ok(f"--version ({out.strip()}), check, and a health check without a daemon, which fails")


def emulated(url):
    """What a daemon needs that has no AWS."""
    keys = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_EC2_METADATA_DISABLED": "true"}
    return keys | {"TRAILRISK_SOURCE__ENDPOINT_URL": url}


def judge_a_running(container, user=("65532",) * 4):
    uid, gid, capabilities, no_new_privileges, options = container.held()
    assert uid == gid == list(user), (uid, gid)
    assert capabilities == 0 and no_new_privileges == "1" and "ro" in options, (capabilities, no_new_privileges, options)


def judge_ecs(kinesis):
    """As the task definition of deploy/cloudformation says, twice: the second goes on where the first ended."""
    given = {"StreamArn": STREAM, "Image": "trailrisk"}
    (task,) = Template("service.yaml", given).the("AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    environment = {item["Name"]: item["Value"] for item in task["Environment"]}
    environment |= {item["Name"]: f"secret-{item['Name']}" for item in task["Secrets"]} | emulated(kinesis.url)
    state = scratch / "state"
    state.mkdir()
    os.chown(state, 65532, 65532)
    mounts = [(mount["ContainerPath"], state, "ro" if mount["ReadOnly"] else "rw") for mount in task["MountPoints"]]
    environment["TRAILRISK_SOURCE__START"] = "trim_horizon"
    seen = []
    for number, account in enumerate(["111111111111", "222222222222"]):
        container = Container(f"ecs-{number}", [*config["Entrypoint"], *config["Cmd"]], environment, mounts)
        kinesis.job(account)
        seen.append(container.line())
        assert seen[-1]["group"]["aws_account_id"] == account, seen
        judge_a_running(container)
        healthy = container.exec(task["HealthCheck"]["Command"][1:])
        assert healthy.returncode == 0, healthy.stderr
        code, more, log = container.stop(task["StopTimeout"])
        assert code == 0 and not more and "drained, last checkpoint stored" in log, (code, more, log)
        checkpoint = state / "checkpoint.json"
        assert (checkpoint.stat().st_uid, checkpoint.stat().st_mode & 0o777) == (65532, 0o600), checkpoint.stat()
    ok("the daemon as in the ECS task: read-only root, user 65532, no capabilities; alert, health, SIGTERM, and it goes on")


def config_map(name, data):
    """A folder such as the kubelet makes of a ConfigMap or Secret: links to a hidden folder, which it can exchange."""
    folder = scratch / name
    (folder / "..2026_01_31").mkdir(parents=True)
    (folder / "..data").symlink_to("..2026_01_31")
    for key, text in data.items():
        (folder / "..data" / key).write_text(text)
        (folder / key).symlink_to(f"..data/{key}")
    return folder


def answered(url, timeout):
    """Whether a probe succeeds; it asks again, as the kubelet does."""
    for _ in range(PATIENCE):
        try:
            with urllib.request.urlopen(url, timeout=timeout):
                return True
        except OSError:
            time.sleep(1)
    return False


def judge_kubernetes(kinesis):
    """As the pod of an overlay says."""
    overlay = HERE / "deploy/kubernetes/overlays/irsa-volume"
    kubectl = os.environ.get("KUBECTL", "kubectl")
    rendered = subprocess.run([kubectl, "kustomize", overlay], capture_output=True, text=True, check=True).stdout
    objects = {(item["kind"], item["metadata"]["name"]): item for item in yaml.safe_load_all(rendered)}
    pod = objects["Deployment", "trailrisk"]["spec"]["template"]["spec"]
    (spec,) = pod["containers"]
    environment = {}
    for source in spec["envFrom"]:
        environment |= objects["ConfigMap", source["configMapRef"]["name"]]["data"]
    environment |= emulated(kinesis.url) | {"AWS_REGION": "us-east-1", "TRAILRISK_SOURCE__STREAM": STREAM}
    environment["TRAILRISK_SOURCE__START"] = "trim_horizon"
    folders = {}
    for volume in pod["volumes"]:
        if "configMap" in volume:
            folders[volume["name"]] = config_map(volume["name"], objects["ConfigMap", volume["configMap"]["name"]]["data"])
        elif "secret" in volume:
            folders[volume["name"]] = config_map(volume["name"], {"sampling-key": "0123456789abcdef"})
        else:
            folders[volume["name"]] = scratch / "claim"
            folders[volume["name"]].mkdir()
            os.chown(folders[volume["name"]], 65532, pod["securityContext"]["fsGroup"])
    mounts = [
        (mount["mountPath"], folders[mount["name"]], "ro" if mount.get("readOnly") else "rw") for mount in spec["volumeMounts"]
    ]
    container = Container("pod", [*config["Entrypoint"], *spec["args"]], environment, mounts)
    kinesis.job("333333333333")
    container.line()
    judge_a_running(container)
    ports = {port["name"]: port["containerPort"] for port in spec["ports"]}
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        probe = spec[name]["httpGet"]
        url = f"http://127.0.0.1:{ports[probe['port']]}{probe['path']}"
        assert answered(url, spec[name]["timeoutSeconds"]), f"{name}: {container.said()}"
    code, _, log = container.stop(pod["terminationGracePeriodSeconds"])
    assert code == 0, log
    assert '"detections":1,' in log, f"the ConfigMap's links are read as files of their own: {log}"
    ok("the daemon as in the pod of Kubernetes: configuration, detections and secret as mounted, probes, SIGTERM")


judge_commands(judge_the_image())
kinesis = Kinesis()
try:
    judge_ecs(kinesis)
    judge_kubernetes(kinesis)
finally:
    kinesis.stop()
