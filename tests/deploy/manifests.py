"""What must hold of the task and the pod, and what no validator knows: it depends on the daemon, or on another file.

    manifests.py RENDERED...      each overlay as `kubectl kustomize` writes it
"""

import json
import re
import sys
import tomllib
from pathlib import Path

import yaml

from cfn import Template

HERE = Path(__file__).resolve().parents[2]
PROBLEMS = []
SIZES = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}
# What the daemon, the kubelet or ECS needs between the deadline and the kill.
# The last save, the release of the store, the runtime's end.
SPARE_SECONDS = 10
POD_SECURITY_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def must(condition, what):
    if not condition:
        PROBLEMS.append(what)


def size(text):
    number, unit = re.fullmatch(r"(\d+)(\w+)", text).groups()
    return int(number) * SIZES[unit]


def seconds(text):
    return int(re.fullmatch(r"(\d+)s", text)[1])


def defaults():
    return yaml.safe_load((HERE / "config/trailrisk.yaml").read_text())


def memory_needed(state):
    """docs/security.md, Memory."""
    return 5 * state + 4 * size(defaults()["limits"]["max_inflated_bytes"]) + (96 << 20)


class Dockerfile:
    """The last values of its instructions."""

    def __init__(self):
        text = re.sub(r"\\\n", " ", (HERE / "Dockerfile").read_text())
        self.lines = [line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#")]

    def all(self, name):
        return [rest for instruction, rest in self.lines if instruction == name]

    def last(self, name):
        return self.all(name)[-1]


def dockerfile():
    """What hadolint does not judge."""
    file = Dockerfile()
    must(file.last("USER") == "65532:65532", "Dockerfile: USER is not 65532:65532")
    must(json.loads(file.last("ENTRYPOINT")) == ["/usr/local/bin/trailrisk"], "Dockerfile: ENTRYPOINT is not the executable alone")
    must(file.last("STOPSIGNAL") == "SIGTERM", "Dockerfile: STOPSIGNAL is not SIGTERM")
    must("RUNTIME=gcr.io/distroless/cc-debian12:nonroot" in file.all("ARG"), "Dockerfile: the default base is not distroless")
    must(file.all("FROM") == ["${BUILDER} AS builder", "${RUNTIME}"], "Dockerfile: a base is no argument")
    builds = [run for run in file.all("RUN") if "cargo build" in run]
    must(len(builds) == 2, "Dockerfile: the dependencies are no layer of their own")
    must(all("--locked" in run and "--release" in run for run in builds), "Dockerfile: a build without --locked")
    order = [instruction + " " + rest.split()[0] for instruction, rest in file.lines]
    must(order.index("COPY Cargo.toml") < order.index("RUN mkdir") < order.index("COPY src"), "Dockerfile: src comes before the dependencies")
    return file


def variables(names, where):
    """Each names a key of the configuration: an unknown one ends the daemon at once."""
    schema = json.loads((HERE / "docs/configuration.schema.json").read_text())
    for name in names:
        if not name.startswith("TRAILRISK_"):
            continue
        node = schema
        for part in name.removeprefix("TRAILRISK_").lower().split("__"):
            node = node.get("properties", {}).get(part)
            if node is None:
                must(False, f"{where}: {name} names no key of the configuration")
                break
            if "$ref" in node and node["$ref"].startswith("#/$defs/"):
                node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]] | {key: value for key, value in node.items() if key != "$ref"}


def task(file):
    """The task of ECS, with either place for the checkpoint."""
    for where, given in (("ECS with EFS", {}), ("ECS with DynamoDB", {"LeaseTableName": "lease", "DeadLetterUrl": "s3://bucket/x", "ConsumerArn": "arn"})):
        template = Template("service.yaml", given)
        definition, service = template.the("AWS::ECS::TaskDefinition"), template.the("AWS::ECS::Service")
        (container,) = definition["ContainerDefinitions"]
        environment = {item["Name"]: item["Value"] for item in container["Environment"]}
        variables([*environment, *(item["Name"] for item in container["Secrets"])], where)
        must(container["User"] == file.last("USER"), f"{where}: the user is not that of the image")
        must(container["ReadonlyRootFilesystem"] is True, f"{where}: the root file system can be written")
        must(container["LinuxParameters"]["Capabilities"]["Drop"] == ["ALL"], f"{where}: capabilities are left")
        health(container["HealthCheck"], file, where)
        drain = seconds(environment["TRAILRISK_SHUTDOWN__DRAIN_DEADLINE"])
        must(drain + SPARE_SECONDS <= container["StopTimeout"] <= 120, f"{where}: StopTimeout is below the drain deadline, or above Fargate's 120 s")
        must(container["LogConfiguration"]["Options"]["mode"] == "blocking", f"{where}: lines of the log may be dropped, and with them risk events")
        deployment = service["DeploymentConfiguration"]
        counts = (service["DesiredCount"], deployment["MinimumHealthyPercent"], deployment["MaximumPercent"])
        must(counts == (1, 0, 100), f"{where}: two daemons at once are possible")
        needed = memory_needed(size(environment["TRAILRISK_LIMITS__MAX_STATE_BYTES"]))
        must(int(definition["Memory"]) << 20 >= needed, f"{where}: {definition['Memory']} MiB are less than {needed >> 20}")
        mounted = {mount["ContainerPath"] for mount in container.get("MountPoints", [])}
        must(mounted == ({"/var/lib/trailrisk"} if not given else set()), f"{where}: mounts {mounted}")
    # ECS takes `ARN:JSON-KEY::` as well, but what stands in the policy is then no ARN of a secret, and the task never starts.
    secret = Template("service.yaml").raw["Parameters"]["SinkSecretArn"]["AllowedPattern"]
    arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:sink-AbCdEf"
    must(re.search(secret, arn) and not re.search(secret, f"{arn}:token::"), "service.yaml: SinkSecretArn is more, or less, than a secret")
    owner = Template("service.yaml").the("AWS::EFS::AccessPoint")["PosixUser"]
    must(f"{owner['Uid']}:{owner['Gid']}" == file.last("USER"), "the access point's user is not that of the image")


def health(check, file, where):
    """The limits of ECS, and the command of the image."""
    limits = {"Interval": (5, 300), "Timeout": (2, 60), "Retries": (1, 10), "StartPeriod": (0, 300)}
    for key, (least, most) in limits.items():
        must(least <= check[key] <= most, f"{where}: {key} of the health check is not {least} to {most}")
    must(check["Timeout"] < check["Interval"], f"{where}: the health check takes as long as its interval")
    command = re.search(r"CMD (\[.+\])", file.last("HEALTHCHECK"))[1]
    must(check["Command"][1:] == json.loads(command), f"{where}: the health check is not that of the image")


def pods(paths, file):
    for path in paths:
        objects = [item for item in yaml.safe_load_all(Path(path).read_text()) if item]
        by_kind = {}
        for item in objects:
            by_kind.setdefault(item["kind"], []).append(item)
        pod(Path(path).stem, by_kind, file)


def pod(where, by_kind, file):
    (deployment,) = by_kind["Deployment"]
    spec = deployment["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    maps = {item["metadata"]["name"]: item["data"] for item in by_kind["ConfigMap"]}
    restricted(spec, container, file, where)
    must((deployment["spec"]["replicas"], deployment["spec"]["strategy"]["type"]) == (1, "Recreate"), f"{where}: two pods at once are possible")
    environment = {key: value for source in container["envFrom"] for key, value in maps[source["configMapRef"]["name"]].items()}
    variables(environment, where)
    config = yaml.safe_load(next(data["trailrisk.yaml"] for data in maps.values() if "trailrisk.yaml" in data))
    drain = seconds(config["shutdown"]["drain_deadline"])
    must(drain + SPARE_SECONDS <= spec["terminationGracePeriodSeconds"], f"{where}: killed before the drain deadline")
    needed = memory_needed(size(config["limits"]["max_state_bytes"]))
    must(size(container["resources"]["limits"]["memory"]) >= needed, f"{where}: the limit is less than {needed >> 20} MiB")
    probes(container, config, where)
    state(spec, environment, by_kind, where)
    network(by_kind["NetworkPolicy"][0]["spec"], environment, by_kind, where)
    selectors(deployment, by_kind, where)
    referenced = {volume["configMap"]["name"] for volume in spec["volumes"] if "configMap" in volume}
    referenced |= {source["configMapRef"]["name"] for source in container["envFrom"]}
    must(referenced == set(maps), f"{where}: ConfigMaps {set(maps)}, but the pod has {referenced}")
    must(all(re.search(r"-[a-z0-9]{10}$", name) for name in maps), f"{where}: a ConfigMap without a hash rolls nothing out")


def restricted(spec, container, file, where):
    """The restricted level of the Pod Security Standards, and the image's user on a root that cannot be written."""
    user, group = (int(part) for part in file.last("USER").split(":"))
    outer, inner = spec["securityContext"], container["securityContext"]
    must((outer["runAsUser"], outer["runAsGroup"], outer["fsGroup"]) == (user, group, group), f"{where}: another user than the image's")
    must(outer["runAsNonRoot"] is True and inner["runAsNonRoot"] is True, f"{where}: root is allowed")
    must(outer["seccompProfile"]["type"] == "RuntimeDefault", f"{where}: no seccomp profile")
    must(inner["allowPrivilegeEscalation"] is False and inner["privileged"] is False, f"{where}: privileges can be gained")
    must(inner["capabilities"] == {"drop": ["ALL"]}, f"{where}: capabilities are left")
    must(inner["readOnlyRootFilesystem"] is True, f"{where}: the root file system can be written")
    must(not {"hostNetwork", "hostPID", "hostIPC"} & set(spec), f"{where}: shares the host")
    must(spec["automountServiceAccountToken"] is False, f"{where}: the cluster's token is mounted")
    for volume in spec["volumes"]:
        must(set(volume) - {"name"} <= POD_SECURITY_VOLUMES, f"{where}: volume {volume}")


def probes(container, config, where):
    """What they ask exists, and can be reached."""
    host, port = config["admin"]["listen"].rsplit(":", 1)
    must(host == "0.0.0.0", f"{where}: the probes come from outside of the pod, admin.listen is {host}")
    ports = {item["name"]: item["containerPort"] for item in container["ports"]}
    must(ports == {"admin": int(port)}, f"{where}: ports {ports}")
    for name, path in (("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        probe = container[name]
        must(probe["httpGet"] == {"path": path, "port": "admin"}, f"{where}: {name} asks {probe['httpGet']}")
    must(container["livenessProbe"]["timeoutSeconds"] < container["livenessProbe"]["periodSeconds"], f"{where}: slow liveness")


def state(spec, environment, by_kind, where):
    """One place for the checkpoint, and none that two pods have at once."""
    store = environment["TRAILRISK_CHECKPOINT__STORE"]
    claims = [volume for volume in spec["volumes"] if "persistentVolumeClaim" in volume]
    must(len(claims) == (1 if store == "file" else 0), f"{where}: {len(claims)} volumes for a checkpoint in {store}")
    must(("TRAILRISK_CHECKPOINT__TABLE" in environment) == (store == "dynamodb"), f"{where}: the table is not named, or for nothing")
    for claim in by_kind.get("PersistentVolumeClaim", []):
        must(claim["spec"]["accessModes"] == ["ReadWriteOncePod"], f"{where}: two pods may have the volume")
        # EKS marks no class as the default since 1.30: a claim without one stays pending, and with it the pod.
        must(claim["spec"].get("storageClassName"), f"{where}: the claim names no storage class")


def network(spec, environment, by_kind, where):
    """Out: DNS, 443, and for Pod Identity its agent. Nothing reaches the metadata of the node."""
    must(set(spec["policyTypes"]) == {"Ingress", "Egress"}, f"{where}: the policy leaves a direction open")
    must([port["port"] for rule in spec["ingress"] for port in rule["ports"]] == [9464], f"{where}: more than the metrics is open")
    account = by_kind["ServiceAccount"][0]
    is_irsa = "eks.amazonaws.com/role-arn" in account["metadata"].get("annotations", {})
    opened = {(peer.get("ipBlock", {}).get("cidr"), port["port"]) for rule in spec["egress"] for peer in rule["to"] for port in rule["ports"]}
    agent = set() if is_irsa else {("169.254.170.23/32", 80), ("fd00:ec2::23/128", 80)}
    must(opened == {(None, 53), ("0.0.0.0/0", 443), ("::/0", 443)} | agent, f"{where}: egress {opened}")
    for rule in spec["egress"]:
        for peer in rule["to"]:
            block = peer.get("ipBlock", {})
            must(block.get("cidr") != "0.0.0.0/0" or block["except"] == ["169.254.0.0/16"], f"{where}: the node's metadata can be reached")
            must(block.get("cidr") != "::/0" or "fd00:ec2::/32" in block["except"], f"{where}: the node's metadata can be reached")
            labels = peer.get("podSelector", {}).get("matchLabels", {"k8s-app": "kube-dns"})
            must(labels == {"k8s-app": "kube-dns"}, f"{where}: DNS is asked of {labels}")


def selectors(deployment, by_kind, where):
    """Everything that selects pods selects this one, and the alerts find the job."""
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    chosen = [deployment["spec"]["selector"], by_kind["PodDisruptionBudget"][0]["spec"]["selector"], by_kind["NetworkPolicy"][0]["spec"]["podSelector"]]
    (monitor,) = by_kind["PodMonitor"]
    for selector in [*chosen, monitor["spec"]["selector"]]:
        wanted = selector["matchLabels"].items()
        must(wanted and wanted <= labels.items(), f"{where}: {selector} selects no pod")
    budget = by_kind["PodDisruptionBudget"][0]["spec"]
    # One that is not ready counts as unavailable, as the second of two does, which waits for the lease.
    drains = (budget.get("maxUnavailable"), budget.get("unhealthyPodEvictionPolicy")) == ("100%", "AlwaysAllow")
    must(drains, f"{where}: a node could not be drained")
    must([it["port"] for it in monitor["spec"]["podMetricsEndpoints"]] == ["admin"], f"{where}: no such port to scrape")
    job = labels[monitor["spec"]["jobLabel"]]
    alerts = (HERE / "deploy/prometheus/alerts.yaml").read_text()
    must(set(re.findall(r'job="(\w+)"', alerts)) == {job}, f"{where}: the alerts expect another job than {job}")


def release():
    """What a release has to change by hand says the same everywhere."""
    version = tomllib.loads((HERE / "Cargo.toml").read_text())["package"]["version"]
    must(f"VERSION={version}" in Dockerfile().all("ARG"), f"Dockerfile: VERSION is not {version}")
    base = (HERE / "deploy/kubernetes/base/deployment.yaml").read_text()
    must(f"image: trailrisk:{version}\n" in base, f"deploy/kubernetes/base: the image's tag is not {version}")
    format_ = re.search(r"CHECKPOINT_VERSION: u32 = (\d+);", (HERE / "src/engine/checkpoint.rs").read_text())[1]
    newest = (HERE / "CHANGELOG.md").read_text().split("\n## ")[1]
    must(f"Checkpoint format {format_}." in newest, f"CHANGELOG.md: the newest entry does not name the checkpoint's format {format_}")


def fan_out():
    """The daemon registers no consumer that the template makes, and calls the rest."""
    policy = json.loads((HERE / "deploy/aws/fan-out-policy.json").read_text())
    needed = {action for statement in policy["Statement"] for action in statement["Action"]} - {"kinesis:RegisterStreamConsumer"}
    document = Template("stream.yaml", {"FanOutConsumer": "trailrisk"}).the("AWS::IAM::ManagedPolicy")["PolicyDocument"]
    given = {action for statement in document["Statement"] for action in statement["Action"] if "kinesis:" in action}
    must(given == needed, f"stream.yaml: for enhanced fan-out {given} instead of {needed}")


def queues():
    """Whoever keeps what EventBridge could not deliver also says so: nobody looks into a queue unasked."""
    for name in ("stream.yaml", "member.yaml"):
        template = Template(name)
        watched = {it["Value"] for alarm in template.of_type("AWS::CloudWatch::Alarm").values() for it in alarm["Dimensions"] if it["Name"] == "QueueName"}
        queues = {f"${{{queue}.QueueName}}" for queue in template.of_type("AWS::SQS::Queue")}
        must(watched == queues, f"{name}: alarms for {watched}, queues {queues}")


def copies():
    """Kustomize reads nothing outside of its folder, so what the image has as well is there twice."""
    base = HERE / "deploy/kubernetes/base"
    for name, original in [("macros.yaml", "config/macros.yaml"), *((f"detections/{path.name}", f"config/detections/{path.name}") for path in (base / "detections").iterdir())]:
        must((base / name).read_text() == (HERE / original).read_text(), f"deploy/kubernetes/base/{name} is not {original}")


def main():
    file = dockerfile()
    task(file)
    must(len(sys.argv) > 1, "no overlay was given")
    pods(sys.argv[1:], file)
    copies()
    release()
    fan_out()
    queues()
    if PROBLEMS:
        sys.exit("\n".join(PROBLEMS))
    print(f"the image, the tasks and the pods of {len(sys.argv) - 1} overlays fit the daemon")


main()
