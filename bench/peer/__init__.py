"""The peer: the same purchase, taken and credited as the tutorials of Flask and Celery write it.

One row, one commit and one task per purchase, an ORM object at a time. It is what we are
measured against, so it is written well: nothing is slower than its style makes it.
"""
