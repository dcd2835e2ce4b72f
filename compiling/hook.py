"""hatchling's hook: a wheel with the hot modules compiled in it, beside their sources."""

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Hook(BuildHookInterface[Any]):
    """Adds the extension modules; the wheel is then for one Python and one kind of machine."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - of the interface
        """Compile, and say what goes where in the wheel."""
        sys.path.insert(0, self.root)  # hatchling loads this file alone
        from compiling.build import build  # noqa: PLC0415 - see above

        self._folder = tempfile.TemporaryDirectory()
        made = Path(self._folder.name) / "made"
        build(Path(self.root), made)
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["force_include"] |= {
            str(file): str(file.relative_to(made)) for file in made.rglob("*") if file.is_file()
        }

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - of the interface
        """Let go of what was compiled; the wheel has it."""
        self._folder.cleanup()
