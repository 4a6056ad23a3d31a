"""Groups of members: a saved condition tree, or an uploaded list."""
