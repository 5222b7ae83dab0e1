"""`docs/reliability.md`, made from the tests: what a user sees of each fault at each stage.

A test says what it proves with `@pytest.mark.proves(stage, fault, sees)`. `sees` is what the user
sees, and what becomes of the partition; the matrix shows it up to the first semicolon. Nothing is
run or imported: the markers are read from the files. Make the page anew with
    python -m ai_dataflow_tests.reliability > docs/reliability.md
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parent
STAGES = (
    "read file", "read SQL", "compile", "transform", "write", "commit", "report", "event", "mail",
)  # fmt: skip
FAULTS = ("missing", "denied", "corrupt", "slow", "killed", "full", "concurrent")
MARKER = "proves"

_NOTHING_WRITTEN = "nothing is written"

# Why there is no test: by stage and fault.
REASONS = {
    ("read file", "full"): "reading needs no space; what is spilled is under transform",
    ("compile", "killed"): f"{_NOTHING_WRITTEN}: the next run compiles anew",
    ("compile", "full"): _NOTHING_WRITTEN,
    ("transform", "denied"): "it asks for nothing that could be denied",
    ("transform", "slow"): "it waits for nobody: slow sources and workstations have their cells",
}

# The promises of the design, in a line each, and the test that is the first to look at.
PROMISES = {
    "P1": ("Nothing runs on invalid metadata; every problem at once, with its cell and owner.",
           "planning/test_plan.py", "test_the_bad_rows_of_all_three_tables_come_at_once"),
    "P2": ("One bad row, file, source or partition stops no other and never vanishes.",
           "runs/test_real_case.py",
           "test_a_partial_failure_fails_exactly_what_it_touches"),
    "P3": ("Per product: read = written + rejected + merged, or nothing is published.",
           "partition/test_properties.py", "test_every_row_and_every_value_is_accounted_for"),
    "P4": ("Readers see the old or the new partition, never a part of one.",
           "chaos/test_chaos.py", "test_killed_runs_on_local_folders"),
    "P5": ("Same inputs and mapping, same content; a rerun adds nothing.",
           "partition/test_properties.py", "test_the_same_inputs_give_the_same_content"),
    "P6": ("A missing source or column is a failure, never an empty success.",
           "partition/test_making_failures.py",
           "test_all_sources_that_are_missing_are_named_at_once"),
    "P7": ("No null from a failed cast without a reject.",
           "partition/test_properties.py", "test_every_row_and_every_value_is_accounted_for"),
    "P8": ("Rejected rows can be replayed after a fix, once.",
           "runs/test_replay.py", "test_a_second_replay_changes_nothing"),
    "P9": ("A mail failure never fails data, and no mail is lost.",
           "notifications/test_delivery.py",
           "test_whatever_goes_wrong_each_mail_arrives_once_or_is_given_up"),
    "P10": ("No secrets and no row values in logs, metadata, reports or mails.",
            "orchestration/test_canary.py", "test_no_command_shows_a_secret_or_a_value"),
    "P12": ("What is required holds for every published row, after all joins.",
            "partition/test_row_checks.py", "test_each_row_is_published_merged_or_left_out_once"),
    "P13": ("Nothing that one input does, a crash of native code among it, ends more than its own.",
            "runs/test_crashes.py", "test_a_file_that_crashes_its_reader_costs_its_own_partition"),
}  # fmt: skip

_INTRO = """\
# What happens when something goes wrong

Each stage of a run against each kind of fault: what the user sees, and the test that proves it.
What a code means is in [errors](errors.md). Whatever fails keeps the data that was published last,
and all the rest goes on.

<!-- Made from the tests' markers; do not edit. Make it anew with
.venv/bin/python -m ai_dataflow_tests.reliability > docs/reliability.md -->
"""


@dataclass(frozen=True)
class Proof:
    """What a test proves: the stage and the fault, what the user sees, and where the test is."""

    stage: str
    fault: str
    sees: str
    file: str
    test: str

    @property
    def short(self) -> str:
        """What the matrix shows."""
        return self.sees.partition(";")[0]

    @property
    def link(self) -> str:
        """A link to the test's file, by the test's name."""
        return f"[`{self.test}`]({_url(self.file)})"


def proofs(folder: Path = TESTS) -> list[Proof]:
    """Read what all tests prove, by file and in their order."""
    found = []
    for file in sorted(folder.rglob("test_*.py")):
        text = file.read_text(encoding="utf-8")
        if MARKER in text:
            found += _of_file(ast.parse(text), file.relative_to(folder).as_posix())
    return found


def page(found: list[Proof]) -> str:
    """Give the page: what always holds, the matrix, and a list per stage."""
    promises = [
        f"| {name} | {text} | [`{test}`]({_url(file)}) |"
        for name, (text, file, test) in PROMISES.items()
    ]
    return "\n".join(
        [
            _INTRO,
            "| | what always holds | proved, among others, by |\n|---|---|---|",
            *promises,
            "",
            f"| | {' | '.join(FAULTS)} |",
            f"|---{'|---' * len(FAULTS)}|",
            *(_row(stage, found) for stage in STAGES),
            "",
            *(_section(stage, found) for stage in STAGES),
        ]
    )


def reason(stage: str, fault: str) -> str:
    """Say why a cell has no test; nothing if it should have one."""
    return REASONS.get((stage, fault), "")


def _of_file(tree: ast.Module, file: str) -> Iterator[Proof]:
    tests = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    for test in sorted(tests, key=lambda node: node.lineno):
        for mark in test.decorator_list:
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == f"pytest.mark.{MARKER}":
                stage, fault, sees = (ast.literal_eval(given) for given in mark.args)
                yield Proof(stage, fault, sees, file, test.name)


def _row(stage: str, found: list[Proof]) -> str:
    return f"| **{stage}** | {' | '.join(_cell(stage, fault, found) for fault in FAULTS)} |"


def _cell(stage: str, fault: str, found: list[Proof]) -> str:
    """Show each proof's few words as a link; the test's name comes where one points at it.

    Several are told apart by a point before each.
    """
    own = [proof for proof in found if (proof.stage, proof.fault) == (stage, fault)]
    shown = [f'[{proof.short}]({_url(proof.file)} "{proof.test}")' for proof in own]
    point = "· " if len(shown) > 1 else ""
    return "<br>".join(point + each for each in shown) or f"*{reason(stage, fault)}*"


def _section(stage: str, found: list[Proof]) -> str:
    lines = [f"## {stage[0].upper()}{stage[1:]}\n"]
    for fault in FAULTS:
        own = [proof for proof in found if (proof.stage, proof.fault) == (stage, fault)]
        lines += [f"- **{fault}**: {proof.sees} ({proof.link})" for proof in own]
        lines += [] if own else [f"- **{fault}**: *{reason(stage, fault)}*"]
    return "\n".join([*lines, ""])


def _url(file: str) -> str:
    return f"../{TESTS.name}/{file}"


if __name__ == "__main__":
    print(page(proofs()), end="")
