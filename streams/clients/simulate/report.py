"""Prints what a log looks like beside real viewing."""

from rich.console import Console
from rich.table import Table

from streams.clients.simulate.statistics import Statistics


def show(statistics: Statistics, days: float) -> None:
    """Prints the table of figures and the number of events of each type to standard output."""
    table = Table(title="This population beside real viewing", title_justify="left")
    table.add_column("figure")
    table.add_column("real", justify="right")
    table.add_column("here", justify="right")
    for line in statistics.lines():
        table.add_row(line.name, f"{line.real:g}", "-" if line.measured is None else f"{line.measured:g}")
    console = Console()
    console.print(table)
    if days < 45:
        console.print("The real figures are of years of viewing: a history of less than about 60 days is further off.")
    console.print("Events: " + ", ".join(f"{kind} {count:,}" for kind, count in statistics.types().items()))
