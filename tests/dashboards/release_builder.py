"""A small realistic release, made by formula: what disclosure control would hand to the pages.

Tests may construct a Release; the product may not. Counts are multiples of five, shares whole
percentages, times whole numbers; some cells are withheld, as in life.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from warehouse.programme import Programme
from warehouse.schemas import (
    RELEASED_ACTIVITY,
    RELEASED_ATTRITION,
    RELEASED_CHECK,
    RELEASED_CURVE,
    RELEASED_FIGURE,
    RELEASED_FILE,
    RELEASED_READING,
    RELEASED_REFERENCE,
    Provenance,
    Release,
)

LOCK = date(2024, 4, 1)
PERIODS = {
    "before": {"from": date(2021, 6, 1), "until": date(2022, 1, 1)},
    "transition": {"from": date(2022, 1, 1), "until": date(2023, 1, 1)},
    "after": {"from": date(2023, 1, 1), "until": date(2024, 1, 1)},
}
CIRCUIT = ("Saint-Cloud", "Paris", "Orsay", "Lyon", "Lille", "Nantes", "Toulouse", "Dijon")
COMPARATORS = ("Reims", "Caen", "Angers", "Montpellier")
SMALL = "small_count"

ANSWERS = {
    "coaching": {"fr": "Accompagnement individuel", "en": "Individual coaching"},
    "workshops": {"fr": "Ateliers collectifs", "en": "Group workshops"},
}
KINDS: list[dict[str, Any]] = [
    {"id": "trained", "title": {"fr": "Professionnels formés", "en": "Professionals trained"}, "counts": "people"},
    {"id": "workshops", "title": {"fr": "Ateliers tenus", "en": "Workshops held"}, "counts": "actions"},
    {"id": "survey", "title": {"fr": "Réponses à l’enquête", "en": "Answers to the survey"}, "counts": "people",
     "items": [{"id": name, "title": title} for name, title in ANSWERS.items()]},
]  # fmt: skip
SURVEY: dict[str, Any] = {
    "id": "survey_2020",
    "title": {"fr": "Enquête nationale de 2020", "en": "National survey of 2020"},
    "source": {"fr": "Enquête en ligne.", "en": "Online survey."},
    "from": date(2020, 8, 24),
    "until": date(2020, 9, 9),
    "n": 261,
    "several_answers": True,
    "items": [
        {"id": "coaching", "title": ANSWERS["coaching"], "percent": 38},
        {"id": "workshops", "title": ANSWERS["workshops"], "count": 70},
    ],
}


@dataclass(frozen=True)
class Share:
    """The truth behind one indicator: shares before and after in circuit and comparator sites."""

    before: float
    after: float
    comparator: tuple[float, float]
    n: int = 900


def text(fr: str, en: str) -> dict[str, str]:
    return {"fr": fr, "en": en}


def indicator(kind: str, name: str, title: dict[str, str], **own: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "id": name,
        "kind": kind,
        "title": title,
        "definition": text(
            "Temps entre l’annonce et le premier événement, pour tous les parcours éligibles.",
            "Time from announcement to the first event, for all eligible pathways.",
        ),
        "caveat": text(
            "Un enregistrement plus soigneux après l’ouverture du parcours peut faire paraître l’événement plus "
            "fréquent.",
            "More careful recording once the circuit opened can make the event look more frequent.",
        ),
        "better": "higher",
        "goal": "announcement",
        "authored_by": "Unité d’évaluation",
        "checked_by": "Département de biostatistique",
        "next_review": date(2027, 1, 1),
        "event": {"type": "referral"},
        "window": [0, 91],
    }
    return base | own


def indicators() -> dict[str, dict[str, Any]]:
    incidence = {"measure": "cumulative_incidence", "horizon": 30}
    kinds = {
        "psychology": text("Psychologie", "Psychology"),
        "pain": text("Douleur", "Pain"),
        "palliative": text("Soins palliatifs", "Palliative care"),
    }
    variants = {code: {"title": title, "event": {"type": "referral", "code": [code]}} for code, title in kinds.items()}
    declared = [
        indicator("time_to_event", "time_to_referral", text("Délai d’orientation", "Time to referral"),
                  competing=["death"], horizons=[14, 30, 60, 90], primary=incidence, variants=variants),
        indicator("time_to_event", "emergency_return",
                  text("Retour aux urgences à 30 jours", "Emergency return within 30 days"), better="lower",
                  goal="emergency", event={"type": "emergency_visit"}, window=[1, 31], competing=["death"],
                  horizons=[7, 14, 30], primary=incidence),
        indicator("score", "satisfaction", text("Satisfaction globale", "Overall satisfaction"), goal="satisfaction",
                  event={"type": "questionnaire", "code": ["overall"]}, window=[60, 121], nearest=90, top_box=90,
                  primary={"measure": "top_box"}),
        indicator("proportion", "needs_assessment", text("Évaluation des besoins", "Supportive-needs assessment"),
                  goal="coordination", event={"type": "needs_assessment"}, window=[0, 31],
                  primary={"measure": "proportion"}),
        indicator("time_to_event", "early_palliative", text("Soins palliatifs précoces", "Early palliative contact"),
                  goal="palliative", event={"type": "palliative_contact"}, window=[0, 57], competing=["death"],
                  horizons=[28, 56], primary={"measure": "cumulative_incidence", "horizon": 56}),
        indicator("time_to_event", "survival_90", text("Survie à 90 jours", "Survival at 90 days"), goal="safety",
                  event={"type": "death"}, horizons=[30, 60, 90], primary={"measure": "survival", "horizon": 90}),
    ]  # fmt: skip
    return {one["id"]: one for one in declared}


TRUTH = {
    "time_to_referral": Share(0.41, 0.58, (0.40, 0.43)),
    "emergency_return": Share(0.14, 0.13, (0.14, 0.14)),
    "satisfaction": Share(0.38, 0.47, (0.37, 0.38), n=420),
    "needs_assessment": Share(0.29, 0.51, (0.30, 0.31)),
    "early_palliative": Share(0.18, 0.14, (0.17, 0.18)),
    "survival_90": Share(0.93, 0.94, (0.93, 0.93)),
}


def programme(**own: Any) -> Programme:
    """PACOSME as the pages see it; ``own`` keys replace the declared ones."""
    sites = [{"id": slug(name), "title": text(name, name), "arm": "circuit"} for name in CIRCUIT]
    sites += [{"id": slug(name), "title": text(name, name), "arm": "comparator"} for name in COMPARATORS]
    base: dict[str, Any] = {
        "id": "pacosme",
        "title": text("Parcours PACOSME", "PACOSME circuit"),
        "summary": text(
            "Parcours d’annonce et de coordination des soins dans le cancer du sein métastatique.",
            "Announcement and coordination of care in metastatic breast cancer.",
        ),
        "timezone": "Europe/Paris",
        "data_lock": LOCK,
        "periods": PERIODS,
        "time_zero": {"event": "announcement"},
        "sites": sites,
        "sources": [{"id": "ehr", "path": "events/*.csv", "timezone": "Europe/Paris"}],
        "activity": {"path": "activity.csv", "kinds": KINDS},
        "references": [SURVEY],
        "strata": {"age_band": [18, 50, 65, 75], "de_novo": True},
        "analysis": {"indicators": list(TRUTH), "primary": ["time_to_referral", "emergency_return", "satisfaction"]},
        "privacy": {"purpose": "évaluation d’impact", "retention_until": date(2028, 12, 31)},
        "indicators": indicators(),
        "plan_hash": "9f2c41d07be85a36c0f1e2d3a4b5968778695a4b3c2d1e0f9f2c41d07be85a36",
    }
    return Programme.model_validate(base | own)


def slug(name: str) -> str:
    return name.lower().replace("-", "_").replace(" ", "_")


METHODS = {  # what estimates say of themselves: of groups, of contrasts
    "cumulative_incidence": (
        "Aalen-Johansen, influence-function error, cloglog interval",
        "difference of incidences, influence-function error, hybrid interval",
    ),
    "survival": (
        "Kaplan-Meier, Greenwood error, log-log interval",
        "difference of incidences, influence-function error, hybrid interval",
    ),
    "median_time": ("first time at which half of all pathways have had the event",) * 2,
    "proportion": ("Wilson score interval", "Newcombe hybrid score interval"),
    "top_box": ("Wilson score interval", "Newcombe hybrid score interval"),
    "response_rate": ("Wilson score interval", "Newcombe hybrid score interval"),
    "mean": ("mean, Student interval", "difference of means, Welch interval"),
    "log_rank": ("log-rank test",) * 2,
}

# --- Figures ------------------------------------------------------------------------------------


def figure(**own: Any) -> dict[str, Any]:
    """One row of RELEASED_FIGURE; nulls where nothing is said."""
    base: dict[str, Any] = dict.fromkeys(RELEASED_FIGURE.names())
    base |= {
        "indicator_id": "time_to_referral",
        "variant": "main",
        "kind": "time_to_event",
        "measure": "cumulative_incidence",
        "analysis": "primary",
        "scope_type": "overall",
        "scope": "all",
        "period": "after-before",
        "unit": "day",
    }
    measure = own.get("measure", base["measure"])
    contrast = own.get("period", base["period"]) == "after-before"
    return base | {"method": METHODS[measure][contrast] if measure in METHODS else "by formula"} | own


def share(p: float, n: int, **own: Any) -> dict[str, Any]:
    """A share with an interval of about the right width; withheld where a cell would be small."""
    n = 5 * round(n / 5)
    events = 5 * round(p * n / 5)
    if min(events, n - events) < 11:
        return figure(n=n if n >= 11 else None, withheld=SMALL, **own)
    half = 1.96 * math.sqrt(p * (1 - p) / n)
    low, high = max(0.0, p - half), min(1.0, p + half)
    return figure(n=n, n_events=events, estimate=round(p, 2), ci_low=round(low, 2), ci_high=round(high, 2), **own)


def difference(before: float, after: float, n: tuple[int, int], **own: Any) -> dict[str, Any]:
    half = 1.96 * math.sqrt(before * (1 - before) / n[0] + after * (1 - after) / n[1])
    gap = after - before
    return figure(
        period="after-before", estimate=round(gap, 2), ci_low=round(gap - half, 2), ci_high=round(gap + half, 2), **own
    )


def triple(before: float, after: float, n: tuple[int, int], **own: Any) -> list[dict[str, Any]]:
    """Before, transition, after and their difference; the difference withheld with either period."""
    rows = [
        share(before, n[0], period="before", **own),
        share((before + after) / 2, (n[0] + n[1]) // 2, period="transition", **own),
        share(after, n[1], period="after", **own),
    ]
    if rows[0]["withheld"] or rows[2]["withheld"]:
        return [*rows, figure(period="after-before", withheld=SMALL, **own)]
    return [*rows, difference(before, after, n, **own)]


def primary_rows(name: str, declared: Any) -> Iterator[dict[str, Any]]:
    """The primary measure in every scope, and the monthly run."""
    truth = TRUTH[name]
    keys = {
        "indicator_id": name,
        "kind": declared.kind,
        "measure": declared.primary.measure,
        "horizon": declared.primary.horizon,
        "unit": "point" if declared.kind == "score" else declared.unit,
        "analysis": "primary" if name in ("time_to_referral", "emergency_return", "satisfaction") else "secondary",
    }
    size = (truth.n * 7 // 12, truth.n)
    yield from triple(truth.before, truth.after, size, **keys)
    yield from triple(*truth.comparator, (size[0] // 2, size[1] // 2), **keys, scope_type="arm", scope="comparator")
    for k, site in enumerate((*CIRCUIT, *COMPARATORS)):
        low, high = (truth.before, truth.after) if site in CIRCUIT else truth.comparator
        wobble = 0.05 * math.sin(2.1 * k)
        cell = 12 if site == "Dijon" else size[0] // 8 + 4 * k
        n = (cell, 2 * cell)
        yield from triple(low + wobble, high + wobble / 2, n, **keys, scope_type="site", scope=slug(site))
    for k, (factor, level) in enumerate(
        (("age_band", "18-49"), ("age_band", "50-64"), ("age_band", "65-74"), ("age_band", "75+"),
         ("de_novo", "true"), ("de_novo", "false"))
    ):  # fmt: skip
        shift = 0.04 * math.cos(1.7 * k)
        yield from triple(
            truth.before + shift,
            truth.after + shift,
            (size[0] // 3, size[1] // 3),
            **keys,
            scope_type=factor,
            scope=level,
        )
    yield from monthly(truth, keys)


def months() -> list[str]:
    return [f"{y}-{m:02d}" for y in (2021, 2022, 2023) for m in range(1, 13) if (y, m) >= (2021, 6)]


def monthly(truth: Share, keys: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Months, or quarters where months would be too small."""
    series = months()
    if min(truth.before, 1 - truth.before) * truth.n / 12 < 18:
        series = [f"{y}-Q{q}" for y in (2021, 2022, 2023) for q in range(1, 5) if (y, q) >= (2021, 3)]
    for k, when in enumerate(series):
        progress = min(1.0, max(0.0, (k / len(series) - 0.2) / 0.45))
        p = truth.before + (truth.after - truth.before) * progress + 0.03 * math.sin(2.7 * k)
        yield share(p, truth.n * 12 // (5 * len(series)), **keys, period=when)


def further_rows(name: str, declared: Any) -> Iterator[dict[str, Any]]:
    """Other horizons, medians, means, response rates and variants."""
    truth = TRUTH[name]
    size = (truth.n * 7 // 12, truth.n)
    keys: dict[str, Any] = {"indicator_id": name, "kind": declared.kind, "unit": "day", "analysis": "secondary"}
    if declared.kind == "time_to_event":
        for horizon in declared.horizons:
            if horizon != declared.primary.horizon:
                factor = reached(horizon, declared.primary.horizon)
                pair = [1 - (1 - p) * factor if declared.primary.measure == "survival" else p * factor
                        for p in (truth.before, truth.after)]  # fmt: skip
                yield from triple(pair[0], pair[1], size, **keys, measure=declared.primary.measure, horizon=horizon)
        yield figure(**keys, measure="median_time", period="before", n=size[0], withheld="median_not_reached")
        yield figure(**keys, measure="median_time", period="after", n=size[1], estimate=24.0, ci_low=21.0, ci_high=28.0)
        yield figure(**keys, measure="median_time", withheld="median_not_reached")
    if name == "survival_90":
        yield figure(**keys, measure="log_rank", estimate=1.17, p_value=0.28)
    if declared.kind == "score":
        point = keys | {"unit": "point"}
        yield from triple(0.52, 0.56, (810, 1400), **point, measure="response_rate")
        yield figure(**point, measure="mean", period="before", n=245, estimate=74.0, ci_low=72.0, ci_high=76.0)
        yield figure(**point, measure="mean", period="after", n=420, estimate=79.0, ci_low=77.0, ci_high=81.0)
        yield figure(**point, measure="mean", estimate=5.0, ci_low=2.0, ci_high=8.0)
    for k, variant in enumerate(declared.variants):
        pair = (0.16 - 0.05 * k, 0.27 - 0.09 * k)
        yield from triple(
            *pair, size if k < 2 else (150, 160), **keys, variant=variant, measure="cumulative_incidence", horizon=30
        )


def reached(time: float, horizon: float) -> float:
    """The share of the value at the horizon that is reached at a time, saturating later."""
    return (1 - math.exp(-time / 25)) / (1 - math.exp(-horizon / 25))


# --- Curves, attrition, checks, files -----------------------------------------------------------


def curve_rows(name: str, declared: Any) -> Iterator[dict[str, Any]]:
    truth = TRUTH[name]
    last = max(declared.horizons)
    times = sorted({*range(0, last + 1, 7), *declared.horizons})
    survival = declared.primary.measure == "survival"
    for scope_type, scope, shares, n in (
        ("overall", "all", (truth.before, truth.after), (truth.n * 7 // 12, truth.n)),
        ("arm", "comparator", truth.comparator, (truth.n * 7 // 24, truth.n // 2)),
    ):
        for period, final, size in zip(("before", "after"), shares, n, strict=True):
            final = 1 - final if survival else final
            for time in times:
                p = final * reached(time, declared.primary.horizon)
                half = 1.96 * math.sqrt(p * (1 - p) / size)
                shown = p * size >= 11
                yield {
                    "indicator_id": name, "variant": "main", "scope_type": scope_type, "scope": scope, "period": period,
                    "time": float(time), "unit": "day",
                    "estimate": round(p, 2) if shown else None,
                    "ci_low": round(max(0.0, p - half), 2) if shown else None,
                    "ci_high": round(p + half, 2) if shown else None,
                    "at_risk": 5 * round(size * (1 - p) * (1 - time / (4 * last)) / 5),
                    "n": 5 * round(size / 5),
                    "n_events": 5 * round(p * size / 5) if shown else None,
                }  # fmt: skip


def attrition_rows(name: str) -> Iterator[dict[str, Any]]:
    counts = {
        "before": {"analysed": 525, "comparator": 260, "earlier_event": 25, "immature": None},
        "transition": {"analysed": 700, "comparator": 450, "earlier_event": 40},
        "after": {"analysed": 900, "comparator": 450, "earlier_event": 35, "not_started": 60, "immature": 15},
        "outside": {"prevalent": 185, "outside_periods": 95},
    }
    for period, reasons in counts.items():
        for reason, n in reasons.items():
            yield {"indicator_id": name, "variant": "main", "period": period, "reason": reason, "n": n,
                   "withheld": None if n is not None else SMALL}  # fmt: skip


CHECKS: tuple[tuple[str, str, str, str, str, str], ...] = (
    ("date_readable", "conformance", "fatal", "pass",
     "La date de l’événement se lit.", "The date of the event can be read."),
    ("type_known", "conformance", "warning", "fail", "Le type d’événement est connu.", "The event type is known."),
    ("site_declared", "conformance", "fatal", "pass", "Le site est déclaré.", "The site is declared."),
    ("id_present", "completeness", "fatal", "pass",
     "L’identifiant du patient est présent.", "The patient’s identifier is present."),
    ("month_present", "completeness", "warning", "pass",
     "Chaque site a des événements chaque mois.", "Each site has events in every month."),
    ("answers_present", "completeness", "info", "not_applicable",
     "Les réponses au questionnaire sont présentes.", "Questionnaire answers are present."),
    ("after_birth", "plausibility", "fatal", "pass", "L’événement suit la naissance.", "The event follows birth."),
    ("not_after_death", "plausibility", "warning", "pass_with_failures",
     "Aucun contact ne suit le décès.", "No contact follows death."),
    ("value_in_range", "plausibility", "warning", "pass",
     "Le score est entre 0 et 100.", "The score lies between 0 and 100."),
)  # fmt: skip


def check_rows() -> Iterator[dict[str, Any]]:
    for k, (name, category, severity, status, fr, en) in enumerate(CHECKS):
        violated = {"fail": 340, "pass_with_failures": 45}.get(status)
        yield {"check_id": name, "category": category, "severity": severity, "scope": "ehr" if k % 3 else "all",
               "violated": violated, "denominator": 61240, "share": violated and round(violated / 61240, 2),
               "threshold": 0.0 if severity == "fatal" else 0.005, "status": status,
               "sentence_fr": fr, "sentence_en": en}  # fmt: skip


def activity_rows() -> Iterator[dict[str, Any]]:
    """People by quarter with one withheld, actions by month, answers with their items, one of them withheld."""
    quarters = [("2022-Q1", 60, 60), ("2022-Q2", None, None), ("2022-Q3", 45, 115), ("all", 115, None)]
    months = [("2022-01", 4, 4), ("2022-02", 0, 4), ("2022-03", 6, 10), ("all", 10, None)]
    answers = [("2021-06", 120, 120), ("2021-07", 90, 205), ("all", 205, None)]
    for activity, series in (("trained", quarters), ("workshops", months), ("survey", answers)):
        for scope_type, scope in (("overall", "all"), ("site", "lyon"), ("site", "reims")):
            for period, n, cumulative in series:
                yield {
                    "activity": activity, "scope_type": scope_type, "scope": scope, "period": period, "n": n,
                    "cumulative": cumulative, "withheld": SMALL if n is None else None,
                }  # fmt: skip
    whole = {"activity": "survey", "scope_type": "overall", "scope": "all", "period": "all", "n": 205}
    yield whole | {"item": "coaching", "n_yes": 85, "estimate": 0.41, "ci_low": 0.35, "ci_high": 0.48}
    yield whole | {"item": "workshops", "withheld": SMALL}


def reference_rows() -> Iterator[dict[str, Any]]:
    """Of 261, a rounded percentage and a count."""
    shares = {"estimate": 0.38, "ci_low": 0.323, "ci_high": 0.44}
    one = {"reference_id": "survey_2020", "n": 261}
    yield one | {"item": "coaching", "percent": 38, "n_yes": 99, "n_yes_least": 98, "n_yes_most": 100} | shares
    shares = {"estimate": 0.268, "ci_low": 0.218, "ci_high": 0.325}
    yield one | {"item": "workshops", "n_yes": 70, "n_yes_least": 70, "n_yes_most": 70} | shares


def pacosme(**own: Any) -> Release:
    """The release that the pages are tested and looked at with. ``own`` replaces parts of it."""
    declared: Programme = own.pop("programme", None) or programme()
    named = [(name, declared.indicators[name]) for name in TRUTH if name in declared.indicators]
    figures = [row for name, one in named for row in (*primary_rows(name, one), *further_rows(name, one))]
    curves = [row for name, one in named if one.kind == "time_to_event" for row in curve_rows(name, one)]
    parts: dict[str, Any] = {
        "programme": declared,
        "figures": frame(figures, RELEASED_FIGURE),
        "curves": frame(curves, RELEASED_CURVE),
        "attrition": frame([row for name, _ in named for row in attrition_rows(name)], RELEASED_ATTRITION),
        "checks": frame(list(check_rows()), RELEASED_CHECK),
        "files": frame(
            [{"source": "ehr", "rows_in": 61500, "loaded": 61240, "duplicates": 185, "quarantined": 75}], RELEASED_FILE
        ),
        "reading": frame(
            [{"reason": reason, "n": n}
             for reason, n in (("current", 60540), ("superseded", 310), ("cancelled", 110), ("on_or_after_lock", 280))],
            RELEASED_READING,
        ),
        "activity": frame(list(activity_rows()), RELEASED_ACTIVITY),
        "references": frame(list(reference_rows()), RELEASED_REFERENCE),
        "provenance": Provenance(
            software_version="0.1.0", code_revision="3e1f9ab",
            plan_hash=declared.plan_hash, data_lock=declared.data_lock,
            input_hashes=("sha256:5d41402abc4b2a76b9719d911017c592ae1f3c8d7b6e5f4a39281706f5e4d3c2",),
            verdict="warning", withheld_cells=14, released_cells=412,
        ),
        "id": "b7d04c9e1f35a862",
    }  # fmt: skip
    return Release(**(parts | own))


def frame(rows: Sequence[dict[str, Any]], schema: pl.Schema) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=schema, orient="row")
