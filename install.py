"""Makes .venv and puts the locked packages into it: `python3 install.py requirements.txt`.

What is wrong is said in one sentence, with its cure. It runs before anything is installed and on
whatever python3 there is, so it imports the standard library alone and avoids new syntax.
"""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

#: The lock has wheels for these: tests/architecture/test_lock_resolves.py.
OLDEST, NEWEST = (3, 11), (3, 14)
ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = str(VENV / "bin" / "python")

_COMMAND = """\
#!/bin/sh
exec "$(dirname "$0")/python" -m loyalty.cli "$@"
"""


def another_python() -> "str | None":
    """The newest fitting Python that stands beside this one and runs."""
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        path = shutil.which(f"python3.{minor}")
        if path and subprocess.run([path, "-c", ""], stderr=subprocess.DEVNULL).returncode == 0:
            return path
    return None


def fits() -> bool:
    """Whether there are packages for this Python."""
    return OLDEST <= sys.version_info[:2] <= NEWEST


def unfit() -> "str | None":
    """Why this Python or this machine will not do, as a sentence with its cure."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if not fits():
        return (
            f"Python 3.{OLDEST[1]} to 3.{NEWEST[1]} is needed and this is {version}: "
            "install one and name it, for example `make run PYTHON=python3.13`."
        )
    system, machine = platform.system(), platform.machine()
    if system not in ("Linux", "Darwin") or machine not in ("x86_64", "aarch64", "arm64"):
        return (
            f"There are no ready-made packages for {system} on {machine}: "
            "use Linux or macOS on x86-64 or arm64."
        )
    if system == "Linux" and platform.libc_ver()[0] != "glibc":
        return (
            "There are no ready-made packages for a Linux without glibc: "
            "use Debian, Ubuntu, Fedora or the like."
        )
    if not os.access(str(ROOT), os.W_OK):
        return f"{ROOT} is not writable: clone the repository into a folder of your own."
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return (
            "Python's venv module is missing: on Debian and Ubuntu "
            f"`apt-get install python{version}-venv` brings it."
        )
    return None


def venv_is_sound() -> bool:
    """Whether .venv, if there is one, works and was made by this very Python."""
    ask = [PYTHON, "-c", "import pip, sys; print(sys.base_prefix)"]
    try:
        answer = subprocess.run(ask, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return False
    return answer.stdout.decode().strip() == sys.base_prefix


def install(lock: str) -> None:
    """Makes .venv, or mends it, and installs exactly what the lock says; nothing is compiled."""
    clear = [] if venv_is_sound() else ["--clear"]
    subprocess.run([sys.executable, "-m", "venv", *clear, str(VENV)], check=True)
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    only = ["--require-hashes", "--only-binary", ":all:"]
    subprocess.run([*pip, *only, "--requirement", lock], check=True)


def add_command() -> None:
    """Puts the command `loyalty` beside python, and its packages within reach, from any folder."""
    ask = [PYTHON, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    answer = subprocess.run(ask, check=True, stdout=subprocess.PIPE)
    packages = Path(answer.stdout.decode().strip())
    (packages / "loyalty.pth").write_text(f"{ROOT}\n{ROOT / 'client'}\n")
    command = VENV / "bin" / "loyalty"
    command.write_text(_COMMAND)
    command.chmod(0o755)


def main(lock: str) -> "str | None":
    """Does it, or returns the sentence to end with."""
    other = None if fits() else another_python()
    if other is not None:
        os.execv(other, [other, __file__, lock])  # noqa: S606
    sentence = unfit()
    if sentence is not None:
        return sentence
    print(f"Installing {lock} into .venv; the first time this downloads for a while.", flush=True)
    try:
        install(lock)
        add_command()
    except subprocess.CalledProcessError:
        return "The packages could not be installed: mend what is said above and try again."
    except OSError as error:
        return f"{error}: make room, or remove .venv if it is not yours, and try again."
    except KeyboardInterrupt:
        return "Stopped; the next start goes on from here."
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
