"""Members are written to: a tier, a milestone, points that expire, a reward; each cause once."""
