"""Diffusion models, their training and their measurement; knows nothing of the window."""
