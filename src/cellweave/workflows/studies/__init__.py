"""Studies: named arms times seeds, run once each, resumable and shareable, and the tables made of their results."""
