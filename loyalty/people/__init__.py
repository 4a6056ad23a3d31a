"""What is told of a member: the whole answer, the statement, the search. Reads only."""
