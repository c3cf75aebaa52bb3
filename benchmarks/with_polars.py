"""The same questions in polars, with lifelines for the curves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
from lifelines.statistics import logrank_test
from polars import col

from benchmarks import conventions as c
from benchmarks.conventions import Figures, Phases, arguments
from benchmarks.with_pandas import curves

SCHEMA = {
    "source_row": pl.Int64, "patient_id": pl.String, "site": pl.String, "event_type": pl.String,
    "event_at": pl.String, "detail": pl.String, "score": pl.Float64,
}  # fmt: skip


def main() -> None:
    """Run, and report under the names that all programs use."""
    phases = Phases()
    log, folder, report = arguments()
    phases.end("start")
    figures, events = ingest(log, folder / "events.parquet")
    phases.end("ingest")
    cohort = followed(events)
    figures |= referrals(events, cohort) | returns(events, cohort) | rates(events, cohort) | answers(events, cohort)
    phases.end("indicators")
    phases.report(figures, report)


def ingest(log: Path, kept: Path) -> tuple[Figures, pl.DataFrame]:
    """Read, refuse, drop repeats, keep."""
    read = pl.scan_csv(log, schema=SCHEMA).with_columns(
        col("event_at").str.strptime(pl.Datetime("us"), "%Y-%m-%d %H:%M:%S", strict=False),
        col("site").cast(pl.Enum(c.SITES), strict=False),
        col("event_type").cast(pl.Enum(c.TYPES), strict=False),
    )
    answered = col("score").is_between(0, 10).fill_null(False)
    known = pl.all_horizontal(col("patient_id", "event_at", "event_type", "site").is_not_null())
    good = known & ((col("event_type") != "questionnaire") | answered)
    rows = read.with_columns(good=good.fill_null(False)).collect(engine="streaming")
    refused = rows.filter(~col("good")).select("source_row")
    events = rows.filter("good").drop("good").unique(c.KEY, keep="first", maintain_order=True)
    events.write_parquet(kept)
    refused.write_parquet(kept.with_name("refused.parquet"))
    repeats = rows.height - refused.height - events.height
    figures: Figures = {
        "rows": rows.height, "accepted": events.height, "repeats": repeats, "refused": refused.height,
    }  # fmt: skip
    current = events.filter(col("event_at") < pl.lit(c.LOCK).cast(pl.Datetime))
    return figures, current.with_columns(day=col("event_at").dt.date())


def followed(events: pl.DataFrame) -> pl.DataFrame:
    """One row per patient with an announcement: its day, site and period, and the end of follow-up."""
    announced = events.filter(col("event_type") == "announcement").sort("event_at", "source_row")
    cohort = announced.unique("patient_id", keep="first").select("patient_id", col("site").cast(pl.String), start="day")
    for name in ("death", "transfer_out"):
        first = events.filter(col("event_type") == name).group_by("patient_id").agg(col("day").min().alias(name))
        cohort = cohort.join(first, on="patient_id", how="left")
    later = pl.when(col("start") < c.AFTER).then(pl.lit("transition")).otherwise(pl.lit("after"))
    period = pl.when(col("start") < c.TRANSITION).then(pl.lit("before")).otherwise(later)
    return cohort.with_columns(period=period, leaves=pl.min_horizontal("death", "transfer_out"))


def groups(cohort: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Every period, and every site in it, under its name."""
    for (period,), of_period in cohort.partition_by("period", as_dict=True).items():
        yield f"{period}/all", of_period
        for (site,), of_site in of_period.partition_by("site", as_dict=True).items():
            yield f"{period}/{site}", of_site


def offsets(events: pl.DataFrame, cohort: pl.DataFrame, name: str) -> pl.DataFrame:
    """Events of one type of the cohort with their day since the announcement."""
    found = events.filter(col("event_type") == name).drop("site").join(cohort, on="patient_id")
    return found.with_columns(offset=(col("day") - col("start")).dt.total_days())


def referrals(events: pl.DataFrame, cohort: pl.DataFrame) -> Figures:
    """Times to the first referral: Kaplan-Meier, Aalen-Johansen and the log-rank test."""
    found = offsets(events, cohort, "referral").filter(col("offset") >= 0)
    first = found.group_by("patient_id").agg(referred=col("day").min())
    ends, seen = col("leaves").fill_null(c.LAST_DAY), (col("referred") <= col("ends")).fill_null(False)
    timed = cohort.join(first, on="patient_id", how="left").with_columns(ends=ends)
    timed = timed.with_columns(
        time=(pl.when(seen).then("referred").otherwise("ends") - col("start")).dt.total_days(),
        status=pl.when(seen).then(1).when(col("death") == col("ends")).then(2).otherwise(0),
    )
    figures: Figures = {}
    for name, group in groups(timed):
        figures |= curves(name, group["time"].to_numpy(), group["status"].to_numpy())
    after, before = (timed.filter(col("period") == name) for name in ("after", "before"))
    test = logrank_test(after["time"], before["time"], after["status"] == 1, before["status"] == 1)
    return figures | {"log_rank": float(test.test_statistic)}


def _mature(cohort: pl.DataFrame, high: int) -> pl.DataFrame:
    return cohort.filter((pl.lit(c.LOCK) - col("start")).dt.total_days() >= high)


def returns(events: pl.DataFrame, cohort: pl.DataFrame) -> Figures:
    """Who had a visit from day 1 to day 30, of those whose thirty days are over."""
    low, high = c.RETURN_WINDOW
    mature = _mature(cohort, high)
    stayed = (col("day") <= col("leaves")).fill_null(True)
    visits = offsets(events, mature, "emergency_visit").filter(stayed & col("offset").is_between(low, high - 1))
    came = mature.join(visits.select("patient_id", came=True).unique(), on="patient_id", how="left")
    figures: Figures = {}
    for name, group in groups(came):
        figures |= c.share_figures(f"emergency_return/{name}", int(group["came"].sum()), group.height)
    return figures


def rates(events: pl.DataFrame, cohort: pl.DataFrame) -> Figures:
    """Episodes of visits per 100 patient-months, by period and site and by month of the announcement."""
    visits = events.filter(col("event_type") == "emergency_visit").sort("patient_id", "event_at", "source_row")
    seconds = visits["event_at"].dt.replace_time_zone(c.ZONE).dt.epoch("s")
    starts = c.first_visits(visits["patient_id"].to_list(), seconds.to_list())
    begun = offsets(visits.filter(pl.Series(starts)), cohort, "emergency_visit")
    begun = begun.filter((col("offset") >= 0) & (col("day") <= col("leaves")).fill_null(True))
    counted = cohort.join(begun.group_by("patient_id").agg(episodes=pl.len()), on="patient_id", how="left")
    counted = counted.with_columns(days=(col("leaves").fill_null(c.LOCK) - col("start")).dt.total_days())
    figures: Figures = {}
    for name, group in groups(counted):
        episodes, months = int(group["episodes"].sum()), int(group["days"].sum()) / c.MONTH_DAYS
        figures[f"emergency_rate/{name}/events"], figures[f"emergency_rate/{name}/months"] = episodes, months
        figures[f"emergency_rate/{name}/rate"] = 100 * episodes / months
    monthly = counted.group_by(month=col("start").dt.strftime("%Y-%m")).agg(col("episodes", "days").sum())
    for month, episodes, days in monthly.iter_rows():
        figures[f"emergency_rate/{month}/all/rate"] = 100 * episodes / (days / c.MONTH_DAYS)
    return figures


def answers(events: pl.DataFrame, cohort: pl.DataFrame) -> Figures:
    """The answer nearest day 90, the earlier of two equally near; who answered of those who could."""
    low, high = c.ANSWER_WINDOW
    mature = _mature(cohort, high)
    found = offsets(events, mature, "questionnaire").filter(col("offset").is_between(low, high - 1))
    found = found.sort((col("offset") - c.NEAREST).abs(), "event_at", "source_row")
    nearest = found.unique("patient_id", keep="first", maintain_order=True).select("patient_id", "score")
    whole = ((col("leaves") - col("start")).dt.total_days() >= high).fill_null(True)
    answered = mature.join(nearest, on="patient_id", how="left").with_columns(whole=whole)
    figures: Figures = {}
    for name, group in groups(answered):
        scores = group["score"].drop_nulls()
        figures |= c.share_figures(f"satisfaction/{name}", int((scores >= c.TOP_BOX).sum()), len(scores))
        figures[f"satisfaction/{name}/mean"] = scores.mean()  # type: ignore[assignment]
        of_whole = group.filter("whole")["score"]
        figures[f"satisfaction/{name}/response_rate"] = c.share(of_whole.count(), len(of_whole))
    return figures


if __name__ == "__main__":
    main()
