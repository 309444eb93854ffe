"""What it costs: serving, training and people over time, and where one baseline becomes cheaper. Pure."""
