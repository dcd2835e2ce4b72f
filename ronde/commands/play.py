"""`ronde play`: everything up on this machine, until Ctrl-C."""

from __future__ import annotations

from ronde.demo.screen import console
from ronde.play.run import play as run


def play() -> None:
    """Start everything on this machine, and a page with a panel's buttons: you take the calls. Ends on Ctrl-C.

    Kafka, PostgreSQL, receiver, worker, sink, desk, portal and partners run, and nobody is at the telephone but you:
    press a button of the panel, take the call at the desk in a browser, try the word, say what came of it. Addresses,
    sign-in and words are printed. Nothing is left when it ends.
    """
    run(console())
