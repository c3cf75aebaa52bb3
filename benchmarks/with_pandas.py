"""The same questions in pandas and lifelines, written the obvious way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import lifelines
import numpy as np
import pandas as pd
from lifelines.statistics import logrank_test

from benchmarks import conventions as c
from benchmarks.conventions import Figures, Phases, arguments


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


def ingest(log: Path, kept: Path) -> tuple[Figures, pd.DataFrame]:
    """Read, refuse, drop repeats, keep."""
    rows = pd.read_csv(log)
    rows["event_at"] = pd.to_datetime(rows["event_at"], format="%Y-%m-%d %H:%M:%S", errors="coerce")
    asked = rows["event_type"] == "questionnaire"
    good = rows["patient_id"].notna() & rows["event_at"].notna()
    good &= rows["event_type"].isin(c.TYPES) & rows["site"].isin(c.SITES)
    good &= ~asked | rows["score"].between(0, 10)
    refused = rows[~good]
    events = rows[good].drop_duplicates(list(c.KEY), keep="first")
    events.to_parquet(kept)
    refused[["source_row"]].to_parquet(kept.with_name("refused.parquet"))
    repeats = len(rows) - len(refused) - len(events)
    figures: Figures = {"rows": len(rows), "accepted": len(events), "repeats": repeats, "refused": len(refused)}
    events = events[events["event_at"] < pd.Timestamp(c.LOCK)].copy()
    events["day"] = events["event_at"].dt.normalize()
    return figures, events


def followed(events: pd.DataFrame) -> pd.DataFrame:
    """One row per patient with an announcement: its day, site and period, and the end of follow-up."""
    announced = events[events["event_type"] == "announcement"].sort_values(["event_at", "source_row"])
    cohort = announced.drop_duplicates("patient_id").set_index("patient_id")[["day", "site"]]
    cohort = cohort.rename(columns={"day": "start"})
    for name in ("death", "transfer_out"):
        cohort[name] = events[events["event_type"] == name].groupby("patient_id")["day"].min()
    bounds = [pd.Timestamp(day) for day in (c.BEFORE, c.TRANSITION, c.AFTER, c.LOCK)]
    cohort["period"] = pd.cut(cohort["start"], bounds, right=False, labels=list(c.PERIODS)).astype(str)
    cohort["leaves"] = cohort[["death", "transfer_out"]].min(axis=1)
    return cohort


def groups(cohort: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Every period, and every site in it, under its name."""
    for period, of_period in cohort.groupby("period"):
        yield f"{period}/all", of_period
        for site, of_site in of_period.groupby("site"):
            yield f"{period}/{site}", of_site


def offsets(events: pd.DataFrame, cohort: pd.DataFrame, name: str) -> pd.DataFrame:
    """Events of one type of the cohort with their day since the announcement."""
    found = events[events["event_type"] == name].merge(cohort, left_on="patient_id", right_index=True)
    found["offset"] = (found["day"] - found["start"]).dt.days
    return found


def referrals(events: pd.DataFrame, cohort: pd.DataFrame) -> Figures:
    """Times to the first referral: Kaplan-Meier, Aalen-Johansen and the log-rank test."""
    found = offsets(events, cohort, "referral")
    first = found[found["offset"] >= 0].groupby("patient_id")["day"].min()
    ends = cohort["leaves"].fillna(pd.Timestamp(c.LAST_DAY))
    referred = first.reindex(cohort.index)
    seen = referred <= ends
    timed = cohort.assign(
        time=(referred.where(seen, ends) - cohort["start"]).dt.days,
        status=np.select([seen, cohort["death"] == ends], [1, 2], 0),
    )
    figures: Figures = {}
    for name, group in groups(timed):
        figures |= curves(name, group["time"].to_numpy(), group["status"].to_numpy())
    after, before = timed[timed["period"] == "after"], timed[timed["period"] == "before"]
    test = logrank_test(after["time"], before["time"], after["status"] == 1, before["status"] == 1)
    return figures | {"log_rank": float(test.test_statistic)}


def curves(name: str, time: np.ndarray, status: np.ndarray) -> Figures:
    """Kaplan-Meier's survival and median, Aalen-Johansen's incidence, of one group."""
    alive = lifelines.KaplanMeierFitter().fit(time, status == 1)
    competing = lifelines.AalenJohansenFitter(seed=0, calculate_variance=False).fit(time, status, 1)
    incidence = competing.cumulative_density_.iloc[:, 0]
    median = float(alive.median_survival_time_)
    figures: Figures = {
        f"referral_alive/{name}/n": len(time),
        f"referral_alive/{name}/events": int((status == 1).sum()),
        f"referral_alive/{name}/median": None if np.isinf(median) else median,
    }
    for horizon in c.HORIZONS:
        reached = time.max() >= horizon
        survival = float(alive.predict(horizon)) if reached else None
        figures[f"referral_alive/{name}/survival_{horizon}"] = survival
        until = incidence[incidence.index <= horizon]
        figures[f"referral/{name}/cumulative_incidence_{horizon}"] = float(until.iloc[-1]) if reached else None
    return figures


def returns(events: pd.DataFrame, cohort: pd.DataFrame) -> Figures:
    """Who had a visit from day 1 to day 30, of those whose thirty days are over."""
    low, high = c.RETURN_WINDOW
    mature = cohort[(pd.Timestamp(c.LOCK) - cohort["start"]).dt.days >= high]
    visits = offsets(events, mature, "emergency_visit")
    visits = visits[(visits["offset"] >= low) & (visits["offset"] < high)]
    visits = visits[visits["leaves"].isna() | (visits["day"] <= visits["leaves"])]
    came = mature.assign(came=mature.index.isin(visits["patient_id"]))
    figures: Figures = {}
    for name, group in groups(came):
        figures |= c.share_figures(f"emergency_return/{name}", int(group["came"].sum()), len(group))
    return figures


def rates(events: pd.DataFrame, cohort: pd.DataFrame) -> Figures:
    """Episodes of visits per 100 patient-months, by period and site and by month of the announcement."""
    visits = events[events["event_type"] == "emergency_visit"].sort_values(["patient_id", "event_at", "source_row"])
    seconds = visits["event_at"].dt.tz_localize(c.ZONE).astype("int64") // 10**9
    begun = visits[c.first_visits(visits["patient_id"].tolist(), seconds.tolist())]
    begun = offsets(begun, cohort, "emergency_visit")
    begun = begun[(begun["offset"] >= 0) & (begun["leaves"].isna() | (begun["day"] <= begun["leaves"]))]
    ends = cohort["leaves"].fillna(pd.Timestamp(c.LOCK))
    counted = cohort.assign(
        episodes=begun.groupby("patient_id").size().reindex(cohort.index).fillna(0).astype(int),
        days=(ends - cohort["start"]).dt.days,
    )
    figures: Figures = {}
    for name, group in groups(counted):
        episodes, months = int(group["episodes"].sum()), float(group["days"].sum() / c.MONTH_DAYS)
        figures[f"emergency_rate/{name}/events"], figures[f"emergency_rate/{name}/months"] = episodes, months
        figures[f"emergency_rate/{name}/rate"] = 100 * episodes / months
    for month, group in counted.groupby(counted["start"].dt.strftime("%Y-%m")):
        months = float(group["days"].sum() / c.MONTH_DAYS)
        figures[f"emergency_rate/{month}/all/rate"] = 100 * int(group["episodes"].sum()) / months
    return figures


def answers(events: pd.DataFrame, cohort: pd.DataFrame) -> Figures:
    """The answer nearest day 90, the earlier of two equally near; who answered of those who could."""
    low, high = c.ANSWER_WINDOW
    mature = cohort[(pd.Timestamp(c.LOCK) - cohort["start"]).dt.days >= high]
    found = offsets(events, mature, "questionnaire")
    found = found[(found["offset"] >= low) & (found["offset"] < high)]
    found = found.assign(distance=(found["offset"] - c.NEAREST).abs())
    nearest = found.sort_values(["distance", "event_at", "source_row"]).drop_duplicates("patient_id")
    answered = mature.assign(
        score=nearest.set_index("patient_id")["score"].reindex(mature.index),
        whole=mature["leaves"].isna() | ((mature["leaves"] - mature["start"]).dt.days >= high),
    )
    figures: Figures = {}
    for name, group in groups(answered):
        scores = group["score"].dropna()
        figures |= c.share_figures(f"satisfaction/{name}", int((scores >= c.TOP_BOX).sum()), len(scores))
        figures[f"satisfaction/{name}/mean"] = float(scores.mean())
        whole = group[group["whole"]]
        figures[f"satisfaction/{name}/response_rate"] = c.share(int(whole["score"].notna().sum()), len(whole))
    return figures


if __name__ == "__main__":
    main()
