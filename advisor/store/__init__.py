"""What is kept: calls, runs, measurements, tuning jobs; tables and their migrations."""
