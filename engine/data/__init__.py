"""Data sets as uint8 arrays: reading, checking and the catalogue. Free of torch."""
