"""``python -m compiling``: compile into ``.compiled``, where `ronde` looks for it."""

import sys
import time
from pathlib import Path

from compiling.build import build
from streams.runtime import native_form

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Compile; 1 when it cannot."""
    begun = time.monotonic()
    folder = ROOT / native_form.FOLDER
    build(ROOT, folder)
    native_form.stamp(ROOT)
    modules = len(list(folder.rglob("*.so")))
    sys.stdout.write(f"{modules} modules compiled into {native_form.FOLDER}/ in {time.monotonic() - begun:.0f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
