"""How a model is tuned: what a job is, and LoRA in this process."""
