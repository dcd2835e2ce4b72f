"""`make screenshots`: pictures of the elements of the pages, into dist/screenshots."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from service import logs
from tests.edges.web.showcase import showcase
from tests.support.browser import NARROW, WIDE, chromium, served

FOLDER = Path("dist/screenshots")


def main() -> int:
    """Take them."""
    logs.configure("console", "warning")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, served(showcase(Path(folder))) as address, chromium() as browser:
        for theme in ("light", "dark"):
            for name, size in (("narrow", NARROW), ("wide", WIDE)):
                context = browser.new_context(viewport=size, color_scheme=theme, locale="fr-FR")  # type: ignore[arg-type]
                page = context.new_page()
                for path in ("components", "sign-in"):
                    page.goto(f"{address}/{path}")
                    file = FOLDER / f"{path}-{theme}-{name}.png"
                    page.screenshot(path=file, full_page=True)
                    print(file)  # noqa: T201 - it is a command
                context.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
