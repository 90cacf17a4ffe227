"""Diffusion models, their training and their measurement; knows nothing of the window."""

import os

# torch's OpenMP threads spin while they wait for each other. When anything else uses a core (the window, a
# browser), each of some hundred waits a step then costs a time slice: two-thread training was measured two
# to twenty times slower than with threads that sleep. Read when torch is loaded, hence here.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Looking for plug-ins, pydantic reads the metadata of every installed package; there is none that we want.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "true")
