#!/bin/sh
# Everything `make run` and `make test` need, made once: .venv, the packages of pyproject.toml, Qt's system
# libraries. A second call only looks whether anything changed.
#
#   scripts/setup.sh [--window]     --window: a window will be opened on a display
#
# PYTHON=/path/to/python chooses another Python.
set -eu
cd "$(dirname "$0")/.."
venv=.venv
stamp=$venv/installed-for
wanted="$(cksum <pyproject.toml) $(pwd)"

supported() { # a Python from 3.11 to 3.13
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

find_python() {
    for candidate in ${PYTHON:-} python3 python3.11 python3.12 python3.13; do
        if supported "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "Diffuscope needs Python 3.11, 3.12 or 3.13, and none was found; install one," \
        "or name it like this: make run PYTHON=/path/to/python3.12" >&2
    return 1
}

make_venv() {
    python=$(find_python)
    echo "Making $venv with $("$python" --version) ..."
    if "$python" -m venv --clear "$venv" 2>/dev/null; then
        return
    fi
    # Debian keeps the venv module's pip in a package of its own.
    package="python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq && apt-get install -y -qq "$package" && "$python" -m venv --clear "$venv" && return
    fi
    rm -rf "$venv"
    echo "Python cannot make a virtual environment here; on Debian or Ubuntu run: sudo apt-get install -y $package" >&2
    return 1
}

if ! supported "$venv/bin/python"; then
    make_venv
fi
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ]; then
    echo "Installing packages (once; some minutes) ..."
    # editable_mode=compat: a path, not a finder that every start of Python would have to load.
    if ! "$venv/bin/python" -m pip install --disable-pip-version-check --quiet --editable ".[dev]" \
        --config-settings editable_mode=compat; then
        echo "The packages could not be installed; see pip's words above, then run the same command again." >&2
        exit 1
    fi
    echo "$wanted" >"$stamp"
fi
exec "$venv/bin/python" scripts/qt_libraries.py "$@"
