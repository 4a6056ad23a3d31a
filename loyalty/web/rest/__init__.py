"""One file per resource. The one to copy is api_keys.py: parse, transaction, one verb, shape."""
