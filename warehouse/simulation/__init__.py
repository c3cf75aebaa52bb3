"""A synthetic ``pacosme`` programme: people, what happens to them, what goes wrong in its recording, and the truth."""
