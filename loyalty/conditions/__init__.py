"""When a rule applies: a tree of typed conditions over a purchase and a member. Pure.

One file is one type: a frozen dataclass that reads itself from JSON, says whether it holds, and
says itself as words. To add one, copy `sku.py`, and its lines in `tests/conditions/test_types.py`;
`tree.py` finds it. Promotions, campaigns, rewards and segments share these types.

A condition in JSON is an object with one member: `{"sku": ["W-1", "W-2"]}`.
"""
