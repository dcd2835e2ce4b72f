"""Stub."""

import typer

app = typer.Typer(help="Stub.", no_args_is_help=True)
