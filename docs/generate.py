"""Writes docs/reference from the code and its declarations: ``make docs``.

What can be derived is derived; the words that code does not hold stand in ``descriptions.toml``.
The same code gives the same bytes, so that a test can tell a page that is out of date.
"""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import polars as pl
from pydantic import TypeAdapter

from checks.results import RESULT_CHECKS, Results
from checks.rules import row_rules
from checks.tables import Evidence, TableCheck, table_checks
from docs.declared import WORDS, listed, programme_file, table
from flows.__main__ import app
from warehouse import declarations, schemas
from warehouse.activity import ACTIVITY_RULES
from warehouse.covariates import PATIENT_RULES
from warehouse.kinds import Gap, Indicator
from warehouse.schemas import Rule

REFERENCE = Path(__file__).parent / "reference"
GENERATED = "<!-- Written by docs/generate.py: change that, or descriptions.toml, and run make docs. -->"
EXAMPLE = "pacosme"  # row rules are those of a programme; their ids are the same for all
EXIT_CODES = {
    0: "Done.",
    1: "Something unexpected. Its place in the code is told, its message is not, for it may hold data of a patient.",
    2: "The call or a declaration is wrong. Every fault is listed.",
    3: "A fatal check failed, or no row was accepted. Nothing is published.",
    4: "Published, with warnings: see the data-quality page. In Prefect the run ends `WithWarnings`.",
    5: "Another run holds the warehouse; it is named. Try again when it has ended.",
    6: "Disclosure control refused the release.",
    7: "Storage: the disk is full, a folder is missing or may not be written, the key is missing.",
    130: "Interrupted. Nothing half-done is kept; run the same command again.",
}
TYPES = {
    "Int64": "whole number", "UInt8": "whole number", "Float64": "number", "String": "text", "Date": "day",
    "Boolean": "true or false",
}  # fmt: skip


def pages() -> dict[str, str]:
    """File name and text of every page of the reference."""
    contents = {
        "commands.md": commands(),
        "programme-file.md": programme_file(),
        "indicators.md": indicators(),
        "checks.md": checks(),
        "data-dictionary.md": data_dictionary(),
    }
    return {name: "\n".join([GENERATED, "", *lines]).rstrip() + "\n" for name, lines in contents.items()}


# --- Commands -----------------------------------------------------------------------------------


def commands() -> list[str]:
    """The help of every command, and the exit codes."""
    shown = app.generate_docs(usage_name="parcours").replace("# parcours\n", "# Commands\n", 1)
    shown = re.sub(r"(?m)^Example: (.+)$", r"```console\n$ \1\n```", shown)
    shown = re.sub(r"(?m)^(parcours \w+) -m \S+", r"\1", shown)  # cyclopts takes in how this module was started
    shown = re.sub(r"(?s)## Table of Contents\n.*?(?=\*\*Commands)", "", shown)
    rows = [(str(code), meaning) for code, meaning in EXIT_CODES.items()]
    return [shown.rstrip(), "", "## Exit codes", "", *table(("code", "meaning"), rows)]


# --- Indicators ---------------------------------------------------------------------------------


def shipped_indicators() -> list[Indicator]:
    """Every indicator that comes with the package, by name."""
    found = sorted((files("warehouse") / "indicators").iterdir(), key=lambda entry: entry.name)
    read: TypeAdapter[Indicator] = TypeAdapter(Indicator)
    return [
        read.validate_python({**tomllib.loads(file.read_text(encoding="utf-8")), "id": file.name.removesuffix(".toml")})
        for file in found
    ]


def indicators() -> list[str]:
    """The catalogue, in both languages."""
    lines = [
        "# Indicators",
        "",
        "The shipped catalogue. Each is one TOML file; a programme names those it wants, and may have its own:",
        "see [add an indicator](../how-to/add-an-indicator.md).",
        "",
    ]
    for indicator in shipped_indicators():
        lines += _indicator(indicator)
    return lines


def _indicator(indicator: Indicator) -> list[str]:
    variants = ", ".join(f"{one.title.en} (`{name}`)" for name, one in indicator.variants.items())
    facts = {
        "kind": f"`{indicator.kind}`",
        "event": _event(indicator),
        "window": f"from {indicator.window[0]} to before {indicator.window[1]}, in units of one {indicator.unit}",
        "headline": _headline(indicator),
        "better": indicator.better,
        "goal": indicator.goal,
        "variants": variants,
        "written and checked by": f"{indicator.authored_by}; {indicator.checked_by}",
        "next review": str(indicator.next_review),
    }  # fmt: skip
    spoken = [("English", indicator.title.en, indicator.definition.en, indicator.caveat.en),
              ("français", indicator.title.fr, indicator.definition.fr, indicator.caveat.fr)]  # fmt: skip
    return [
        f"## {indicator.id}",
        "",
        *(line for language, *words in spoken for line in _spoken(language, *words)),
        *table(("", ""), [(name, fact) for name, fact in facts.items() if fact]),
    ]


def _event(indicator: Indicator) -> str:
    if isinstance(indicator, Gap):
        return f"none of {listed(indicator.contacts)} for more than {indicator.longest_days} days"
    codes = f", codes {listed(indicator.event.code)}" if indicator.event.code else ""
    return f"`{indicator.event.type}`{codes}"


def _headline(indicator: Indicator) -> str:
    horizon = f" by {indicator.unit} {indicator.primary.horizon}" if indicator.primary.horizon is not None else ""
    return f"`{indicator.primary.measure}`{horizon}"


def _spoken(language: str, title: str, definition: str, caveat: str) -> list[str]:
    return [f"**{title}** ({language}). {definition}", "", f"*{caveat}*", ""]


# --- Checks -------------------------------------------------------------------------------------


def checks() -> list[str]:
    """Row rules in their order, checks of counts and of results, and what a rule may read."""
    rules = row_rules(declarations.load(EXAMPLE))
    of_rows, of_files = ([_row_rule(rule) for rule in some] for some in (rules, (*PATIENT_RULES, *ACTIVITY_RULES)))
    of_counts = [(*_declared(check), _sentences(check)) for check in table_checks(rules)]
    of_results = [(*_declared(check), _sentences(check)) for check in RESULT_CHECKS]
    head = ("check", "category", "severity", "at most")
    return [
        *CHECKS.strip().splitlines(),
        "",
        *table(("status", "meaning"), _meanings("statuses")),
        *ROW_RULES.strip().splitlines(),
        "",
        *table((*head, "the row is", "of which: what must hold"), of_rows),
        "Of the files beside the events, of covariates and of activity:",
        "",
        *table((*head, "the row is", "of which: what must hold"), of_files),
        "## Checks of counts",
        "",
        *table((*head, "of which: what must hold"), of_counts),
        "## Checks of results",
        "",
        *table((*head, "of which: what must hold"), of_results),
        "## What a row rule may read",
        "",
        "Its SQL sees the rows of one file as they were read. A row that could not be taken apart breaks one rule, its",
        "fault's; the other rules do not speak of it.",
        "",
        *table(("column", "meaning"), _meanings("staged")),
    ]


CHECKS = """
# Checks

What must hold before anything is published. Every check is declared once: a category of Kahn et al. (conformance,
completeness, plausibility), a severity, the largest share that may violate it, and a sentence in both languages that
names its denominator before the colon and what must hold of it after. A failed **fatal** check stops: nothing is
published (exit code 3). A failed **warning** is shown on the data-quality page (exit code 4). **Info** is shown.
Counts of checks leave the warehouse only rounded, like all others; the status is that of the exact ones.

Row rules stand in `checks/rules.py`, checks of counts in `checks/tables.py`, checks of results in `checks/results.py`.
A checkpoint of Great Expectations gives the verdict over their shares
([how and why](../adr/0002-great-expectations-judges-counts.md)), and first holds each table that it is handed to its
columns and keys: the checks `rule_results_conform`, `ledger_conform`, `volumes_conform`, `dating_conform`,
`estimates_conform` and `attrition_conform`, all fatal.
"""
ROW_RULES = """
## Row rules

In order of precedence: the first rule that a row breaks names its fault. A row that is *kept out* stands in the
quarantine with its file, line, column and rule, never with a value. Where dates, ranges or codes depend on the
programme, those of `pacosme` stand here.
"""


def _declared(check: Rule | TableCheck[Evidence] | TableCheck[Results]) -> tuple[str, ...]:
    return f"`{check.id}`", check.category, check.severity, f"{check.threshold:.1%}".replace(".0%", "%")


def _row_rule(rule: Rule) -> tuple[str, ...]:
    return *_declared(rule), "kept out" if rule.quarantines else "counted", _sentences(rule)


def _sentences(check: Rule | TableCheck[Evidence] | TableCheck[Results]) -> str:
    return f"{check.sentence_en}<br>*{check.sentence_fr}*"


def _meanings(of: str) -> list[tuple[str, str]]:
    words: dict[str, str] = WORDS[of]
    return [(f"`{name}`", meaning) for name, meaning in words.items()]


# --- Data dictionary ----------------------------------------------------------------------------


def hand_overs() -> dict[str, pl.Schema]:
    """Every schema of warehouse/schemas.py, in its order."""
    return {name: schema for name, schema in vars(schemas).items() if isinstance(schema, pl.Schema)}


def description(of: str, column: str) -> str | None:
    """What a column means, in this table or in all; None where there are no words."""
    words: dict[str, str] = WORDS["columns"]
    return words.get(f"{of}.{column}") or words.get(column)


def data_dictionary() -> list[str]:
    """The hand-overs between rooms, and the tables of the warehouse."""
    lines = [
        "# Data dictionary",
        "",
        "What passes between the rooms, and what is kept. Null where there is no number, with a reason beside it;",
        "never NaN, and never 0 for “none”.",
        "",
    ]
    for name, schema in hand_overs().items():
        kept, grain = WORDS["tables"].get(name, ("", ""))
        rows = [(f"`{column}`", type_of(kind), description(name, column) or "") for column, kind in schema.items()]
        lines += [f"## {name}", "", grain, "", f"Kept: {kept}.", "", *table(("column", "type", "meaning"), rows)]
    lines += [
        "## Tables of `warehouse.duckdb`",
        "",
        "As they are made. Layers: `raw_` as received, `core_` as understood,",
    ]
    lines += ["`out_` as computed. Only what disclosure control has passed may leave.", ""]
    for file in sorted((files("warehouse") / "sql" / "tables").iterdir(), key=lambda entry: entry.name):
        lines += [
            f"### {file.name.removesuffix('.sql')}",
            "",
            "```sql",
            file.read_text(encoding="utf-8").rstrip(),
            "```",
            "",
        ]
    return lines


def type_of(kind: pl.DataType) -> str:
    """The type of a column in words."""
    if isinstance(kind, pl.Categorical | pl.Enum):
        return "word"
    return "instant (UTC)" if isinstance(kind, pl.Datetime) else TYPES[str(kind)]


def main() -> None:
    """Write every page of the reference."""
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
