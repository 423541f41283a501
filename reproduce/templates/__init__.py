"""Whole adapters to begin with: one for each shape of model (`sam4mis reproduce plugin new`)."""
