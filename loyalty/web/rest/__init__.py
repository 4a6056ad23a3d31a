"""One file per resource. The one to copy is api_keys.py: parse, transaction, one verb, shape.

A resource whose POST moves points answers through `loyalty.web.once.once`: see redemptions.py.
A new resource is listed in loyalty/web/app.py.
"""
