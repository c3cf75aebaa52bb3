"""A first programme to edit, from the columns of one of the user's files. It suggests, it never loads.

Of the file only names of columns, codes of events and sites, and the form of dates and numbers are
looked at; nothing of a patient is kept or shown.
"""

from __future__ import annotations

import csv
import json
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.resources import files
from pathlib import Path

from warehouse.errors import DeclarationError, StorageError

LOOKED_AT = 5000  # rows
MOST_CODES = 60
DELIMITERS = ";,\t|"
ONE_SITE = "my_hospital"
DATE_FORMATS = (
    "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%d-%m-%Y %H:%M", "%d-%m-%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y",
    "%Y/%m/%d %H:%M", "%Y/%m/%d",
)  # fmt: skip
ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$")
# Words that French and English exports use for our columns, the most telling first.
COLUMN_WORDS = {
    "patient_id": ("ipp", "nip", "patient", "pid", "malade", "case"),
    "occurred_at": ("occurred", "date", "heure", "timestamp", "time", "horodatage"),
    "event_type": ("type", "evenement", "event", "acte", "activite", "activity"),
    "site": ("site", "uf", "etablissement", "hopital", "hospital", "centre"),
    "code": ("code", "detail", "motif", "cible", "target", "echelle", "kind"),
    "value": ("valeur", "value", "score", "resultat", "note"),
    "event_id": ("event_id", "id_evenement", "num_evenement", "identifiant_evenement"),
    "status": ("status", "statut", "etat"),
    "recorded_at": ("recorded", "saisie", "enregistre", "maj"),
}
EVENT_WORDS = {
    "announcement": ("ann", "annonce", "announcement", "consultation d'annonce"),
    "referral": ("ori", "orientation", "referral", "adressage"),
    "emergency_visit": ("urg", "urgence", "emergency", "passage urgences", "rpu"),
    "questionnaire": ("qst", "que", "quest", "questionnaire", "satisfaction", "enquete"),
    "needs_assessment": ("evb", "eva", "besoins", "needs", "evaluation des besoins"),
    "death": ("dec", "dcd", "deces", "death"),
    "transfer_out": ("trf", "tra", "transfert", "transfer"),
    "last_news": ("dnv", "der", "dernieres nouvelles", "last news", "perdu de vue"),
    "consultation": ("cst", "con", "consultation", "consult"),
    "treatment_start": ("ttt", "deb", "debut traitement", "treatment start"),
    "admission": ("hos", "hospitalisation", "admission"),
    "discharge": ("sor", "sortie", "discharge"),
    "mdt_decision": ("rcp", "mdt"),
}


@dataclass(frozen=True)
class Findings:
    """What one file looks like: its form, the columns that seem to be ours, its codes and its span of days."""

    delimiter: str
    encoding: str
    columns: dict[str, str]
    unused: tuple[str, ...]
    date_format: str
    decimal: str
    event_codes: tuple[str, ...]
    sites: tuple[str, ...]
    first_day: date | None
    last_day: date | None


def start(directory: Path, from_file: Path | None) -> list[Path]:
    """Write ``programme.toml``, and templates of the files where no file is given; what was written.

    Refuses a directory that already has a programme.
    """
    target = directory / "programme.toml"
    if target.exists():
        raise DeclarationError(f"{target}: exists already; name another directory, or edit this one")
    found = look_at(from_file) if from_file else None
    template = (files("warehouse") / "starter.toml").read_text(encoding="utf-8")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        target.write_text(_filled(template, found, from_file), encoding="utf-8")
        return [target, *([] if found else _templates(directory / "data"))]
    except OSError as error:
        raise StorageError(f"{directory}: cannot be written ({error.strerror})") from None


def look_at(path: Path) -> Findings:
    """Describe a CSV file by its header and first rows."""
    encoding, lines = _lines(path)
    delimiter = max(DELIMITERS, key=lambda one: lines[0].count(one))
    header, *rows = list(csv.reader(lines, delimiter=delimiter))
    columns = _columns(header)
    whole = [row for row in rows if len(row) == len(header)]
    of = {name: [row[header.index(column)] for row in whole] for name, column in columns.items()}
    date_format = _date_format(of.get("occurred_at", []))
    days = [day for text in of.get("occurred_at", []) if (day := _day(text, date_format))]
    return Findings(
        delimiter=delimiter,
        encoding=encoding,
        columns=columns,
        unused=tuple(name for name in header if name not in columns.values()),
        date_format=date_format,
        decimal="," if any("," in text for text in of.get("value", [])) else ".",
        event_codes=_common(of.get("event_type", [])),
        sites=_common(of.get("site", [])),
        first_day=min(days, default=None),
        last_day=max(days, default=None),
    )


def _lines(path: Path) -> tuple[str, list[str]]:
    """The encoding and the first lines, those of the header among them."""
    try:
        with path.open("rb") as stream:
            raw = [line for _, line in zip(range(LOOKED_AT + 1), stream, strict=False)]
    except OSError as error:
        raise DeclarationError(f"{path}: expected a file that can be read: {error.strerror}") from None
    content = b"".join(raw)
    if not content.strip() or b"\0" in content:
        raise DeclarationError(f"{path}: expected a CSV text file with a header")
    try:
        return "utf-8", content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        return "cp1252", content.decode("cp1252", errors="replace").splitlines()


def _plain(text: str) -> str:
    """Lower case without accents, words apart by single spaces."""
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", " ", bare.lower()).strip()


def _columns(header: Sequence[str]) -> dict[str, str]:
    """Our column -> the file's, each used once, by the words in its name."""
    chosen: dict[str, str] = {}
    for ours in ("event_id", "recorded_at", *COLUMN_WORDS):
        free = [name for name in header if name not in chosen.values()]
        match = next((name for word in COLUMN_WORDS[ours] for name in free if _tells(name, word)), None)
        if match is not None and ours not in chosen:
            chosen[ours] = match
    return {ours: chosen[ours] for ours in COLUMN_WORDS if ours in chosen}


def _tells(name: str, word: str) -> bool:
    plain, wanted = f" {_plain(name)} ", _plain(word)
    return f" {wanted} " in plain or (len(wanted) > 3 and f" {wanted}" in plain)


def _date_format(texts: Sequence[str]) -> str:
    """``iso``, or the pattern that reads most of the dates."""
    seen = [text for text in texts if text][:200]
    if not seen or sum(bool(ISO.match(text)) for text in seen) > len(seen) / 2:
        return "iso"
    return max(DATE_FORMATS, key=lambda form: sum(_day(text, form) is not None for text in seen))


def _day(text: str, form: str) -> date | None:
    try:
        if form == "iso":
            return date.fromisoformat(text[:10])
        return datetime.strptime(text, form).date()  # noqa: DTZ007  a local day is all that is wanted
    except ValueError:
        return None


def _common(texts: Iterable[str]) -> tuple[str, ...]:
    """Distinct codes, the most frequent first; those of single rows may be slips and are left out."""
    counted = Counter(text for text in texts if text)
    return tuple(text for text, times in counted.most_common(MOST_CODES) if times > 1)


def suggested_type(code: str) -> str | None:
    """The event type that a source's own code seems to stand for."""
    plain = _plain(code)
    words = {ours: [_plain(word) for word in (ours, *theirs)] for ours, theirs in EVENT_WORDS.items()}
    exact = (ours for ours, known in words.items() if plain in known)
    alike = (ours for ours, known in words.items() if any(len(word) > 3 and word in plain for word in known))
    return next(exact, None) or next(alike, None)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", _plain(text)).strip("_")[:60] or "site"


def _filled(template: str, found: Findings | None, from_file: Path | None) -> str:
    """The commented template with what the file suggests; its own examples where there is no file."""
    types = {ours for code in found.event_codes if (ours := suggested_type(code))} if found else set(EVENT_WORDS)
    return template.format(
        **_periods(found),
        sites=_sites(found),
        source=_source(found, from_file.name) if found and from_file else 'path = "events.csv"',
        indicators="\n".join(_indicators(types)),
    )


def _periods(found: Findings | None) -> dict[str, date]:
    """Two halves of the file's span, or the calendar of an example; the lock is the day after the last one."""
    if found is None or not found.first_day or not found.last_day or found.first_day == found.last_day:
        end = date(2024, 1, 1)
        return {"start": date(2022, 1, 1), "middle": date(2023, 1, 1), "end": end, "lock": end}
    start, lock = found.first_day, found.last_day + timedelta(days=1)
    return {"start": start, "middle": start + (lock - start) // 2, "end": lock, "lock": lock}


def _indicators(types: set[str]) -> Iterator[str]:
    """Shipped indicators, those whose events no code seems to stand for as comments."""
    for file in sorted((files("warehouse") / "indicators").iterdir(), key=lambda entry: entry.name):
        declared = tomllib.loads(file.read_text(encoding="utf-8"))
        selected = [declared["event"]["type"]] if "event" in declared else declared["contacts"]
        needed = {*selected, *declared.get("competing", ())}
        if "time_zero" in declared or not needed <= set(EVENT_WORDS):
            continue
        missing = sorted(needed - types)
        name = f'"{file.name.removesuffix(".toml")}",'
        yield f"    # {name}    # no code is mapped to {', '.join(missing)}" if missing else f"    {name}"


def _sites(found: Findings | None) -> str:
    names = [_slug(site) for site in found.sites] if found else []
    return "\n\n".join(f'[[sites]]\nid = "{name}"\narm = "circuit"' for name in dict.fromkeys(names or [ONE_SITE]))


def _source(found: Findings, name: str) -> str:
    """The keys of the source, then its tables, a line each; codes that tell nothing are left as comments."""
    form = {"path": name, "delimiter": found.delimiter, "encoding": found.encoding, "decimal": found.decimal}
    lines = [f"{key} = {_quoted(value)}" for key, value in (form | {"date_format": found.date_format}).items()]
    lines += [] if "site" in found.columns else [f'site = "{ONE_SITE}"    # the file has no column of sites']
    lines += ["", "[sources.columns]    # our name = the file's", *_pairs(found.columns)]
    lines += [f"# not used: {_quoted(column)}" for column in found.unused]
    suggested = {code: suggested_type(code) for code in found.event_codes}
    lines += ["", "[sources.event_types]    # the file's code = our event type"]
    lines += _pairs({code: ours for code, ours in suggested.items() if ours})
    unknown = [code for code, ours in suggested.items() if not ours]
    lines += [f'# {_key(code)} = "..."    # not recognised: say what it is' for code in unknown]
    if found.sites:
        lines += ["", "[sources.sites]    # the file's code = our site", *_pairs({s: _slug(s) for s in found.sites})]
    return "\n".join(lines)


def _pairs(pairs: Mapping[str, str]) -> list[str]:
    return [f"{_key(key)} = {_quoted(value)}" for key, value in pairs.items()]


def _quoted(text: str) -> str:
    """A TOML basic string; JSON's escapes are lawful there."""
    return json.dumps(text, ensure_ascii=False)


def _key(code: str) -> str:
    return code if re.fullmatch(r"[A-Za-z0-9_-]+", code) else _quoted(code)


def _templates(directory: Path) -> list[Path]:
    """Empty files with the canonical headers."""
    directory.mkdir(exist_ok=True)
    headers = {
        "events.csv": "patient_id,event_type,occurred_at,site,event_id,code,value,status,recorded_at\n",
        "patients.csv": "patient_id,birth_year\n",
    }
    for name, header in headers.items():
        (directory / name).write_text(header, encoding="utf-8")
    return [directory / name for name in headers]
