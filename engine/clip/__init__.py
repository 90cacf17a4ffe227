"""CLIP: how well a picture matches words. Only `model` needs torch and open_clip; the rest is read without them."""
