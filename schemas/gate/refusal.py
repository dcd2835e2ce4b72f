"""What the gate says when it does not let a schema pass."""

from typing import NamedTuple


class Finding(NamedTuple):
    """One thing that is wrong: where (``Site.contacts[].role``), what, and what to do about it."""

    path: str
    problem: str
    remedy: str


class Refusal(NamedTuple):
    """A finding, and in which version of which schema. ``against``: the older versions that it breaks."""

    schema: str
    version: int
    against: tuple[str, ...]
    path: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        broken = ""
        if self.against:
            plural = "versions" if len(self.against) > 1 else "version"
            broken = f" against {plural} {', '.join(self.against)}"
        where = "it" if self.path == self.schema else self.path
        remedy = f"{self.remedy[0].upper()}{self.remedy[1:]}."
        return f"{self.schema}, version {self.version}{broken}: {where} {self.problem}. {remedy}"
