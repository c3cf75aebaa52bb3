"""The shared release with a hostile text wherever a declaration or the data may bring one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
import release_builder

from warehouse.declared import Text
from warehouse.implementation import ActivityFile, Reference
from warehouse.programme import Programme
from warehouse.schemas import Release

# One payload a line; N becomes its number, so that each can be told apart.
LINES = r"""
<script>window.pwned=N</script>
</script><script>window.pwned=N</script>
<img src=x onerror=window.pwned=N>
<svg onload=window.pwned=N>
<svg><script>window.pwned=N</script></svg>
<iframe srcdoc='<script>1</script>'>
<a href='javascript:window.pwned=N'>x</a>
<a href="https://evil.example/N">x</a>
<b>N</b><br>
"><script>window.pwned=N</script>
'><img src=x onerror=window.pwned=N>
' onmouseover='window.pwned=N
" autofocus onfocus="window.pwned=N
--><script>window.pwned=N</script>
]]><script>window.pwned=N</script>
<!--<script>window.pwned=N
</title><script>window.pwned=N</script>
</style><script>window.pwned=N</script>
</textarea><script>window.pwned=N</script>
<body onload=window.pwned=N>
<details open ontoggle=window.pwned=N>
<video><source onerror=window.pwned=N>
<input onfocus=window.pwned=N autofocus>
<math><mtext></p><img src=x onerror=window.pwned=N>
<base href='https://evil.example/N'>
<meta http-equiv=refresh content='0;url=https://evil.example/N'>
<link rel=stylesheet href='https://evil.example/N'>
<form action='https://evil.example/N'><button>x</button></form>
<object data='https://evil.example/N'></object>
<embed src='https://evil.example/N'>
{{ 7*7 }}N
{% raw %}N
${7*7}N
#{7*7}N
%{y}N
%{text|%Y}N
{release.id}N
{0}N
{N
}N
&lt;script&gt;window.pwned=N&lt;/script&gt;
&#60;img src=x onerror=window.pwned=N&#62;
&amp;N
<script>window.pwned=N</script>
\u003cimg src=x onerror=window.pwned=N\u003e
javascript:window.pwned=N
data:text/html,<script>window.pwned=N</script>
=HYPERLINK("https://evil.example/N")
@import 'https://evil.example/N'
url(https://evil.example/N)
expression(window.pwned=N)
<script>N
<scr<script>ipt>window.pwned=N</script>
<IMG SRC=x ONERROR=window.pwned=N>
<sub>N</sub><sup>N</sup>
<span style='position:fixed;inset:0'>N</span>
$\sqrt{N}$
"""
INVISIBLE = ("\N{LINE SEPARATOR}window.pwned=N", "\N{PARAGRAPH SEPARATOR}</script>N", "\N{RIGHT-TO-LEFT OVERRIDE}N")
PAYLOADS = tuple(line.replace("N", str(k)) for k, line in enumerate((*LINES.strip().splitlines(), *INVISIBLE)))


def hostile(turn: int = 0) -> Release:
    """Every payload stands somewhere; another ``turn`` puts them elsewhere."""
    given = iter(PAYLOADS[turn:] + PAYLOADS[:turn] + PAYLOADS + PAYLOADS + PAYLOADS)
    benign = release_builder.programme()
    declared = {
        name: indicator.model_copy(
            update={
                "title": pair(given),
                "definition": pair(given),
                "caveat": pair(given),
                "authored_by": next(given),
                "variants": {key: v.model_copy(update={"title": pair(given)}) for key, v in indicator.variants.items()},
            }
        )
        for name, indicator in benign.indicators.items()
    }
    made = benign.model_copy(
        update={
            "title": pair(given),
            "summary": pair(given),
            "sites": tuple(site.model_copy(update={"title": pair(given)}) for site in benign.sites),
            "indicators": declared,
            "activity": activity_of(benign, given),
            "references": tuple(reference_of(reference, given) for reference in benign.references),
            "privacy": benign.privacy.model_copy(update={"purpose": next(given)}),
        }
    )
    plain = release_builder.pacosme(programme=benign)
    figures = plain.figures.with_columns(
        scope=pl.when(pl.col("scope_type") == "age_band")
        .then(pl.lit(next(given)) + pl.col("scope"))
        .otherwise("scope"),
        scope_type=pl.when(pl.col("scope_type") == "de_novo").then(pl.lit(next(given))).otherwise("scope_type"),
        withheld=pl.when(pl.col("withheld") == "median_not_reached").then(pl.lit(next(given))).otherwise("withheld"),
    )
    checks = plain.checks.with_columns(
        *(
            pl.Series(name, [next(given) for _ in range(plain.checks.height)])
            for name in ("sentence_fr", "sentence_en", "scope")
        )
    )
    files = plain.files.with_columns(source=pl.lit(next(given)))
    attrition = plain.attrition.with_columns(
        reason=pl.when(pl.col("reason") == "prevalent").then(pl.lit(next(given))).otherwise("reason")
    )
    return release_builder.pacosme(programme=made, figures=figures, checks=checks, files=files, attrition=attrition)


def activity_of(benign: Programme, given: Iterator[str]) -> ActivityFile | None:
    """The file of activity with hostile names of activities and answers."""
    if benign.activity is None:
        return None
    kinds = tuple(
        kind.model_copy(update={"title": pair(given), "items": tuple(renamed(item, given) for item in kind.items)})
        for kind in benign.activity.kinds
    )
    return benign.activity.model_copy(update={"kinds": kinds})


def reference_of(reference: Reference, given: Iterator[str]) -> Reference:
    items = tuple(renamed(item, given) for item in reference.items)
    return reference.model_copy(update={"title": pair(given), "source": pair(given), "items": items})


def renamed(item: Any, given: Iterator[str]) -> Any:
    return item.model_copy(update={"title": pair(given)})


def pair(given: Iterator[str]) -> Text:
    return Text(fr=next(given), en=next(given))
