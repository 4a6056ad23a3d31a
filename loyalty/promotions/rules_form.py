"""A rule in JSON: what is stored in `promotion_version.rule`, and what the API takes.

    {
      "when": {"all": [{"category": ["food/bread"]}, {"tier": ["gold"]}]},   # absent: always

      # what it gives, exactly one of:
      "rates": {"USD": {"points": 5, "per": "100"}},   # per money, by currency
      "per_item": {"points": 5, "per": "1"},           # per quantity of the lines that match
      "per_visit": 10,                                 # for each visit
      "fixed": 100,                                    # for each purchase (see "kinds")
      "multiplier": "2",                               # of what the other promotions give
      "nothing": true,                                 # these lines earn nothing, anywhere

      "kinds": ["purchase"],            # of purchase, visit, event; per_visit: ["visit"]
      "step": "proportional",           # or "whole": only full steps of `per` count
      "rounding": "down",               # or "half_up", "up"
      "round_per": "transaction",       # or "line": each line is rounded of its own
      "excludes": ["tax", "shipping"],  # what earns nothing; [] is the default
      "before_joining": true,           # whether a purchase from before joining earns
      "instead": false,                 # true: the earn rate does not count for these lines
      "multiplies": "all",              # or "standing": the earn rate's points alone
      "stacking": {
        "mode": "add",                  # or "multiply": a multiplier on top of the others
        "priority": 0,                  # higher goes first, and wins where two give the same
        "exclusive": "summer"           # of the promotions of a group only the best gives
      },
      "limits": [                       # of each member or of everyone together (a budget)
        {"of": "member", "per": "month", "points": 50},
        {"of": "everyone", "per": "ever", "points": 1000000, "uses": 5000}
      ],
      "pending": …, "expiry": …         # as in a program's settings; absent: the program's
    }

A purchase without items is one line. Conditions on a line (sku, category, brand) choose the lines
that count; all others hold for a purchase as a whole. Money is a decimal string, points are
integers. The standing promotion's rule is of the same form.
"""
