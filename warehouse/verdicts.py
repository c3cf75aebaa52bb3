"""Row rules over the staged rows: the verdict on a row is a number, and few numbers count all the rows.

A verdict has one bit for each thing that can be said of a row: that a rule speaks of it, that it violates
the rule, that it cannot be loaded. Those of events are worked out while their file is read, so that no
text is kept for the sake of a rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from warehouse.database import Database, statement
from warehouse.schemas import Rule

UNREADABLE = "unreadable_row"  # the rule of rows that no rule named and that cannot be loaded
UNREADABLE_EVENT = (
    "fault IS NOT NULL OR raw_patient_id IS NULL OR event_type IS NULL OR occurred_at IS NULL "
    "OR occurred_on IS NULL OR status IS NULL"
)
_BITS = 60  # of one column of verdicts
_WORD = re.compile("'[^']*'")


@dataclass(frozen=True)
class Place:
    """Where refused rows stand. ``names``: our column -> the file's."""

    batch: int
    names: Mapping[str, str]
    rows_are_lines: bool


@dataclass(frozen=True)
class Judgement:
    """Rules as bits of verdicts. ``unreadable`` is SQL for rows that cannot be loaded, whatever the rules say."""

    rules: tuple[Rule, ...]
    unreadable: str

    @cached_property
    def faults(self) -> list[str]:
        """What may be wrong with a row: each rule's violation in order, and last that it cannot be loaded."""
        return [*(_violated(_bare(rule.predicate), _bare(rule.denominator)) for rule in self.rules), self.unreadable]

    @cached_property
    def subjects(self) -> list[str]:
        """The rows that each rule speaks of, in the order of the rules."""
        return [_bare(rule.denominator) for rule in self.rules]

    @cached_property
    def refusals(self) -> list[str]:
        """The faults that keep a row out."""
        return [fault for rule, fault in zip(self.rules, self.faults, strict=False) if rule.quarantines] + [
            self.unreadable
        ]

    @cached_property
    def _bit(self) -> dict[str, int]:
        conditions = dict.fromkeys([*self.faults, *self.subjects])
        return {condition: number for number, condition in enumerate(conditions)}

    @cached_property
    def columns(self) -> list[str]:
        """The names of the columns of verdicts."""
        return [f"verdict_{number}" for number in range(-(-len(self._bit) // _BITS))]

    def sql(self) -> str:
        """SQL for the columns of verdicts, where all that the rules read can be seen."""
        return ", ".join(f"{' | '.join(self._parts(number))} AS {name}" for number, name in enumerate(self.columns))

    def _parts(self, column: int) -> Iterator[str]:
        mine = [condition for condition, bit in self._bit.items() if bit // _BITS == column]
        faults = [condition for condition in mine if condition in self.faults]
        if faults:  # one test tells the many rows without any fault from the few with some
            bits = " | ".join(self._bit_sql(fault) for fault in faults)
            yield f"CASE WHEN {_any(faults)} THEN {bits} ELSE 0::UBIGINT END"
        yield from (self._bit_sql(condition) for condition in mine if condition not in self.faults)

    def _bit_sql(self, condition: str) -> str:
        return f"CASE WHEN {condition} THEN {1 << self._bit[condition] % _BITS}::UBIGINT ELSE 0::UBIGINT END"

    def holds(self, conditions: Iterable[str]) -> str:
        """SQL over verdicts: whether one of the conditions holds for the row."""
        masks = dict.fromkeys(self.columns, 0)
        for condition in conditions:
            masks[self.columns[self._bit[condition] // _BITS]] |= 1 << self._bit[condition] % _BITS
        return _any(f"{column} & {mask}::UBIGINT <> 0" for column, mask in masks.items() if mask)

    def counts(self, verdicts: Sequence[tuple[int, ...]]) -> list[tuple[int, int]]:
        """For each rule how many rows violate it, and how many it speaks of; ``verdicts`` end in a number of rows."""

        def number(condition: str) -> int:
            column, bit = divmod(self._bit[condition], _BITS)
            return sum(verdict[-1] for verdict in verdicts if verdict[column] >> bit & 1)

        return [(number(fault), number(rows)) for fault, rows in zip(self.faults, self.subjects, strict=False)]


def _bare(condition: str) -> str:
    """The condition without a ``coalesce(..., false)`` around the whole: null counts as false here, too.

    The engine tests a bare condition on the rows that are left; this one it works out for all of them.
    """
    inner = condition.removeprefix("coalesce(").removesuffix(", false)")
    is_whole = condition == f"coalesce({inner}, false)" and _is_one_bracket(f"({inner})")
    return inner if is_whole else condition


def _violated(predicate: str, denominator: str) -> str:
    """Both at once. A predicate that begins with its denominator says so already: each is asked once for a row."""
    more = predicate.removeprefix(f"({denominator}) AND ")
    return predicate if more != predicate and _is_one_bracket(more) else f"({predicate}) AND ({denominator})"


def _is_one_bracket(sql: str) -> bool:
    """Whether the bracket that opens the text is closed by its last letter; brackets within words do not count."""
    letters = _WORD.sub("", sql)
    depths = list(accumulate((letter == "(") - (letter == ")") for letter in letters))
    return letters.startswith("(") and depths[-1] == 0 and 0 not in depths[:-1]


def _any(conditions: Iterable[str]) -> str:
    return " OR ".join(f"({condition})" for condition in conditions) or "false"


def judge(database: Database, rules: Sequence[Rule], unreadable: str, place: Place) -> None:
    """Evaluate rules over the relation ``staged``, then ``settle``."""
    judgement = Judgement(tuple(rules), unreadable)
    database.execute(statement("judged", verdicts=judgement.sql()))
    settle(database, judgement, "judged", place)


def settle(database: Database, judgement: Judgement, judged: str, place: Place) -> None:
    """Do what the verdicts say of the rows of ``judged`` that are not repeats.

    Keeps the counts in ``raw_rule``, notes the rows to keep out in ``raw_quarantine`` and lists them in
    the table ``refused``.
    """
    columns = ", ".join(judgement.columns)
    counted = database.rows(statement("verdicts", columns=columns, judged=judged))
    wrong = judgement.holds(judgement.faults)
    database.execute(statement("offending", columns=columns, judged=judged, wrong=wrong))
    for rule, fault, (violated, denominator) in zip(
        judgement.rules, judgement.faults, judgement.counts(counted), strict=False
    ):
        database.execute("INSERT INTO raw_rule VALUES (?, ?, ?, ?)", [place.batch, rule.id, violated, denominator])
        if violated and rule.quarantines:
            _note(database, place, rule.id, rule.column, judgement.holds([fault]))
    named = judgement.holds(fault for fault in judgement.refusals if fault != judgement.unreadable)
    unnamed = f"({judgement.holds([judgement.unreadable])}) AND NOT ({named})"
    _note(database, place, UNREADABLE, None, unnamed)
    refused = judgement.holds(judgement.refusals)
    database.execute(f"CREATE TEMP TABLE refused AS SELECT source_row FROM offending WHERE {refused}")


def _note(database: Database, place: Place, rule: str, column: str | None, violates: str) -> None:
    ours = column.removeprefix("raw_") if column else None
    parameters = {"batch": place.batch, "rule": rule, "column": place.names.get(ours, ours) if ours else None}
    line = "source_row" if place.rows_are_lines else "NULL"
    database.execute(statement("insert_quarantine", line=line, violates=violates), parameters)
