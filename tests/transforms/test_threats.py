"""Threats to the contrast: each is planted and found, and is not found where it is not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import polars as pl
import pytest
from oracle.builders import REFERRAL, RETURN, SATISFACTION, VISITS, event_frame, log, patient_frame, programme

from transforms.follow_up import History
from transforms.outcomes import outcomes
from transforms.pathways import pathways, with_start
from transforms.tallies import tally
from transforms.threat_disclosure import released_threats
from transforms.threats import threats
from transforms.threats_to_groups import standardised_difference
from warehouse.programme import Programme
from warehouse.schemas import (
    ATTRITION_TALLY,
    COUNT_TALLY,
    MONTH_TALLY,
    RECURRENCE_TALLY,
    RELEASED_THREAT,
    SCORE_TALLY,
    THREAT,
    TIME_TALLY,
    Tallies,
)

SITES = ({"id": "north"}, {"id": "south"}, {"id": "far", "arm": "comparator"})
DECLARED = programme(sites=SITES, strata={"de_novo": True}, indicators={"time_to_referral": REFERRAL})
NO_EVENTS = pl.DataFrame(schema={"site": pl.String, "month": pl.String, "event_type": pl.String, "n": pl.Int64})
EVENT, CENSORED, DEATH = 1, 0, 2
KEYS = {"indicator_id": "time_to_referral", "variant": "main", "arm": "circuit", "site": None, "stratum": None}


def table(schema: pl.Schema, *rows: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([dict.fromkeys(schema) | KEYS | row for row in rows], schema=schema)


def times(*rows: tuple[str, str, str | None, int, int, int]) -> pl.DataFrame:
    """Cells from view, period, stratum, time, status, n."""
    names = ("view", "period", "stratum", "time", "status", "n")
    return table(TIME_TALLY, *(dict(zip(names, row, strict=True)) | {"entry": -1} for row in rows))


def tallies(**frames: pl.DataFrame) -> Tallies:
    empty = {
        "time": TIME_TALLY.to_frame(), "count": COUNT_TALLY.to_frame(), "score": SCORE_TALLY.to_frame(),
        "attrition": ATTRITION_TALLY.to_frame(),
    }  # fmt: skip
    return Tallies(**(empty | frames))


def found(threat: str, counted: Tallies, declared: Programme = DECLARED, volumes: pl.DataFrame = NO_EVENTS,
          **where: str) -> list[dict[str, Any]]:  # fmt: skip
    frame = threats(counted, volumes, declared)
    assert frame.schema == THREAT
    return frame.filter(threat_id=threat, **where).to_dicts()


def the(*arguments: Any, **where: Any) -> dict[str, Any]:
    (row,) = found(*arguments, **where)
    return row


# --- Those who began with the data --------------------------------------------------------------


def test_pathways_of_the_first_ninety_days_of_the_data_are_counted_apart() -> None:
    rows = log(
        (1, "announcement", "2021-01-10"), (1, "referral", "2021-01-12"),
        (2, "announcement", "2021-04-09"), (2, "referral", "2021-04-19"),
        (3, "announcement", "2021-04-10"),
        (4, "announcement", "2023-05-01"), (4, "referral", "2023-05-05"),
    )  # fmt: skip
    events = event_frame(rows)
    started = with_start(pathways(events, patient_frame(()), programme(), DECLARED.time_zero), date(2021, 1, 10))
    measured = outcomes(started, History(events), programme(), programme().indicators["time_to_referral"])
    counted = tally(started, measured, programme(), indicator_id="time_to_referral", variant="main").time
    of_start = counted.filter(view="start").select("period", "stratum", "time", "status", "n")
    assert set(of_start.iter_rows()) == {
        ("before", "first_90_days", 2, EVENT, 1),  # day 0 of the data
        ("before", "first_90_days", 10, EVENT, 1),  # day 89
        ("before", "later", 90, CENSORED, 1),  # day 90
        ("after", "later", 4, EVENT, 1),
    }


def test_a_variant_and_pathways_that_do_not_say_are_not_counted_by_start() -> None:
    events = event_frame(log((1, "announcement", "2021-01-10")))
    started = pathways(events, patient_frame(()), programme(), DECLARED.time_zero)
    measured = outcomes(started, History(events), programme(), programme().indicators["time_to_referral"])
    for those, variant in ((started, "main"), (with_start(started, date(2021, 1, 10)), "other")):
        counted = tally(those, measured, programme(), indicator_id="time_to_referral", variant=variant)
        assert "start" not in counted.time["view"].to_list()


@pytest.mark.parametrize(
    ("early", "level", "apart"),
    [
        ([(2, EVENT, 36), (90, CENSORED, 4)], "present", 0.6),
        ([(2, EVENT, 4), (90, CENSORED, 96)], "present", -0.26),
        ([(10, EVENT, 12), (90, CENSORED, 28)], "cannot_be_told", 0.0),
        ([], "absent", None),
    ],
)
def test_pathways_that_began_with_the_data(early: list[tuple[int, int, int]], level: str, apart: float | None) -> None:
    later = [("start", "before", "later", 10, EVENT, 30), ("start", "before", "later", 90, CENSORED, 70)]
    cells = times(*later, *(("start", "before", "first_90_days", *cell) for cell in early))
    row = the("prevalent_at_start", tallies(time=cells))
    assert row["level"] == level
    assert (row["n_reference"], row["n_with_reference"], row["reference"]) == (100, 30, pytest.approx(0.3))
    assert row["n_compared"] == sum(n for *_, n in early)
    assert row["contrast"] == (None if apart is None else pytest.approx(apart))
    assert (row["measure"], row["horizon"]) == ("cumulative_incidence", 30)


def test_a_time_zero_of_each_event_or_of_the_last_has_no_prevalent_pathway() -> None:
    for which in ("each", "last"):
        zero = {"event": "announcement", "which": which}
        assert not found("prevalent_at_start", tallies(), programme(time_zero=zero))


def test_rates_and_shares_that_began_with_the_data() -> None:
    visits = programme(indicators={"visits": VISITS})
    keys = {"indicator_id": "visits", "view": "start", "period": "before"}
    counts = table(
        COUNT_TALLY,
        *(keys | {"stratum": start, "events": events, "exposure": 90, "n": n}
          for start, events, n in (("first_90_days", 2, 60), ("first_90_days", 0, 40), ("later", 1, 20),
                                   ("later", 0, 180))),
    )  # fmt: skip
    courses = [  # the stratum, how many pathways, the days of the events of each
        ("first_90_days", 60, (3, 40)), ("first_90_days", 40, ()), ("later", 20, (60,)), ("later", 180, ()),
    ]  # fmt: skip
    recurrences = table(
        RECURRENCE_TALLY,
        *(keys | {"stratum": start, "end": 90, "status": CENSORED, "n": n} for start, n, _ in courses),
        *(keys | {"stratum": start, "first": day, "opens": day == days[0], "end": 90, "status": CENSORED, "n": n}
          for start, n, days in courses for day in days),
        *(keys | {"stratum": start, "first": one, "second": two, "n": n}
          for start, n, days in courses for one in days for two in days if one <= two),
    )  # fmt: skip
    row = the("prevalent_at_start", tallies(count=counts, recurrences=recurrences), visits)
    months = 90 / 30.4375
    assert row["level"] == "present"
    assert row["n_with_compared"] == 60  # pathways, not the 120 events
    assert row["contrast"] == pytest.approx(100 * (120 / 100 - 20 / 200) / months)


# --- Coverage and missing months ----------------------------------------------------------------


def months_of(*years: int) -> list[str]:
    return [f"{year}-{month:02d}" for year in years for month in range(1, 13)]


def volumes(each: Mapping[str, int], *, without: Iterable[tuple[str, str, str]] = ()) -> pl.DataFrame:
    """So many events of each type a month at every site, but those left out: site, month or year, type or *."""
    dropped = set(without)
    rows = [
        {"site": site["id"], "month": month, "event_type": event_type, "n": n}
        for site in SITES
        for month in months_of(2021, 2022, 2023)
        for event_type, n in each.items()
        if not {(site["id"], when, name) for when in (month, month[:4]) for name in (event_type, "*")} & dropped
    ]
    return pl.DataFrame(rows, schema=NO_EVENTS.schema)


STEADY = {"announcement": 10, "referral": 12, "death": 2}


def test_data_without_gaps_or_changes_raise_no_threat() -> None:
    held = volumes(STEADY)
    for threat in ("coverage", "missing_months"):
        assert {row["level"] for row in found(threat, tallies(), volumes=held)} == {"absent"}


def test_a_type_of_event_that_one_site_has_after_only() -> None:
    held = volumes(STEADY, without=[("south", "2021", "referral")])
    row = the("coverage", tallies(), volumes=held, scope="referral", measure="site_changed")
    assert row["level"] == "present"
    assert (row["n_with_reference"], row["n_with_compared"], row["n_compared"]) == (0, 1, 3)


def test_a_rare_type_that_a_site_has_after_only_may_be_chance() -> None:
    held = volumes(STEADY).filter((pl.col("event_type") != "referral") | (pl.col("month") == "2023-03"))
    row = the("coverage", tallies(), volumes=held.with_columns(n=pl.min_horizontal("n", 9)), scope="referral",
              measure="site_changed")  # fmt: skip
    assert row["level"] == "absent"


def test_a_type_of_event_that_grows_threefold_is_told_with_its_numbers() -> None:
    grown = pl.when((pl.col("event_type") == "referral") & (pl.col("month") >= "2023")).then(pl.col("n") * 12)
    held = volumes(STEADY).with_columns(n=grown.otherwise("n"))
    row = the("coverage", tallies(), volumes=held, scope="referral", unit="event")
    assert row["level"] == "present"
    assert row["n_with_reference"] == 2 * 6 * 12  # two circuit sites, six months
    assert row["n_with_compared"] == 2 * 6 * 144
    assert row["contrast"] > 2


def changed(factor: float, *sites: str) -> pl.DataFrame:
    """Referrals of these sites times a factor from 2023 on; without any the rows are not there."""
    later = pl.col("site").is_in(sites) & (pl.col("event_type") == "referral") & (pl.col("month") >= "2023")
    number = pl.when(later).then((pl.col("n") * factor).cast(pl.Int64)).otherwise("n")
    return volumes({**STEADY, "referral": 60}).with_columns(n=number).filter(pl.col("n") > 0)


@pytest.mark.parametrize(("factor", "ratio"), [(0.25, 0.25), (0.0, 0.0)])
def test_a_type_of_event_that_falls_or_is_gone_is_told_as_one_that_grows(factor: float, ratio: float) -> None:
    """Set against the pathways that start, as many as before: of those known there are more, which a fall is not."""
    row = the("coverage", tallies(), volumes=changed(factor, "north", "south"), scope="referral", unit="event")
    assert row["level"] == "present"
    assert (row["measure"], row["contrast"]) == ("events_per_start", pytest.approx(ratio))
    assert row["n_with_compared"] == 2 * 6 * 60 * factor


def test_what_changes_at_comparator_sites_is_no_threat_to_the_circuit() -> None:
    row = the("coverage", tallies(), volumes=changed(20, "far"), scope="referral", unit="event")
    assert row["level"] == "absent"
    assert row["n_with_compared"] == 2 * 6 * 60


def test_a_type_of_event_that_no_circuit_site_had_before_has_no_ratio() -> None:
    held = volumes(STEADY, without=[(site, "2021", "referral") for site in ("north", "south")])
    row = the("coverage", tallies(), volumes=held, scope="referral", unit="event")
    assert (row["level"], row["reference"], row["contrast"]) == ("present", 0.0, None)
    other = the("coverage", tallies(), volumes=held, scope="referral", unit="site")
    assert (other["n_with_compared"], other["n_compared"]) == (2, 3)


def test_the_order_of_the_rows_changes_nothing() -> None:
    held = volumes(STEADY, without=[("south", "2021", "referral"), ("north", "2023-02", "*")])
    one, other = (threats(tallies(), frame, DECLARED) for frame in (held, held.reverse()))
    assert one.equals(other)


def test_more_patients_known_explain_more_events() -> None:
    """Consultations in proportion to the patients known grow fivefold, and are no change of coverage."""
    known = pl.col("month").str.head(4).cast(pl.Int64) * 12 + pl.col("month").str.tail(2).cast(pl.Int64) - 2021 * 12
    grows = pl.when(pl.col("event_type") == "referral").then(known * 8)
    held = volumes({"announcement": 10, "referral": 1}).with_columns(n=grows.otherwise("n"))
    row = the("coverage", tallies(), volumes=held, scope="referral", unit="event")
    assert (row["level"], row["measure"]) == ("absent", "events_per_patient_known")
    assert row["contrast"] == pytest.approx(0.97, abs=0.05)


@pytest.mark.parametrize(
    ("events", "level"), [((60, 150), "present"), ((60, 90), "absent"), ((4, 9), "cannot_be_told")]
)
def test_visits_are_set_against_days_at_risk(events: tuple[int, int], level: str) -> None:
    declared = programme(sites=SITES, indicators={"visits": VISITS})
    keys = {"indicator_id": "visits", "view": "overall", "n": 100, "n_with": 10, "exposure": 3000}
    rows = [keys | {"period": month, "events": number // 6 + (number % 6 if month.endswith(last) else 0)}
            for year, number, last in ((2021, events[0], "12"), (2023, events[1], "01"))
            for month in months_of(year)]  # fmt: skip
    row = the("coverage", tallies(months=table(MONTH_TALLY, *rows)), declared, volumes(STEADY),
              scope="emergency_visit", unit="event")  # fmt: skip
    assert (row["level"], row["measure"]) == (level, "events_per_patient_month")
    assert (row["n_with_reference"], row["n_with_compared"]) == events
    assert row["reference"] == pytest.approx(events[0] / (6 * 3000 / 30.4375))


def test_a_month_without_any_event_is_missing_and_one_without_a_type_cannot_be_told() -> None:
    held = volumes(STEADY, without=[("north", "2021-03", "*"), ("south", "2023-08", "referral"),
                                    ("south", "2023-08", "death")])  # fmt: skip
    missing = the("missing_months", tallies(), volumes=held, measure="month_missing")
    assert missing["level"] == "present"
    assert (missing["n_with_reference"], missing["n_reference"]) == (1, 36)
    assert (missing["n_with_compared"], missing["n_compared"]) == (0, 36)
    zero = the("missing_months", tallies(), volumes=held, scope="referral")
    assert zero["level"] == "cannot_be_told"
    assert (zero["n_with_reference"], zero["n_reference"]) == (0, 35)  # the missing month is none with zero
    assert (zero["n_with_compared"], zero["n_compared"]) == (1, 36)
    assert the("missing_months", tallies(), volumes=held, scope="death")["level"] == "absent"  # two a month: by chance


@pytest.mark.parametrize(("events", "level"), [(6 * 12, "absent"), (7 * 12 - 1, "absent"), (7 * 12, "cannot_be_told")])
def test_a_month_with_none_surprises_where_seven_a_month_are_usual(events: int, level: str) -> None:
    """Of the site's events before the programme: usual is their number over twelve months, the one without among them.

    One in each of ten months, and the others in April.
    """
    held = volumes({**STEADY, "referral": 1}, without=[("north", "2021-03", "referral")])
    april = (pl.col("site") == "north") & (pl.col("month") == "2021-04") & (pl.col("event_type") == "referral")
    counted = held.with_columns(n=pl.when(april).then(events - 10).otherwise("n"))
    row = the("missing_months", tallies(), volumes=counted, scope="referral")
    assert (row["level"], row["n_with_reference"], row["n_with_compared"]) == (level, int(level != "absent"), 0)


# --- Follow-up and loss -------------------------------------------------------------------------


@pytest.mark.parametrize(("short", "level"), [(20, "present"), (6, "present"), (5, "absent")])
@pytest.mark.parametrize("period", ["before", "after"])
def test_pathways_of_one_period_are_followed_less_long(period: str, short: int, level: str) -> None:
    cells = [("overall", "after" if period == "before" else "before", None, 90, CENSORED, 100)]
    cells += [("overall", period, None, 29, CENSORED, short), ("overall", period, None, 30, CENSORED, 60 - short),
              ("overall", period, None, 5, DEATH, 20), ("overall", period, None, 5, EVENT, 20)]  # fmt: skip
    row = the("unequal_follow_up", tallies(time=times(*cells)))
    assert row["level"] == level
    shares = (short / 100, 0.0) if period == "before" else (0.0, short / 100)
    assert (row["reference"], row["compared"]) == shares
    assert row["contrast"] == shares[1] - shares[0]


def test_immature_shares_and_scores_and_visits_cut_short_are_followed_less_long() -> None:
    declared = programme(indicators={"back": RETURN, "satisfaction": SATISFACTION, "visits": VISITS})
    reasons = [("before", "analysed", 60), ("before", "immature", 30), ("before", "no_answer", 10),
               ("before", "prevalent", 50), ("after", "analysed", 100)]  # fmt: skip
    attrition = table(ATTRITION_TALLY, *(
        {"indicator_id": name, "view": "overall", "period": period, "reason": reason, "n": n}
        for name in ("back", "satisfaction") for period, reason, n in reasons))  # fmt: skip
    ends = [("before", 40, CENSORED, 30), ("before", 40, DEATH, 20), ("before", 90, CENSORED, 50),
            ("after", 90, CENSORED, 100)]  # fmt: skip
    recurrences = table(RECURRENCE_TALLY, *(
        {"indicator_id": "visits", "view": "overall", "period": period, "end": end, "status": status, "n": n}
        for period, end, status, n in ends))  # fmt: skip
    counted = tallies(attrition=attrition, recurrences=recurrences)
    rows = found("unequal_follow_up", counted, declared)
    assert [(row["indicator_id"], row["level"], row["reference"]) for row in rows] == [
        ("back", "present", 0.3), ("satisfaction", "present", 0.3), ("visits", "present", 0.3),
    ]  # fmt: skip
    assert {row["level"] for row in found("informative_loss", counted, declared)} == {"cannot_be_told"}


@pytest.mark.parametrize(("lost", "level"), [(12, "present"), (6, "present"), (4, "absent")])
def test_loss_is_told_of_months_that_nothing_else_could_cut_short(lost: int, level: str) -> None:
    cells = [("month", "2021-06", None, 10, CENSORED, 5), ("month", "2021-06", None, 90, CENSORED, 95),
             ("month", "2021-12", None, 10, CENSORED, 90),  # cut with the before period: nobody need have left
             ("month", "2022-06", None, 10, CENSORED, 90),  # transition
             ("month", "2023-06", None, 10, CENSORED, 5 + lost),
             ("month", "2023-06", None, 90, CENSORED, 95 - lost)]  # fmt: skip
    row = the("informative_loss", tallies(time=times(*cells)), scope_type="overall")
    assert row["level"] == level
    assert (row["n_reference"], row["n_with_reference"]) == (100, 5)
    assert (row["n_compared"], row["n_with_compared"]) == (100, 5 + lost)


def test_loss_by_level_where_the_whole_after_period_could_be_followed() -> None:
    cells = times(
        ("equity:de_novo", "after", "yes", 10, CENSORED, 20), ("equity:de_novo", "after", "yes", 90, CENSORED, 80),
        ("equity:de_novo", "after", "no", 90, CENSORED, 200),
    )  # fmt: skip
    row = the("informative_loss", tallies(time=cells), scope="yes")
    assert (row["scope_type"], row["level"], row["compared"], row["reference"]) == ("de_novo", "present", 0.2, 0.0)
    early_lock = programme(strata={"de_novo": True}, data_lock=date(2024, 1, 15))
    assert not found("informative_loss", tallies(time=cells), early_lock, scope="yes")


# --- Case mix and recording ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "level"), [(600, "present"), (551, "present"), (549, "absent"), (451, "absent"), (449, "present")]
)
def test_a_changed_case_mix(after: int, level: str) -> None:
    """A tenth of a standard deviation, which is about one half, either way."""
    cells = times(
        ("equity:de_novo", "before", "yes", 5, EVENT, 500), ("equity:de_novo", "before", "no", 5, EVENT, 500),
        ("equity:de_novo", "after", "yes", 5, EVENT, after), ("equity:de_novo", "after", "no", 9, EVENT, 1000 - after),
    )  # fmt: skip
    row = the("case_mix", tallies(time=cells), scope="yes")
    assert row["level"] == level
    assert (row["reference"], row["compared"]) == (0.5, after / 1000)
    assert row["contrast"] == pytest.approx(standardised_difference(after / 1000, 0.5))


def test_standardised_differences_without_variance() -> None:
    assert standardised_difference(1.0, 1.0) == 0.0
    assert standardised_difference(1.0, 0.0) is None  # infinite
    assert standardised_difference(0.6, 0.5) == pytest.approx(0.1 / (0.245) ** 0.5)


def test_periods_swapped_change_the_sign_of_every_case_mix() -> None:
    assert standardised_difference(0.3, 0.7) == -standardised_difference(0.7, 0.3)  # type: ignore[operator]


def test_an_outcome_that_the_circuit_records_is_declared() -> None:
    own = programme(indicators={"own": REFERRAL | {"recorded_by_circuit": True}, "other": REFERRAL})
    levels = {row["indicator_id"]: row["level"] for row in found("recorded_by_circuit", tallies(), own)}
    assert levels == {"own": "present", "other": "absent"}


# --- What leaves --------------------------------------------------------------------------------


def threat(**own: Any) -> dict[str, Any]:
    base = {"threat_id": "unequal_follow_up", "indicator_id": "time_to_referral", "scope_type": "overall",
            "scope": "all", "level": "present", "measure": "short_of_horizon", "unit": "pathway",
            "n_reference": 213, "n_with_reference": 52, "reference": 52 / 213, "n_compared": 308,
            "n_with_compared": 33, "compared": 33 / 308, "contrast": 33 / 308 - 52 / 213, "ci_low": -0.2031,
            "ci_high": -0.0711}  # fmt: skip
    return base | own


def released(row: dict[str, Any], declared: Programme = DECLARED) -> dict[str, Any]:
    frame = released_threats(pl.DataFrame([row], schema=THREAT), declared)
    assert frame.schema == RELEASED_THREAT
    (published,) = frame.to_dicts()
    return published


def test_counts_are_rounded_and_shares_are_those_of_the_published_counts() -> None:
    row = released(threat())
    assert (row["n_reference"], row["n_with_reference"], row["reference"]) == (215, 50, round(50 / 215, 2))
    assert (row["n_compared"], row["n_with_compared"], row["compared"]) == (310, 35, round(35 / 310, 2))
    assert row["contrast"] == pytest.approx(0.11 - 0.23)
    assert (row["ci_low"], row["withheld"]) == (-0.2, None)


@pytest.mark.parametrize("n_with", [0, 10, 298])
def test_a_small_group_is_withheld_with_the_contrast_and_the_other_stays(n_with: int) -> None:
    row = released(threat(n_with_compared=n_with, compared=n_with / 308))
    assert (row["level"], row["withheld"]) == ("present", "small_count")
    assert [row[name] for name in ("n_with_compared", "compared", "contrast", "ci_low", "ci_high")] == [None] * 5
    assert (row["n_compared"], row["n_with_reference"], row["reference"]) == (310, 50, 0.23)


def test_an_empty_group_is_told() -> None:
    row = released(threat(n_compared=0, n_with_compared=0, compared=None, contrast=None, ci_low=None, ci_high=None))
    assert (row["n_compared"], row["compared"], row["withheld"], row["reference"]) == (0, None, None, 0.23)


def test_sites_and_months_are_exact_and_events_are_not() -> None:
    months = released(threat(unit="site_month", n_with_reference=1, measure="month_missing", reference=None))
    assert (months["n_reference"], months["n_with_reference"], months["withheld"]) == (213, 1, None)
    events = released(threat(unit="event", n_with_reference=3, measure="events_per_start"))
    assert (events["n_with_reference"], events["reference"], events["withheld"]) == (None, None, "small_count")


def test_pathways_of_several_each_are_withheld_as_their_patients_are_not_counted() -> None:
    each = programme(time_zero={"event": "announcement", "which": "each"})
    row = released(threat(), each)
    assert (row["withheld"], row["reference"], row["compared"], row["contrast"]) == ("small_count", None, None, None)
