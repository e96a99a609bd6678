"""Figures and reports about the data and about the model: what goes in, what happens inside, what comes out."""
