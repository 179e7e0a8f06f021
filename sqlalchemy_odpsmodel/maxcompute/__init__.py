"""MaxCompute itself: a PEP 249 driver over the official client, PyODPS, and a dialect of SQLAlchemy.

The rules are those of the local driver, by the same code: a statement that the rules refuse is not sent.
"""
