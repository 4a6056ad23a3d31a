"""GraphQL for tills and apps: the verbs of REST under another form, and no logic of its own.

A field that reads or acts is `@operation("earns.read")`: who may is the table of REST. To add one,
copy loyalty/web/graphql/catalogue.py.
"""
