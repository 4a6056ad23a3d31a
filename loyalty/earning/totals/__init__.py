"""What a till says it sent in a day, beside what was taken: what got lost on the way shows here."""
