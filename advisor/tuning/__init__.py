"""How a model is tuned: training file, checks, estimate, and jobs of four systems behind one protocol."""
