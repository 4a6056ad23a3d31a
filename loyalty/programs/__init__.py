"""A program: its unit of points, its settings, its tiers."""
