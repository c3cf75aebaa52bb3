"""The command line ``parcours``: thin commands, errors in words, exit codes that a scheduler can read.

0 done; 1 unexpected; 2 call or declaration wrong; 3 validation failed, nothing published;
4 published with warnings; 5 another run holds the warehouse; 6 disclosure control refused;
7 storage; 130 interrupted.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from flows.terminal import guarded

app = App(
    name="parcours",
    help="Evaluate care pathways before and after a programme: from raw events to defensible indicators.",
    help_epilogue="Start with: parcours demo",
    version=lambda: version("parcours"),
    suppress_keyboard_interrupt=False,  # guarded() has the last word
)

Home = Annotated[Path, Parameter(help="Folder that keeps everything a run keeps.")]
Data = Annotated[Path, Parameter(help="Folder with the raw files that the programme's sources name.")]
Key = Annotated[Path | None, Parameter(name="--key-file", help="File of the pseudonym key; made at first use.")]
AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print the result as JSON.")]
DEFAULT_HOME = Path("parcours-home")


@app.command
def run(
    programme: str,
    *,
    data: Data,
    home: Home = DEFAULT_HOME,
    key_file: Key = None,
    dry_run: Annotated[bool, Parameter(negative="", help="Say what would be read and written; touch nothing.")] = False,
    as_json: AsJson = False,
) -> int:
    """Ingest, validate, evaluate and publish: the whole work.

    PROGRAMME is the path of a programme's TOML file or the id of a shipped one.

    Example: parcours run pacosme --data ./data --home ./parcours-home
    """
    from flows import commands

    if dry_run:
        return commands.plan(programme, data, home, as_json=as_json)
    return commands.orchestrate("run", programme, data, home, key_file, as_json=as_json)


@app.command
def ingest(
    programme: str, *, data: Data, home: Home = DEFAULT_HOME, key_file: Key = None, as_json: AsJson = False
) -> int:
    """Load the raw files into the warehouse; files already loaded change nothing.

    Example: parcours ingest pacosme --data ./data
    """
    from flows import commands

    return commands.orchestrate("ingest", programme, data, home, key_file, as_json=as_json)


@app.command
def evaluate(programme: str, *, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """Validate the warehouse and compute every indicator.

    Example: parcours evaluate pacosme
    """
    from flows import commands

    return commands.orchestrate("evaluate", programme, None, home, None, as_json=as_json)


@app.command
def publish(programme: str, *, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """Apply disclosure control to the last estimates and publish the pages.

    Example: parcours publish pacosme
    """
    from flows import commands

    return commands.orchestrate("publish", programme, None, home, None, as_json=as_json)


@app.command
def validate(programme: str, *, data: Data, as_json: AsJson = False) -> int:
    """Check declarations and data without keeping anything.

    Example: parcours validate my-programme/programme.toml --data ./data
    """
    from flows import commands

    return commands.validate(programme, data, as_json=as_json)


@app.command
def status(programme: str, *, home: Home = DEFAULT_HOME) -> int:
    """Tell how fresh the data of each site are, which release is the last, and which checks did not pass.

    Example: parcours status pacosme
    """
    from flows import commands

    return commands.status(programme, home)


@app.command
def explain(
    programme: str,
    indicator: str,
    *,
    home: Home = DEFAULT_HOME,
    confidential: Annotated[bool, Parameter(negative="", help="Show true figures beside the released ones.")] = False,
) -> int:
    """Explain an indicator: definition, who is counted, method, and the released cells behind its numbers.

    Example: parcours explain pacosme time_to_referral
    """
    from flows import commands

    return commands.explain(programme, indicator, home, confidential=confidential)


@app.command
def demo(*, directory: Annotated[Path, Parameter(help="Folder of the demonstration.")] = Path("parcours-demo")) -> int:
    """Simulate a programme with a known effect, run the whole work on it, print truth beside estimate.

    Example: parcours demo --directory ./parcours-demo
    """
    from flows import commands

    return commands.demo(directory)


@app.command
def simulate(
    directory: Path,
    *,
    patients: Annotated[int, Parameter(help="Number of patients.")] = 4000,
    seed: Annotated[int, Parameter(help="The same seed gives the same files.")] = 2025,
    set: Annotated[
        tuple[str, ...], Parameter(help="A true effect or a defect, as NAME=VALUE; an unknown NAME lists them all.")
    ] = (),
    file_format: Annotated[
        Literal["csv", "parquet"], Parameter(name="--format", help="Of the files of events.")
    ] = "csv",
) -> int:
    """Write the raw files of a synthetic programme whose truth is known, with late, repeated and broken rows.

    Example: parcours simulate ./synthetic --patients 4000 --set referral_per_day.circuit=0.012 --set frailty_sd=0.8
    """
    from flows import commands

    return commands.simulate(directory, patients, seed, set, file_format)


@app.command
def init(
    directory: Path,
    *,
    from_file: Annotated[Path | None, Parameter(name="--from", help="A CSV file whose columns to describe.")] = None,
) -> int:
    """Write a commented programme and templates of the files, to be edited.

    Example: parcours init ./my-programme --from ./export.csv
    """
    from flows import commands

    return commands.init(directory, from_file)


@app.command
def serve(
    *, home: Home = DEFAULT_HOME, port: Annotated[int, Parameter(help="Port on this machine only.")] = 8123
) -> int:
    """Show the latest release in a browser, on this machine only. The pages also open without it.

    Example: parcours serve --home ./parcours-home
    """
    from flows import commands

    return commands.serve(home, port)


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit with its code."""
    sys.exit(guarded(lambda: app(arguments, exit_on_error=False, print_error=False)))


if __name__ == "__main__":
    main()
