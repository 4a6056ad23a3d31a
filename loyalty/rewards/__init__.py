"""The catalogue of rewards: what points buy, for whom, how many there are."""
