"""Check that Qt finds the system libraries it needs; install them where this is root on Debian or Ubuntu.

    python scripts/qt_libraries.py [--window]

Without --window only what Qt needs without a display must be there. Elsewhere than on Linux Qt brings all.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys

# Library -> Debian's package. What QtGui itself links to:
ALWAYS = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0",
}
# What its X11 platform adds:
WINDOW = {
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}


def missing(libraries: dict[str, str]) -> list[str]:
    """Packages of the libraries that cannot be loaded."""
    packages = []
    for library, package in libraries.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            packages.append(package)
    return packages


def install(packages: list[str]) -> None:
    """Try apt; what is still missing afterwards is told by the caller."""
    print(f"Installing Qt's system libraries: {' '.join(packages)} ...", flush=True)
    quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "check": False}
    subprocess.run(["apt-get", "update", "-qq"], **quiet)
    subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], **quiet)


def main() -> int:
    """0 when Qt can start; 1 with the command to run when it cannot."""
    if not sys.platform.startswith("linux"):
        return 0
    on_x11 = bool(os.environ.get("DISPLAY")) and not os.environ.get("WAYLAND_DISPLAY")
    needed = [*missing(ALWAYS), *missing(WINDOW)]
    if needed and os.geteuid() == 0 and shutil.which("apt-get"):
        install(needed)
        needed = [*missing(ALWAYS), *missing(WINDOW)]
    if not needed:
        return 0
    must = bool(missing(ALWAYS)) or ("--window" in sys.argv and on_x11)
    what = "cannot start" if must else "cannot open a window on X11"
    print(f"Qt {what} without some system libraries; on Debian or Ubuntu run: "
          f"sudo apt-get install -y {' '.join(needed)}", file=sys.stderr)
    return 1 if must else 0


if __name__ == "__main__":
    sys.exit(main())
