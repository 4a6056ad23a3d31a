"""The side-by-side measurements: `python -m bench`."""
