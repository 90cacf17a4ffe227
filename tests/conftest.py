"""For all tests: no display, and a data folder of their own."""

import os
import tempfile

# Before anything imports Qt or asks for the data folder.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
_HOME = tempfile.TemporaryDirectory(prefix="diffuscope-tests-", ignore_cleanup_errors=True)
os.environ["DIFFUSCOPE_HOME"] = _HOME.name
os.environ.pop("DIFFUSCOPE_RUNS_DIR", None)
