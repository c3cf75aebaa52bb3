"""Write the module map of ARCHITECTURE.md from the first sentences of the modules: ``make docs``."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "ARCHITECTURE.md"
ROOMS = ("flows", "checks", "transforms", "dashboards", "warehouse")
BEGIN, END = "<!-- module map: make docs -->\n", "<!-- end of the module map -->\n"


def first_sentence(module: Path) -> str:
    """What a module says it is: its docstring up to the first full stop or the end of the paragraph."""
    docstring = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    paragraph = " ".join(docstring.split("\n\n")[0].split())
    return paragraph.split(". ")[0].rstrip(".").replace("``", "`")


def module_map(root: Path = ROOT) -> str:
    """One table per room, one line per module, in alphabetical order."""
    tables = []
    for room in ROOMS:
        modules = sorted(path for path in (root / room).rglob("*.py") if path.name != "__init__.py")
        lines = [f"| `{path.relative_to(root).as_posix()}` | {first_sentence(path)} |" for path in modules]
        purpose = f"{first_sentence(root / room / '__init__.py')}."
        tables.append("\n".join([f"### {room}", purpose, "", "| module | what it is |", "|---|---|", *lines, ""]))
    return "\n".join(tables)


def rewritten(page: str) -> str:
    """The page with the map as it is now between its two marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit("ARCHITECTURE.md: the marks of the module map are missing")
    return before + begin + module_map() + end + after


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
