"""A declaration is read whole: lawful ones load, every fault of the others is told at once."""

# ruff: noqa: E501  (a case is a line: what is changed, into what, the fault that is told)

import contextlib
import copy
import re
import tomllib
from datetime import date, datetime
from importlib.resources import files
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.declarations import _KINDS, LARGEST_BYTES, MOST_FAULTS, load, shipped
from warehouse.errors import DeclarationError

HOME = files("warehouse")
PACOSME = (HOME / "programmes" / "pacosme.toml").read_text(encoding="utf-8")
REFERRAL = (HOME / "indicators" / "time_to_referral.toml").read_text(encoding="utf-8")


def written(folder: Path, programme: str = PACOSME, **indicators: str) -> Path:
    file = folder / "programme.toml"
    file.write_text(programme, encoding="utf-8")
    (folder / "indicators").mkdir(exist_ok=True)
    for name, text in indicators.items():
        (folder / "indicators" / f"{name}.toml").write_text(text, encoding="utf-8")
    return file


def changed(text: str, *replacements: tuple[str, str]) -> str:
    for old, new in replacements:
        assert old in text, f"the shipped declaration no longer holds {old!r}"
        text = text.replace(old, new, 1)
    return text


def faults(folder: Path, programme: str = PACOSME, **indicators: str) -> tuple[str, ...]:
    file = written(folder, programme, **indicators)
    with pytest.raises(DeclarationError) as refused:
        load(file)
    return tuple(line.removeprefix(f"{file}: ") for line in refused.value.faults)


def test_a_shipped_programme_is_found_by_its_id_and_equal_to_its_own_file(tmp_path: Path) -> None:
    assert "pacosme" in shipped()
    assert load("pacosme") == load(written(tmp_path)) == load(str(tmp_path / "programme.toml"))


def test_indicators_stand_in_the_order_of_the_analysis(tmp_path: Path) -> None:
    reordered = changed(
        PACOSME, ('"time_to_referral", "emergency_return", "sat', '"emergency_return", "time_to_referral", "sat')
    )
    programme = load(written(tmp_path, reordered))
    assert list(programme.indicators) == list(programme.analysis.indicators)
    assert next(iter(programme.indicators)) == "emergency_return"


def test_an_indicator_beside_the_programme_goes_before_the_shipped_one(tmp_path: Path) -> None:
    own = changed(REFERRAL, ('"Time to referral"', '"Our own delay"'))
    assert load(written(tmp_path, time_to_referral=own)).indicators["time_to_referral"].title.en == "Our own delay"


def test_an_id_that_is_not_shipped_is_answered_with_those_that_are() -> None:
    with pytest.raises(DeclarationError, match="pacosme, sepsis"):
        load("pacosne")


def test_a_missing_file_a_directory_and_another_encoding_are_answered_in_words(tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "latin.toml").write_bytes(PACOSME.replace("\u202f", "\u00a0").encode("cp1252"))
    with pytest.raises(DeclarationError, match="expected a TOML file, got nothing"):
        load(tmp_path / "absent.toml")
    with pytest.raises(DeclarationError, match="got a directory"):
        load(tmp_path / "folder.toml")
    with pytest.raises(DeclarationError, match=r"line \d+: expected text in UTF-8"):
        load(tmp_path / "latin.toml")


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    file = tmp_path / "windows.toml"
    file.write_bytes(b"\xef\xbb\xbf" + PACOSME.replace("\n", "\r\n").encode())
    assert load(file).plan_hash == load("pacosme").plan_hash


def test_every_fault_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    programme = changed(
        PACOSME,
        ("after = { from = 2023-01-01", "after = { from = 2022-12-01"),
        ('ORI = "referral"\n', ""),
        ('timezone = "Europe/Paris"\nencoding', "encoding"),
        ('arm = "circuit"', 'arm = "treated"'),
    )
    told = faults(
        tmp_path,
        programme,
        time_to_referral=changed(REFERRAL, ("window = [0, 91]", "window = [91, 0]")),
        satisfaction="kind = ",
    )
    assert told == (
        "periods.after: expected to start on or after the end of transition (2023-01-01)",
        "sites[0].arm: expected 'circuit' or 'comparator', got text",
        "indicators/time_to_referral.toml: window: expected a window that ends after it begins, got [91, 0]",
        "indicators/satisfaction.toml: end of file: expected valid TOML: Invalid value",
        *(
            f"indicators/time_to_referral.toml: {key}: expected an event type that a source maps, "
            "got referral, which none does"
            for key in ("event.type", *(f"variants.{name}.event.type" for name in CARE))
        ),
        "indicators/referral_completed.toml: time_zero.event: expected an event type that a source maps, "
        "got referral, which none does",
    )


CARE = ("pain", "nutrition", "physical_activity", "work", "psychology")

# One line of the shipped programme, what becomes of it, and the fault that must be told.
REFUSED = [
    ('id = "pacosme"\n', "", "id: expected this key, got nothing"),
    ('id = "pacosme"', 'id = "PACOSME"', "id: expected lowercase letters, digits, _ and -, at most 64, got text"),
    ('id = "pacosme"', "id = 7", "id: expected text, got a whole number"),
    ("title = { fr", "titel = { fr", "titel: expected no key of this name (perhaps title), got a table"),
    (', en = "PACOSME circuit"', "", "title.en: expected this key, got nothing"),
    ('fr = "Parcours PACOSME"', 'fr = " "', "title.fr: expected at least 1 character, got text"),
    ('"Europe/Paris"', '"Paris"', "timezone: expected an IANA time zone such as Europe/Paris, got text"),
    ("data_lock = 2024-04-01", "data_lock = 2024-04-01T08:00:00", "data_lock: expected a day such as 2023-01-31, got a date and time"),
    ("data_lock = 2024-04-01", 'data_lock = "2024-04-01"', "data_lock: expected a day such as 2023-01-31, got text"),
    ("data_lock = 2024-04-01", "data_lock = 2022-06-01", "periods.after: expected to start before data_lock (2022-06-01)"),
    ("data_lock = 2024-04-01", "", "data_lock: expected this key, got nothing"),
    ("before = { from = 2021-06-01", "before = { from = 2022-06-01", "periods.before.until: expected a day after from (2022-06-01), got 2022-01-01"),
    ("transition = { from = 2022-01-01", "transition = { from = 2021-12-31", "periods.transition: expected to start on or after the end of before (2022-01-01)"),
    ("after = {", "later = {", "periods.after: expected this key, got nothing"),
    ('which = "first"', 'which = "all"', "time_zero.which: expected 'first', 'last' or 'each', got text"),
    ('which = "first"', 'which = "each"', "indicators/satisfaction.toml: time_zero.which: expected first or last: score has one pathway per patient (each is the programme's)"),
    ('event = "announcement"', 'event = "annoucement"', "time_zero.event: expected an event type of the vocabulary (perhaps announcement), got another word"),
    ("starts = 2022-01-17", "starts = 20220117", "sites[1].starts: expected a day such as 2023-01-31, got a whole number"),
    ('id = "tilleuls"', 'id = "saint_cloud"', "sites[1]: expected each id once, got saint_cloud again"),
    ('format = "csv"', 'format = "xml"', "sources[0].format: expected 'csv', 'parquet' or 'xes', got text"),
    ('"events/*.csv"', '"/etc/*.csv"', "sources[0].path: expected a path inside the data directory, got text"),
    ('"events/*.csv"', '"../*.csv"', "sources[0].path: expected a path inside the data directory, got text"),
    ('timezone = "Europe/Paris"\nencoding', "encoding", "sources[0].timezone: expected the time zone of this file's local times, got nothing"),
    ('encoding = "utf-8"', 'encoding = "utf8"', "sources[0].encoding: expected 'utf-8', 'cp1252', 'latin-1' or 'utf-16', got text"),
    ('delimiter = ";"', 'delimiter = ";;"', "sources[0].delimiter: expected at most 1 characters, got text"),
    ('decimal = ","', 'decimal = "comma"', "sources[0].decimal: expected '.' or ',', got text"),
    ("%d/%m/%Y %H:%M", "DD/MM/YYYY", 'sources[0].date_format: expected "iso" or a pattern such as %d/%m/%Y %H:%M, got text'),
    ('patient_id = "ipp"\nevent_type', "event_type", "sources[0].columns.patient_id: expected this key, got nothing"),
    ('code = "detail"', 'detail = "detail"', "sources[0].columns.detail: expected one of patient_id, event_type, occurred_at, site, event_id, code, value, status, recorded_at"),
    ('code = "detail"', 'code = "ipp"', "sources[0].columns: expected each column of the file once, got ipp 2 times"),
    ('\nsite = "uf"', "", "sources[0].columns.site: expected a column for the site, or site for the whole source, as there are several sites"),
    ('SUS = "suspicion"', 'SUS = "suspicious"', "sources[0].event_types.SUS: expected an event type of the vocabulary (perhaps suspicion), got another word"),
    ('SUS = "suspicion"', "SUS = { code = 'x' }", "sources[0].event_types.SUS.type: expected this key, got nothing"),
    ('SUS = "suspicion"', '"S S" = 3', 'sources[0].event_types."S S": expected a table, got a whole number'),
    ('"0110" = "saint_cloud"', '"0110" = "saint_clou"', "sources[0].sites.0110: expected the id of a declared site (perhaps saint_cloud)"),
    ('birth_year = "annee_naissance"\n', "", "strata.age_band: expected a covariate birth_year among patients.columns"),
    ("[18, 50, 65, 75]", "[18, 65, 50, 75]", "strata.age_band: expected lower bounds in rising order"),
    ("[18, 50, 65, 75]", "[18, 50.5]", "strata.age_band[1]: expected a whole number, got a decimal number"),
    ("[18, 50, 65, 75]", "[]", "strata.age_band: expected at least 1 in the list or true, got a list"),
    ("de_novo = true", "de_novo = 'yes'", "strata.de_novo: expected a list or true, got text"),
    ("de_novo = true", "ecog = true", "strata.ecog: expected a covariate ecog among patients.columns"),
    ('spill_over = "cut"', 'spill_over = "run"', "follow_up.spill_over: expected 'cut' or 'keep', got text"),
    ('primary = ["time_to_referral"', 'primary = ["waiting"', "analysis.primary: expected only names among analysis.indicators, got waiting"),
    ('indicators = [\n    "time_to_referral"', 'indicators = [\n    "Time"', "analysis.indicators[0]: expected lowercase letters, digits, _ and -, at most 64, got text"),
    ('indicators = [\n    "time_to_referral"', 'indicators = [\n    "satisfaction"', "analysis.indicators[2]: expected each id once, got satisfaction again"),
    ('adjust_for = ["age_band"', 'adjust_for = ["sex"', "analysis.adjust_for: expected only names among strata, got sex"),
    ("replicates = 2000", "replicates = 20", "analysis.bootstrap.replicates: expected at least 200, got a whole number"),
    ("replicates = 2000", "replicates = true", "analysis.bootstrap.replicates: expected a whole number, got true or false"),
    ("smallest_count = 11", "smallest_count = 4", "privacy.smallest_count: expected at least 5, got a whole number"),
    ("round_to = 5", "round_to = 100", "privacy.round_to: expected at most 50, got a whole number"),
    ("[privacy]", "[private]", "privacy: expected this key, got nothing"),
    ("[privacy]", "[plan_hash]\n[privacy]", "plan_hash: expected no key of this name, got a table"),
    ("[time_zero]", "[indicators.x]\n[time_zero]", "indicators: expected no key of this name, got a table"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "fault"), REFUSED, ids=[row[2].partition(": expected")[0] for row in REFUSED])
def test_a_fault_of_a_programme_is_told_with_its_key(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert fault in faults(tmp_path, changed(PACOSME, (old, new)))


REFUSED_INDICATOR = [
    ('kind = "time_to_event"', 'kind = "time"', f"kind: expected one of {', '.join(map(repr, _KINDS))}, got text"),
    ('kind = "time_to_event"', "", "kind: expected this key, got nothing"),
    ('kind = "time_to_event"', 'id = "t1"\nkind = "time_to_event"', "id: expected the name of the file, time_to_referral"),
    ('better = "higher"', 'better = "more"', "better: expected 'higher' or 'lower', got text"),
    ('event = { type = "referral" }', 'event = { type = "referal" }', "event.type: expected an event type of the vocabulary (perhaps referral), got another word"),
    ('competing = ["death"]', 'competing = ["relapse"]', "competing: expected an event type of the vocabulary, got another word"),
    ('["transfer_out"]', '["transfer"]', "censored_by: expected an event type of the vocabulary (perhaps transfer_out), got another word"),
    ("window = [0, 91]", "window = [91, 91]", "window: expected a window that ends after it begins, got [91, 91]"),
    ("window = [0, 91]", "window = [0, 91, 2]", "window: expected at most 2 in the list, got a list"),
    ("window = [0, 91]", "window = [0, 91.5]", "window[1]: expected a whole number, got a decimal number"),
    ("window = [0, 91]", "window = [0, 90]", "horizons: expected all inside the window [0, 90], got [7, 14, 30, 60, 90]"),
    ("horizons = [7", "horizons = [true", "horizons[0]: expected a whole number, got true or false"),
    ("horizon = 30", "horizon = 31", "primary.horizon: expected one of the horizons [7, 14, 30, 60, 90]"),
    ('measure = "cumulative_incidence"', 'measure = "top_box"', "primary.measure: expected cumulative_incidence or survival, got top_box"),
    ("next_review = 2027-06-30", "", "next_review: expected this key, got nothing"),
    ("[definition]", "[definitions]", "definitions: expected no key of this name (perhaps definition), got a table"),
    ("[variants.pain]", "[variants.main]", "variants.main: expected another name: main is the indicator itself"),
    ("[variants.pain]", "[variants.pain]\nwindow = [0, 10]", "variants.pain.horizons: expected all inside the window [0, 10], got [7, 14, 30, 60, 90]"),
    ("[variants.pain]", "[variants.pain]\nwindow = [5, 1]", "variants.pain.window: expected a window that ends after it begins, got [5, 1]"),
    ("[variants.pain]", "[variants.pain]\nalive_until = 'x'", "variants.pain.alive_until: expected no key of this name (perhaps alive_until), got text"),
    ("[variants.pain]", '[variants.pain]\nunit = "minute"\n[variants.x]', "variants.pain.title: expected this key, got nothing"),
    ('goal = "announcement"', 'goal = "announcement"\nstrata = ["sex"]', "strata: expected only names among the programme's strata, got sex"),
    ('goal = "announcement"', 'goal = "announcement"\ntime_zero = { event = "surgery" }', "time_zero.event: expected an event type of the vocabulary, got another word"),
    ("window = [0, 91]\nearlier_event = \"exclude\"\nhorizons = [7,", "window = [0, 2000]\nhorizons = [1500, 7,", "horizons: expected to end within the longest possible follow-up (821 days)"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "fault"), REFUSED_INDICATOR)
def test_a_fault_of_an_indicator_is_told_with_its_file_and_key(tmp_path: Path, old: str, new: str, fault: str) -> None:
    told = faults(tmp_path, time_to_referral=changed(REFERRAL, (old, new)))
    assert f"indicators/time_to_referral.toml: {fault}" in told


@pytest.mark.parametrize(
    ("name", "old", "new", "fault"),
    [
        ("satisfaction", "top_box = 90", "top_box = 101", "top_box: expected a score inside the range [0, 100], got 101"),
        ("satisfaction", "nearest = 90", "nearest = 121", "nearest: expected a day inside the window [60, 121], got 121"),
        ("satisfaction", "range = [0, 100]", "range = [100, 0]", "range: expected the lowest and the highest score, got [100, 0]"),
        ("satisfaction", 'measure = "top_box"', 'measure = "proportion"', "primary: expected measure top_box and no horizon: the window decides"),
        ("needs_assessment", "window = [0, 31]", "window = [0, 822]", "window: expected to end within the longest possible follow-up (821 days)"),
        ("needs_assessment", 'unit = "day"', "at_least = 0", "at_least: expected at least 1, got a whole number"),
    ],
)  # fmt: skip
def test_scores_and_proportions_are_held_to_their_own_rules(
    tmp_path: Path, name: str, old: str, new: str, fault: str
) -> None:
    text = (HOME / "indicators" / f"{name}.toml").read_text(encoding="utf-8")
    assert f"indicators/{name}.toml: {fault}" in faults(tmp_path, **{name: changed(text, (old, new))})


def test_an_indicator_that_is_nowhere_is_answered_with_those_that_are(tmp_path: Path) -> None:
    told = faults(
        tmp_path, changed(PACOSME, ('"emergency_return", "satisfaction"', '"emergency_return", "contentment"'))
    )
    assert any("indicators/contentment.toml beside the programme or among those shipped" in line for line in told)
    assert any("needs_assessment" in line for line in told)


def test_a_source_may_know_of_no_departures_but_not_of_no_deaths(tmp_path: Path) -> None:
    assert load(written(tmp_path, changed(PACOSME, ('TRF = "transfer_out"\n', "")))).id == "pacosme"
    told = faults(tmp_path, changed(PACOSME, ('DCD = "death"', "")))
    fault = "competing: expected an event type that a source maps, got death, which none does"
    assert f"indicators/time_to_referral.toml: {fault}" in told


def test_an_event_type_may_be_unmapped_where_some_source_uses_our_own_names(tmp_path: Path) -> None:
    canonical = '\n[[sources]]\nid = "other"\npath = "other.csv"\ntimezone = "Europe/Paris"\n'
    programme = changed(PACOSME, ('ORI = "referral"\n', ""), ("\n[patients]", f"{canonical}\n[patients]"))
    assert load(written(tmp_path, programme)).sources[1].column_names["patient_id"] == "patient_id"


def test_a_syntax_error_has_its_line_and_column(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, 'id = "pacosme"\ntitle = { fr = "x" en = "y" }\n')
    assert re.match(r"line 2, column \d+: expected valid TOML: ", fault)


BOMBS = {
    "large": "#" * (LARGEST_BYTES + 1),
    "nested lists": "a = " + "[" * 200_000,
    "nested tables": "a = " + "{a=" * 60_000,
    "dotted key": "a" + ".a" * 120_000 + " = 1",
    "dotted header": "[a" + ".a" * 120_000 + "]",
    "quoted parts": "a." + '"\\"".' * 40_000 + "b = 1",
    "escapes": '"\\' * 120_000,
    "one long word": "a" * 250_000,
    "many keys": "\n".join(f"k{i} = 1" for i in range(20_000)),
    "many tables": "\n".join(f"[k{i}.a.b]" for i in range(15_000)),
    "many sites": "\n".join(["[[sites]]"] * 25_000),
    "many equal sites": PACOSME + "\n".join(['[[sites]]\nid = "a"'] * 12_000),
    "many indicators": PACOSME.replace("indicators = [", "indicators = [" + '"a", ' * 40_000),
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_hostile_file_is_refused_at_once_and_in_few_words(tmp_path: Path, bomb: str) -> None:
    began = process_time()
    told = faults(tmp_path, bomb)
    assert process_time() - began < 3  # a second alone; the machine may be busy
    assert len(told) <= MOST_FAULTS + 1
    assert all(len(line) < 2_000 for line in told)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.integers(min_value=0, max_value=len(PACOSME)))
def test_no_text_brings_anything_but_a_declaration_error(
    tmp_path_factory: pytest.TempPathFactory, noise: str, place: int
) -> None:
    file = tmp_path_factory.mktemp("noise") / "programme.toml"
    file.write_text(PACOSME[:place] + noise + PACOSME[place:], encoding="utf-8", errors="surrogatepass")
    with contextlib.suppress(DeclarationError):
        assert load(file).plan_hash


VALUES = [None, True, 3, 2.5, "~", [], [[]], {}, {"a": 1}, date(2020, 1, 1), datetime(2020, 1, 1)]  # noqa: DTZ001


def replaced(table: object, path: tuple[str | int, ...], value: object) -> object:
    whole = copy.deepcopy(table)
    inner = whole
    for part in path[:-1]:
        inner = inner[part]  # type: ignore[index]
    if value is None:
        del inner[path[-1]]  # type: ignore[attr-defined]
    else:
        inner[path[-1]] = value  # type: ignore[index]
    return whole


def paths(table: object, above: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = table.items() if isinstance(table, dict) else enumerate(table) if isinstance(table, list) else ()
    return [path for key, value in items for path in [(*above, key), *paths(value, (*above, key))]]


def test_each_key_of_a_programme_missing_or_of_any_other_kind_never_ends_in_a_traceback() -> None:
    from warehouse.coherence import incoherences
    from warehouse.declarations import _indicator, _locate, _programme

    table = tomllib.loads(PACOSME)
    place = _locate("pacosme")
    indicators = {name: _indicator(name, place)[0] for name in table["analysis"]["indicators"]}
    refused = 0
    for position, path in enumerate(paths(table)):
        for value in (None, VALUES[position % len(VALUES)]):  # each key absent, and of one other kind in turn
            draft, told = _programme(replaced(table, path, value), "p")
            told += incoherences(draft, {k: v for k, v in indicators.items() if v is not None}, "p")
            refused += bool(told)
    assert refused > 200


def test_the_plan_hash_changes_with_any_content_and_with_nothing_else(tmp_path: Path) -> None:
    same = load(written(tmp_path, "# a comment\n" + PACOSME)).plan_hash
    assert same == load("pacosme").plan_hash
    assert re.fullmatch(r"[0-9a-f]{64}", same)
    assert load(written(tmp_path, changed(PACOSME, ("round_to = 5", "round_to = 10")))).plan_hash != same
    other = changed(REFERRAL, ("horizons = [7, 14, 30, 60, 90]", "horizons = [14, 30, 60, 90]"))
    assert load(written(tmp_path, time_to_referral=other)).plan_hash != same
