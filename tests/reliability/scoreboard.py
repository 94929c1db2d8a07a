#!/usr/bin/env python3
"""The scoreboard of docs/reliability.md: runs its rows (rows.toml), keeps what they came to (results.json), writes its tables.

    scoreboard.py run [ROW...]      at their sizes; what each came to is kept and written each time that it ends
    scoreboard.py quick [ROW...]    at the sizes of CI; keeps nothing
    scoreboard.py write             the tables of the page, from what is kept
    scoreboard.py check             ends with 1 if the page says anything else, or a row names a test that is not there

A test says what it went through in lines of its own: `reliability: {"kills": 25, "records": 20000}`. Needs Python alone.
"""

import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PAGE, ROWS, RESULTS = ROOT / "docs/reliability.md", HERE / "rows.toml", HERE / "results.json"
# How the tests of a table are run at their sizes; the quick ones all in the profile of CI, and so those of rows that
# need the whole crate (`whole_crate`), which takes long to be optimised.
TARGETS = {"engine": ["--test", "simulation"], "shell": ["--test", "shell"], "daemon": ["--test", "all"]}
OPTIMISED = {"engine": ["--release", "--no-default-features"]}
HEADS = {
    "tests": "| fault | how | oracle | test | runs | violations | measured |",
    "fuzz": "| text | target | runs | findings | measured |",
}
FIGURES = re.compile(r"^.*?reliability: (\{.*\})$", re.MULTILINE)
PASSED = re.compile(r"^test result: (?:ok|FAILED)\. (\d+) passed; (\d+) failed", re.MULTILINE)
FUZZED = re.compile(r"^Done (\d+) runs in (\d+) second", re.MULTILINE)


def rows():
    return tomllib.loads(ROWS.read_text(encoding="utf-8"))["rows"]


def results():
    return json.loads(RESULTS.read_text(encoding="utf-8"))


# --- Running.


def profile_of(row, quick):
    return [] if quick or row.get("whole_crate") else OPTIMISED.get(row["table"], [])


def run_once(row, quick):
    """The figures of one run and its violations."""
    profile = profile_of(row, quick)
    command = ["cargo", "test", "--locked", *profile, *TARGETS[row["table"]], "--", "--nocapture", "--test-threads", "1"]
    sizes = {} if quick else {name: str(size) for name, size in row.get("sizes", {}).items()}
    output = ran([*command, *row["tests"]], sizes)
    ended = PASSED.search(output)
    if not ended or int(ended[1]) + int(ended[2]) != len(row["tests"]):
        sys.exit(f"{output}\n{row['id']}: not every one of its tests ran")
    lines = [json.loads(line) for line in FIGURES.findall(output)]
    figures = {}
    for line in lines:
        add(figures, line)
    # What this machine does not allow is said by the test itself.
    add(figures, {"skipped": skipped} if (skipped := output.count("SKIPPED ")) else {})
    failed = int(ended[2])
    if failed:
        print(output)
    return figures, max(figures.pop("violations", 0), failed)


def fuzz_once(row, seconds):
    target = row["target"]
    folders = [ROOT / "fuzz/corpus" / target, ROOT / "fuzz/seeds" / row.get("seeds", target)]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    features = ["--features", row["features"]] if "features" in row else []
    command = ["cargo", "+nightly", "fuzz", "run", "--sanitizer", "none", *features, target, *folders]
    command += [ROOT / "tests/data" / name for name in ("cloudtrail", "escu", "kpl")]
    output = ran([*command, "--", f"-max_total_time={seconds}", "-timeout=10"], {})
    done = FUZZED.search(output)
    if not done:
        print(output)
        return {}, 1
    return {"runs": int(done[1]), "seconds": int(done[2])}, 0


def ran(command, environment):
    process = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    return process.stdout.decode("utf-8", "replace")


def add(figures, more):
    """Counts add up; of what is called "most" the most counts."""
    for name, value in more.items():
        before = figures.get(name, 0)
        figures[name] = max(before, value) if name.startswith("most ") else before + value


def run(row, quick):
    """What it came to, after each time that its tests have run."""
    begun, times = time.monotonic(), 1 if quick else row.get("times", 1)
    figures, violations = {}, 0
    for done in range(1, times + 1):
        if row["table"] == "fuzz":
            more, broken = fuzz_once(row, 10 if quick else row["seconds"])
        else:
            more, broken = run_once(row, quick)
        add(figures, more)
        violations += broken
        optimised = row["table"] == "fuzz" or profile_of(row, quick)
        yield {
            "figures": figures,
            "times": done,
            "violations": violations,
            "date": datetime.date.today().isoformat(),
            "commit": commit(),
            "profile": "release" if optimised else "dev",
            "cores": os.cpu_count(),
            "seconds": round(time.monotonic() - begun),
        }


def commit():
    """The commit that was run; with a plus if the tree has more than it."""
    of = lambda *arguments: subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    more = of("status", "--porcelain", "--untracked-files=no", "--", "src", "tests", "fuzz", "Cargo.*", ":!tests/reliability")
    return of("rev-parse", "--short=9", "HEAD").strip() + ("+" if more else "")


# --- The page.


def counts(result):
    counted = [
        f"at most {value:,} {name.removeprefix('most ')}" if name.startswith("most ") else f"{value:,} {name}"
        for name, value in result["figures"].items()
    ]
    times = [f"{result['times']} times"] if result["times"] > 1 else []
    return ", ".join(times + counted) or "once"


def cells(row, result):
    names = ", ".join(f"`{test}`" for test in row.get("tests", []))
    what = [row["fault"], f"`{row['target']}`"] if row["table"] == "fuzz" else [row["fault"], row["how"], row["oracle"], names]
    if result is None:
        return [*what, "not run", "", ""]
    measured = f"{result['date']}, `{result['commit']}`, {result['profile']}, {result['cores']} cores, {result['seconds']:,} s"
    return [*what, counts(result), str(result["violations"]), measured]


def table(name, kept):
    head = HEADS["fuzz" if name == "fuzz" else "tests"]
    lines = [head, "|" + "---|" * (head.count("|") - 1)]
    for row in rows():
        if row["table"] == name:
            lines.append("| " + " | ".join(cells(row, kept.get(row["id"]))) + " |")
    return "\n".join(lines)


def mistakes():
    """What the simulations put in, from the comments of its declaration: each begins with the rule that it breaks."""
    lines = ["| rule | mistake | noticed by the simulated |", "|---|---|---|"]
    for by, folder in (("engine", "simulation"), ("shell", "shell")):
        text = (ROOT / "tests" / folder / "bugs.rs").read_text(encoding="utf-8")
        declared = text.split("pub enum Bug {\n")[1].split("\n}")[0]
        comments = re.findall(r"((?:^ +/// .*\n)+)", declared + "\n", re.MULTILINE)
        for comment in comments:
            rule, mistake = re.sub(r"\s*/// ", " ", comment).strip().split(": ", 1)
            lines.append(f"| {rule} | {mistake.removesuffix('.')} | {by} |")
    return "\n".join([*lines[:2], *sorted(lines[2:])])


def page():
    kept = results()
    fill = lambda match: f"{match[1]}\n{mistakes() if match[2] == 'mistakes' else table(match[2], kept)}\n{match[3]}"
    text = PAGE.read_text(encoding="utf-8")
    return re.sub(r"(<!-- table: (\w+) -->)\n.*?(<!-- end -->)", fill, text, flags=re.DOTALL)


def check():
    sources = [path.read_text(encoding="utf-8") for folder in ("src", "tests") for path in (ROOT / folder).rglob("*.rs")]
    ids = [row["id"] for row in rows()]
    wrong = [f"{row['id']}: there is no test {test}" for row in rows() for test in row.get("tests", [])
             if not any(f"fn {test}(" in source for source in sources)]
    wrong += [f"{row['id']}: there is no fuzz target {row['target']}" for row in rows()
              if "target" in row and not (ROOT / f"fuzz/fuzz_targets/{row['target']}.rs").exists()]
    wrong += [f"{name} is no row" for name in results() if name not in ids]
    wrong += [f"{name} is there twice" for name in set(ids) if ids.count(name) > 1]
    wrong += [f"{row['id']}: its table is not on the page" for row in rows() if f"<!-- table: {row['table']} -->" not in page()]
    if PAGE.read_text(encoding="utf-8") != page():
        wrong.append(f"{PAGE.name} is not what was measured: `{HERE.name}/scoreboard.py write` writes its tables")
    sys.exit("\n".join(wrong) or 0)


def run_rows(names, quick):
    unknown = set(names) - {row["id"] for row in rows()}
    if unknown:
        sys.exit(f"no such row: {', '.join(sorted(unknown))}")
    violations = 0
    for row in rows():
        if names and row["id"] not in names:
            continue
        for result in run(row, quick):
            print(f"{row['id']}: {counts(result)}; {result['violations']} violations, {result['seconds']} s", flush=True)
            if not quick:
                kept = {**results(), row["id"]: result}
                RESULTS.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")
                PAGE.write_text(page(), encoding="utf-8")
        violations += result["violations"]
    sys.exit(1 if violations else 0)


def main():
    match sys.argv[1:]:
        case ["run", *names]:
            run_rows(names, quick=False)
        case ["quick", *names]:
            run_rows(names, quick=True)
        case ["write"]:
            PAGE.write_text(page(), encoding="utf-8")
        case ["check"]:
            check()
        case _:
            sys.exit(__doc__)


main()
