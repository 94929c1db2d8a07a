"""Modules of Terraform as data, as far as they can be read without a provider: expressions stay text."""

import json
import re
from pathlib import Path

import hcl2

FOLDER = Path(__file__).resolve().parents[2] / "deploy/terraform"
FROM_FILE = re.compile(r'^\$\{jsondecode\(file\("\$\{path\.module\}/(.+?)"\)\)(.*)\}$')


class Module:
    """One module: `blocks[kind][type][name]`, locals, variables."""

    def __init__(self, name):
        self.folder = FOLDER / name
        self.blocks, self.locals, self.variables = {"resource": {}, "data": {}}, {}, {}
        for path in sorted(self.folder.glob("*.tf")):
            with path.open() as file:
                content = clean(hcl2.load(file))
            for kind in self.blocks:
                for block in content.get(kind, []):
                    for type_, named in block.items():
                        self.blocks[kind].setdefault(type_, {}).update(named)
            for block in content.get("locals", []):
                self.locals |= block
            for block in content.get("variable", []):
                self.variables |= block

    def the(self, type_, name=None):
        """The resource of this type and name, or the only one of this type."""
        found = self.blocks["resource"][type_]
        return found[name] if name else next(iter(found.values()))

    def value(self, expression):
        """What a reference to a local means, or to a file that both sides read."""
        if not isinstance(expression, str):
            return expression
        if expression.startswith("${local.") and expression[8:-1] in self.locals:
            return self.value(self.locals[expression[8:-1]])
        if match := FROM_FILE.match(expression):
            value = json.loads((self.folder / match[1]).read_text())
            return value["Statement"][0]["Action"] if match[2] == ".Statement[0].Action" else value
        return expression

    def statements(self):
        """Every statement of every policy document: those with a Sid by it, the others (trusts) by their actions."""
        found = {}
        for document in self.blocks["data"].get("aws_iam_policy_document", {}).values():
            dynamic = [block["statement"]["content"][0] for block in document.get("dynamic", []) if "statement" in block]
            for statement in [*document.get("statement", []), *dynamic]:
                actions = frozenset(self.value(statement["actions"]))
                conditions = frozenset((c["test"], generic(c["variable"])) for c in statement.get("condition", []))
                found.setdefault(statement.get("sid") or "+".join(sorted(actions)), set()).add(
                    (statement.get("effect", "Allow"), actions, conditions)
                )
        return found


def generic(variable):
    """The provider of IRSA is a parameter."""
    return re.sub(r"\$\{.+?\}", "*", variable)


def clean(node):
    """Without the parser's marks, and plain texts without their quotes."""
    if isinstance(node, dict):
        return {key.strip('"'): clean(value) for key, value in node.items() if not key.startswith("__")}
    if isinstance(node, list):
        return [clean(item) for item in node]
    if isinstance(node, str) and len(node) >= 2 and node[0] == node[-1] == '"':
        return node[1:-1].replace("$${", "${").replace("\\\\", "\\")
    return node
