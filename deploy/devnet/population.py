"""Hand-made leverage, and a population of borrowers as concentrated as real ones."""
