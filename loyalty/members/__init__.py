"""People, what they are known by, and the programs they have joined."""
