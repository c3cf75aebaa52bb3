"""Row rules: what must hold of every single row, each declared once.

A rule is SQL over the staged events (docs/reference/checks.md). The warehouse evaluates all of
them in one pass; nothing here opens a connection. Predicates are never null, and never true
outside the rows that the rule speaks of, so that a row with the wrong shape breaks one rule and
not all of them. Categories after Kahn et al. 2016 (eGEMs 4:1244): conformance, completeness,
plausibility.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from checks import predicates as sql
from checks.row_rule import CHANGES, READ, SPLIT, Rows
from checks.row_rule import row_rule as _rule
from warehouse.programme import Programme
from warehouse.schemas import Rule

EARLIEST_DAY = date(1900, 1, 1)
YEARS_AFTER_LOCK = 5  # what is dated later is a typing error, not a booked appointment
STATUSES = ("active", "corrected", "cancelled")


def row_rules(programme: Programme) -> tuple[Rule, ...]:
    """Every row rule of the programme, in order of precedence: the first one broken names the fault.

    The ids are the same for every programme; what depends on it stands in the predicates. A rule
    that speaks of nothing here (no questionnaire is evaluated) has the denominator ``false``.
    """
    return (
        *_shape_rules(),
        *_patient_and_type_rules(),
        *_date_rules(programme),
        *_site_rules(programme),
        *_value_rules(programme),
        *_version_rules(),
        *_recording_rules(),
        *_detail_rules(programme),
    )


def _shape_rules() -> Iterator[Rule]:
    """Rows that the reader could not take apart. Their columns are null: the other rules leave them out."""
    faults = (
        ("wrong_field_count", "chacune a autant de champs que l’en-tête.", "each has as many fields as the header."),
        ("malformed_quote", "chaque guillemet ouvert est refermé à sa place.", "every quote is closed in its place."),
        ("control_character", "aucun champ n’a de caractère de contrôle.", "no field holds a control character."),
        ("oversized_field", "aucun champ n’excède la longueur permise.", "no field is longer than allowed."),
    )
    for fault, fr, en in faults:
        yield _rule(
            fault,
            READ,
            f"fault = '{fault}'",
            column="row",
            fr=fr,
            en=en,
            category="conformance",
            severity="fatal",
            threshold=0.01,
        )


def _patient_and_type_rules() -> Iterator[Rule]:
    yield _rule(
        "missing_patient",
        SPLIT,
        "CASE WHEN raw_patient_id < '!' THEN trim(raw_patient_id, ' \t') = '' ELSE raw_patient_id IS NULL END",
        column="patient_id",
        fr="chacune désigne un patient.",
        en="each names a patient.",
        category="completeness",
        severity="fatal",
        threshold=0.01,
    )
    yield _rule(
        "missing_event_type",
        SPLIT,
        "raw_event_type IS NULL",
        column="event_type",
        fr="chacune dit de quel événement il s’agit.",
        en="each says which event it is.",
        category="completeness",
        severity="fatal",
        threshold=0.01,
    )
    yield _rule(
        "unknown_event_type",
        Rows(
            "fault IS NULL AND raw_event_type IS NOT NULL",
            "Lignes dont l’événement est renseigné",
            "Rows that say which event it is",
        ),
        "event_type IS NULL",
        column="event_type",
        fr="cet événement est déclaré pour la source.",
        en="that event is declared for the source.",
        category="conformance",
        severity="warning",
        threshold=0.01,
    )


def _date_rules(programme: Programme) -> Iterator[Rule]:
    dated = Rows("fault IS NULL AND occurred_at IS NOT NULL", "Lignes à date lisible", "Rows with a readable date")
    yield _rule(
        "missing_date",
        SPLIT,
        "raw_occurred_at IS NULL",
        column="occurred_at",
        fr="chacune porte une date.",
        en="each bears a date.",
        category="completeness",
        severity="fatal",
        threshold=0.01,
    )
    yield _rule(
        "unreadable_date",
        Rows("fault IS NULL AND raw_occurred_at IS NOT NULL", "Lignes datées", "Rows with a date"),
        "occurred_at IS NULL",
        column="occurred_at",
        fr="la date se lit dans le format déclaré.",
        en="the date can be read in the declared format.",
        category="conformance",
        severity="fatal",
        threshold=0.01,
    )
    yield _rule(
        "implausible_year",
        dated,
        f"occurred_on < DATE '{EARLIEST_DAY}'",
        column="occurred_at",
        fr=f"aucune n’est antérieure à {EARLIEST_DAY.year}.",
        en=f"none lies before {EARLIEST_DAY.year}.",
        category="plausibility",
        severity="warning",
        threshold=0.01,
    )
    yield _rule(
        "far_future_date",
        dated,
        f"occurred_on >= DATE '{_far_future(programme.data_lock)}'",
        column="occurred_at",
        fr=f"aucune n’est postérieure de {YEARS_AFTER_LOCK} ans au gel des données.",
        en=f"none lies {YEARS_AFTER_LOCK} years after the data lock.",
        category="plausibility",
        severity="warning",
        threshold=0.01,
    )


def _far_future(lock: date) -> date:
    """The first day that is too late; 1 March stands for a 29 February that does not exist."""
    year = min(lock.year + YEARS_AFTER_LOCK, date.max.year)
    return date(year, 3, 1) if (lock.month, lock.day) == (2, 29) else lock.replace(year=year)


def _site_rules(programme: Programme) -> Iterator[Rule]:
    yield _rule(
        "unknown_site",
        Rows("fault IS NULL AND raw_site IS NOT NULL", "Lignes portant un site", "Rows with a site"),
        "site IS NULL",
        column="site",
        fr="ce site est déclaré dans le programme.",
        en="that site is declared in the programme.",
        category="conformance",
        severity="warning",
        threshold=0.01,
    )
    yield _rule(
        "missing_site",
        Rows(
            f"fault IS NULL AND event_type IN ({sql.quoted(sql.time_zero_types(programme))})",
            "Événements d’inclusion",
            "Events of time zero",
        ),
        "raw_site IS NULL AND site IS NULL",
        column="site",
        fr="chacun porte un site.",
        en="each bears a site.",
        category="completeness",
        severity="warning",
        quarantines=False,  # without it another event would pass for the first; the pathway is excluded and counted
    )


def _value_rules(programme: Programme) -> Iterator[Rule]:
    evaluated = tuple(sql.scores(programme))
    answers = sql.any_of(sql.selects(score.event) for score in evaluated)
    inside = sql.any_of(
        f"({sql.selects(s.event)}) AND value BETWEEN {s.answers[0]} AND {s.answers[1]}" for s in evaluated
    )
    yield _rule(
        "unreadable_number",
        Rows("fault IS NULL AND raw_value IS NOT NULL", "Lignes portant une valeur", "Rows with a value"),
        "value IS NULL OR NOT isfinite(value)",  # a cast takes the words nan and infinity for numbers
        column="value",
        fr="la valeur se lit comme un nombre.",
        en="the value can be read as a number.",
        category="conformance",
        severity="warning",
        threshold=0.01,
    )
    yield _rule(
        "missing_answer",
        Rows(f"fault IS NULL AND ({answers})", "Questionnaires évalués", "Evaluated questionnaires"),
        "raw_value IS NULL AND value IS NULL",
        column="value",
        fr="chacun porte un score.",
        en="each bears a score.",
        category="completeness",
        severity="warning",
        threshold=0.05,
    )
    yield _rule(
        "answer_out_of_range",
        Rows(
            f"fault IS NULL AND ({answers}) AND value IS NOT NULL AND isfinite(value)",
            "Scores lisibles",
            "Readable scores",
        ),
        f"NOT ({inside})",
        column="value",
        fr="chacun est compris dans l’étendue déclarée.",
        en="each lies in the declared range.",
        category="plausibility",
        severity="warning",
        threshold=0.01,
    )


def _version_rules() -> Iterator[Rule]:
    yield _rule(
        "unknown_status",
        Rows("fault IS NULL AND raw_status IS NOT NULL", "Lignes portant un statut", "Rows with a status"),
        f"status IS NULL OR status NOT IN ({sql.quoted(STATUSES)})",
        column="status",
        fr="le statut est connu.",
        en="the status is a known one.",
        category="conformance",
        severity="warning",
        threshold=0.01,
    )
    yield _rule(
        "change_without_event_id",
        CHANGES,
        "event_id IS NULL",
        column="event_id",
        fr="chacune dit quel événement elle change.",
        en="each says which event it changes.",
        category="completeness",
        severity="warning",
        threshold=0.01,
    )


def _recording_rules() -> Iterator[Rule]:
    yield _rule(
        "change_without_recorded_at",
        CHANGES,
        "raw_recorded_at IS NULL",
        column="recorded_at",
        fr="chacune dit quand elle a été saisie.",
        en="each says when it was recorded.",
        category="completeness",
        severity="info",
        threshold=0.05,
        quarantines=False,  # the order of the rows then tells which version is current
    )
    yield _rule(
        "unreadable_recorded_at",
        Rows("fault IS NULL AND raw_recorded_at IS NOT NULL", "Lignes datant la saisie", "Rows that date the record"),
        "recorded_at IS NULL",
        column="recorded_at",
        fr="la date de saisie se lit dans le format déclaré.",
        en="the date of the record can be read in the declared format.",
        category="conformance",
        severity="warning",
        threshold=0.01,
        quarantines=False,
    )
    yield _rule(
        "recorded_before_occurred",
        Rows(
            "fault IS NULL AND recorded_at IS NOT NULL AND occurred_at IS NOT NULL",
            "Lignes datant l’événement et la saisie",
            "Rows that date event and record",
        ),
        "recorded_at < occurred_at - INTERVAL 1 DAY",  # a record may bear no time of day
        column="recorded_at",
        fr="aucune n’est saisie plus d’un jour avant l’événement.",
        en="none is recorded more than a day before it occurred.",
        category="plausibility",
        severity="warning",
        threshold=0.01,
        quarantines=False,
    )


def _detail_rules(programme: Programme) -> Iterator[Rule]:
    coded = f"fault IS NULL AND event_type IN ({sql.quoted(sql.CARE_EVENTS)})"
    timed = sql.quoted(sql.types_timed_within_the_day(programme))
    yield _rule(
        "missing_care",
        Rows(coded, "Orientations et contacts", "Referrals and contacts"),
        "code IS NULL",
        column="code",
        fr="chacun dit vers quel soin.",
        en="each says to which kind of care.",
        category="completeness",
        severity="warning",
        threshold=0.05,
        quarantines=False,
    )
    yield _rule(
        "unknown_care",
        Rows(f"{coded} AND code IS NOT NULL", "Orientations et contacts précisés", "Coded referrals and contacts"),
        f"NOT list_contains([{sql.quoted(sql.care_codes(programme))}], code)",  # a long IN is a join: row order goes
        column="code",
        fr="le soin est connu.",
        en="the kind of care is a known one.",
        category="conformance",
        severity="warning",
        threshold=0.01,
        quarantines=False,
    )
    yield _rule(
        "too_coarse_a_time",
        Rows(
            f"fault IS NULL AND occurred_at IS NOT NULL AND event_type IN ({timed})",
            "Événements mesurés en heures ou en minutes",
            "Events measured in hours or minutes",
        ),
        "precision = 'day'",
        column="occurred_at",
        fr="chacun porte une heure.",
        en="each bears a time of day.",
        category="plausibility",
        severity="warning",
        threshold=0.01,
        quarantines=False,
    )
    yield from _clock_rules()


def _clock_rules() -> Iterator[Rule]:
    """Local times that the clocks skipped or showed twice: read as if they were not, and counted."""
    timed = Rows(
        "fault IS NULL AND occurred_at IS NOT NULL AND precision <> 'day'",
        "Lignes portant une heure",
        "Rows with a time of day",
    )
    yield _rule(
        "time_skipped_by_clock",
        timed,
        "clock_change = 'skipped'",
        column="occurred_at",
        fr="l’heure a existé ce jour-là (une heure d’été commence en sautant une heure).",
        en="that time was on that day (summer time begins by skipping an hour).",
        category="plausibility",
        severity="warning",
        threshold=0.001,
        quarantines=False,
    )
    yield _rule(
        "time_repeated_by_clock",
        timed,
        "clock_change = 'repeated'",
        column="occurred_at",
        fr="l’heure n’a existé qu’une fois ce jour-là (sinon la première est retenue).",
        en="that time was only once on that day (else the first is taken).",
        category="plausibility",
        severity="info",
        threshold=0.001,
        quarantines=False,
    )
