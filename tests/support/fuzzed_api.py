"""Requests of all kinds, derived from an app's own OpenAPI by schemathesis."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from starlette.types import ASGIApp


def fuzz(app: ASGIApp | str, headers: Mapping[str, str], examples: int) -> list[str]:
    """Send ``examples`` requests of each kind, valid and not, to each operation; return the operations.

    ``app`` may also be the address of one that is served. Raises on an answer of 5xx, one that is not documented, or
    one whose body is not as documented.
    """
    import schemathesis  # noqa: PLC0415 - heavy, and rarely needed
    from hypothesis import HealthCheck, given, settings  # noqa: PLC0415 - the same
    from hypothesis.errors import Unsatisfiable  # noqa: PLC0415 - the same
    from schemathesis.checks import not_a_server_error  # noqa: PLC0415 - the same
    from schemathesis.specs.openapi.checks import (  # noqa: PLC0415 - the same
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
    document = "/openapi.json"
    if isinstance(app, str):
        schema = schemathesis.openapi.from_url(f"{app}{document}")
    else:
        schema = schemathesis.openapi.from_asgi(document, app)
    done = []
    for result in schema.get_all_operations():
        operation = result.ok()  # type: ignore[union-attr]  # an invalid schema has none: it fails here
        for mode in schemathesis.GenerationMode:

            @settings(max_examples=examples, suppress_health_check=list(HealthCheck), database=None)
            @given(case=operation.as_strategy(generation_mode=mode))
            def answer(case: Any) -> None:
                case.call_and_validate(headers=dict(headers), checks=checks)

            # An operation that takes nothing cannot be asked wrongly.
            with suppress(*([Unsatisfiable] if mode is schemathesis.GenerationMode.NEGATIVE else [])):
                answer()
        done.append(str(operation.label))
    return done
