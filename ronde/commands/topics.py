"""`ronde topics`: make the topics, or compare them with the contract (contracts.md, Topics)."""

from __future__ import annotations

import typer

from ronde.commands import topics_acl
from ronde.shared.errors import Failed, failing_on
from ronde.shared.settings import JsonOption, SettingsOption, in_force
from ronde.shared.terminal import print_value, say
from schemas.contract.topics import TOPICS
from streams.kafka import topics
from streams.kafka.topics import TopicDifference, TopicsError

app = typer.Typer(no_args_is_help=True)
app.command()(topics_acl.acl)


@app.command()
def create(settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """Make the topics that are missing. Those that are there stay as they are."""
    effective = in_force(settings)
    with failing_on(TopicsError):
        made = topics.create(effective)
        found = topics.differences(topics.find(effective), effective)
    if as_json:
        print_value({"created": made, "differences": _as_objects(found)})
    else:
        for name in made:
            say(f"created {name}")
        if len(made) < len(TOPICS):
            say(f"{len(TOPICS) - len(made)} of {len(TOPICS)} topics were there")
    _fail_on(found)


@app.command()
def check(settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """Compare the topics with the contract: partitions, sizes, clean-up. Exit 1 when something is not as it must be."""
    effective = in_force(settings)
    with failing_on(TopicsError):
        found = topics.differences(topics.find(effective), effective)
    if as_json:
        print_value({"differences": _as_objects(found)})
    elif not found:
        say(f"all {len(TOPICS)} topics are as they must be, with {effective.topics.partitions} partitions each")
    _fail_on(found)


def _as_objects(found: list[TopicDifference]) -> list[dict[str, str]]:
    return [difference._asdict() for difference in found]


def _fail_on(found: list[TopicDifference]) -> None:
    """Fail if there are differences; name each, and the remedy for each kind."""
    if not found:
        return
    kinds = {difference.what for difference in found}
    advice = []
    if "missing" in kinds:
        advice.append("Make the missing ones: `ronde topics create`.")
    if "partitions" in kinds:
        advice.append(_about_partitions([d.found for d in found if d.what == "partitions"]))
    if "retention.bytes" in kinds:
        advice.append("A limit of size (retention.bytes) deletes records that nobody has handled yet: set it to -1.")
    if "compression.type" in kinds:
        advice.append(
            "With another compression.type a record of some kilobytes may unpack to a gigabyte, which ends each worker "
            "that reads it: set it to uncompressed. Producers may still compress."
        )
    if kinds - {"missing", "partitions"}:
        advice.append("Set the others to what is expected with the broker's own tools (kafka-configs).")
    lines = [f"{len(found)} differences:", *(f"  {difference}" for difference in found), *advice]
    raise Failed("\n".join(lines))


def _about_partitions(counts: list[str]) -> str:
    """Return the remedy for numbers of partitions, which never change on a topic."""
    if len(counts) == len(TOPICS) and len(set(counts)) == 1:
        return f"All topics have {counts[0]} partitions: if that is meant, set topics.partitions to {counts[0]}."
    return (
        "The number of partitions is fixed for life, since a record's place follows from it: "
        "name another prefix, or delete the topics that differ and make them again."
    )
