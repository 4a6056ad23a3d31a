"""A purchase comes in, is stored, and becomes points."""
