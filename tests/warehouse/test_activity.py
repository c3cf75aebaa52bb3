"""The file of activity: one statement in force, every row accounted for, nothing kept of a refused one."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from warehouse.activity import ACTIVITY_RULES
from warehouse.coherence import Draft, incoherences
from warehouse.errors import DeclarationError
from warehouse.programme import Programme

HEADER = "site,month,activity,item,n\n"
KINDS = [
    {"id": "trained", "title": {"fr": "Formés", "en": "Trained"}, "counts": "people"},
    {"id": "workshops", "title": {"fr": "Ateliers", "en": "Workshops"}, "counts": "actions"},
    {
        "id": "answers",
        "title": {"fr": "Réponses", "en": "Answers"},
        "counts": "people",
        "items": [{"id": "coaching", "title": {"fr": "Accompagnement", "en": "Coaching"}}],
    },
]


def declare(desk: Any, **file: Any) -> None:
    """The small programme with a file of activity, changed by ``file``."""
    table = desk.programme.model_dump(by_alias=True)
    desk.programme = Programme.model_validate(table | {"activity": {"path": "activity.csv", "kinds": KINDS, **file}})


@pytest.fixture
def office(desk: Any) -> Any:
    """The desk of a programme that declares a file of activity."""
    declare(desk)
    return desk


def load(desk: Any, rows: str, header: str = HEADER) -> Any:
    path = desk.file("activity.csv", header + rows)
    return desk.read(lambda store: store.ingest_activity(desk.programme, path, "run-1"))


def stated(desk: Any) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = desk.read(lambda store: store.activity(desk.programme).rows())
    return rows


def test_rows_are_kept_by_site_month_activity_and_item(office: Any) -> None:
    row = load(office, "north,2022-03,trained,,12\nnorth,2021-06,answers,coaching,7\nnorth,2021-06,answers,,20\n")
    assert (row.source, row.rows_in, row.loaded, row.quarantined) == ("activity", 3, 3, 0)
    assert stated(office) == [
        ("north", "2021-06", "answers", "coaching", 7),
        ("north", "2021-06", "answers", None, 20),
        ("north", "2022-03", "trained", None, 12),
    ]


FAULTY = (
    ("nowhere,2022-03,trained,,12", "site", "activity_site_known"),
    (",2022-03,trained,,12", "site", "activity_site_known"),
    ("north,2022-13,trained,,12", "month", "activity_month_readable"),
    ("north,03/2022,trained,,12", "month", "activity_month_readable"),
    ("north,2022-03-01,trained,,12", "month", "activity_month_readable"),
    ("north,2022-03,dances,,12", "activity", "activity_kind_known"),
    ("north,2022-03,trained,coaching,1", "item", "activity_item_known"),
    ("north,2022-04,trained,,-1", "n", "activity_number_whole"),
    ("north,2022-05,trained,,3.5", "n", "activity_number_whole"),
    ("north,2022-06,trained,,", "n", "activity_number_whole"),
    ("north,2022-07,trained,,12345678901", "n", "activity_number_whole"),
    ("south,2021-06,answers,coaching,21", "n", "activity_answers_complete"),
    ("south,2021-07,answers,coaching,1", "n", "activity_answers_complete"),
)


def test_faulty_rows_are_kept_out_by_line_column_and_rule(office: Any) -> None:
    row = load(office, "south,2021-06,answers,,20\n" + "".join(f"{line}\n" for line, _, _ in FAULTY))
    assert (row.loaded, row.quarantined) == (1, len(FAULTY))
    expected = {(number, column, rule) for number, (_, column, rule) in enumerate(FAULTY, start=3)}
    assert expected <= set(office.quarantine())
    assert {line for line, _, _ in office.quarantine()} == {line for line, _, _ in expected}
    assert stated(office) == [("south", "2021-06", "answers", None, 20)]


def test_of_two_rows_on_the_same_count_neither_is_believed(office: Any) -> None:
    row = load(office, "north,2022-03,trained,,12\nnorth,2022-04,trained,,5\nnorth,2022-03,trained,,12\n")
    assert (row.loaded, row.quarantined) == (1, 2)
    assert office.quarantine() == [(2, "activity", "activity_stated_once"), (4, "activity", "activity_stated_once")]


def test_a_row_of_the_wrong_length_has_its_true_line(office: Any) -> None:
    row = load(office, 'north,2022-03,"trained",,12\nnorth,2022-04,trained,,5,extra\nnorth,2022-05,trained,,6\n')
    assert (row.loaded, row.quarantined) == (2, 1)
    assert [line for line, _, _ in office.quarantine()] == [3]


def test_the_same_file_again_changes_nothing(office: Any) -> None:
    first = load(office, "north,2022-03,trained,,12\n")
    again = load(office, "north,2022-03,trained,,12\n")
    assert (first.already_loaded, again.already_loaded) == (False, True)
    assert stated(office) == [("north", "2022-03", "trained", None, 12)]


def test_a_newer_file_replaces_the_statement_as_a_whole_and_so_does_going_back(office: Any) -> None:
    old, new = "north,2022-03,trained,,12\nsouth,2022-03,trained,,8\n", "north,2022-03,trained,,14\n"
    load(office, old)
    load(office, new)
    assert stated(office) == [("north", "2022-03", "trained", None, 14)]
    assert office.read(lambda store: store.ledger().height) == 1
    load(office, old)
    assert [row[-1] for row in stated(office)] == [12, 8]
    assert office.read(lambda store: store.ledger().height) == 1


def test_a_changed_declaration_reads_the_file_again(office: Any) -> None:
    load(office, "N,2022-03,trained,,12\n")
    assert stated(office) == []
    declare(office, sites={"N": "north"})
    row = load(office, "N,2022-03,trained,,12\n")
    assert not row.already_loaded
    assert stated(office) == [("north", "2022-03", "trained", None, 12)]
    assert office.quarantine() == []


def test_columns_go_by_declared_names_and_the_item_may_be_absent(office: Any) -> None:
    declare(office, delimiter=";", columns={"site": "lieu", "month": "mois", "activity": "action", "n": "nombre"})
    load(office, "2022-03;north;workshops;0\n", "mois;lieu;action;nombre\n")
    assert stated(office) == [("north", "2022-03", "workshops", None, 0)]


def test_a_missing_column_is_a_fault_of_the_whole_file_and_leaves_the_statement(office: Any) -> None:
    load(office, "north,2022-03,trained,,12\n")
    with pytest.raises(DeclarationError, match="no column 'n', declared for n"):
        load(office, "north,2022-03,trained,12\n", "site,month,activity,number\n")
    assert [row[-1] for row in stated(office)] == [12]


def test_months_from_the_lock_on_are_counted_and_set_aside(office: Any) -> None:
    load(office, "north,2024-03,trained,,12\nnorth,2024-04,trained,,5\n")
    assert [row[1] for row in stated(office)] == ["2024-03"]
    results = office.read(lambda store: {row[1]: row[2:] for row in store.rule_results().rows()})
    assert results["activity_before_lock"] == (1, 2)
    assert set(results) == {rule.id for rule in ACTIVITY_RULES}


def test_a_load_that_fails_leaves_the_former_statement(office: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    load(office, "north,2022-03,trained,,12\n")

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("warehouse.activity.account", interrupted)
        with pytest.raises(KeyboardInterrupt):
            load(office, "north,2022-03,trained,,99\n")
    assert [row[-1] for row in stated(office)] == [12]
    load(office, "north,2022-03,trained,,99\n")
    assert [row[-1] for row in stated(office)] == [99]


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ({"sites": {"N": "nowhere"}}, "activity.sites.N: expected the id of a declared site"),
        ({"columns": {"site": "s", "month": "m", "activity": "a"}}, "activity.columns.n: expected this key"),
        ({"columns": {"site": "s", "month": "m", "activity": "a", "n": "n", "who": "w"}}, "activity.columns.who"),
        ({"kinds": [KINDS[0], KINDS[0]]}, "activity.kinds[1]: expected each id once"),
        (
            {"kinds": [{**KINDS[2], "items": [*KINDS[2]["items"], *KINDS[2]["items"]]}]},
            "activity.kinds[0].items[1]: expected each id once",
        ),
    ],
)
def test_what_the_declaration_and_the_programme_must_agree_on(desk: Any, file: dict[str, Any], said: str) -> None:
    declare(desk, **file)
    assert said in "\n".join(str(fault) for fault in incoherences(Draft(desk.programme), {}, "file"))


def test_no_source_may_be_called_like_a_file_beside_the_events(desk: Any) -> None:
    table = desk.programme.model_dump(by_alias=True)
    taken = Programme.model_validate(table | {"sources": [{**table["sources"][0], "id": "activity"}]})
    faults = "\n".join(str(fault) for fault in incoherences(Draft(taken), {}, "file"))
    assert "sources[0]: expected another id" in faults


def test_a_reference_has_each_answer_once(desk: Any) -> None:
    table = desk.programme.model_dump(by_alias=True)
    double = REFERENCE | {"items": [*REFERENCE["items"], *REFERENCE["items"]]}
    made = Programme.model_validate(table | {"references": [double]})
    faults = "\n".join(str(fault) for fault in incoherences(Draft(made), {}, "file"))
    assert "references[0].items[1]: expected each id once" in faults


def test_actions_give_no_answers(office: Any) -> None:
    wrong = [{**KINDS[1], "items": KINDS[2]["items"]}]
    with pytest.raises(ValidationError, match="expected no items"):
        declare(office, kinds=wrong)


REFERENCE: dict[str, Any] = {
    "id": "survey",
    "title": {"fr": "Enquête", "en": "Survey"},
    "source": {"fr": "Source", "en": "Source"},
    "from": date(2020, 8, 24),
    "until": date(2020, 9, 9),
    "n": 261,
    "several_answers": True,
    "items": [{"id": "hard", "title": {"fr": "Dur", "en": "Hard"}, "percent": 65}],
}


def item(**own: Any) -> list[dict[str, Any]]:
    return [{"id": "hard", "title": {"fr": "Dur", "en": "Hard"}, **own}]


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"until": date(2020, 8, 24)}, "a day after from"),
        ({"items": item()}, "either percent or count"),
        ({"items": item(percent=65, count=170)}, "either percent or count"),
        ({"items": item(count=262)}, "at most n"),
        ({"items": item(percent=101)}, "less than or equal to 100"),
        ({"several_answers": False, "items": [*item(percent=65), {**item(percent=38)[0], "id": "b"}]}, "more than 100"),
    ],
)
def test_a_reference_that_cannot_be_true_is_refused(desk: Any, own: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Programme.model_validate(desk.programme.model_dump(by_alias=True) | {"references": [REFERENCE | own]})
