"""The engine: plan, calls, store, scores; budgets, resume, results as files."""
