"""Should we fine-tune, or not? A go/no-go recommendation from a team's own examples, with its evidence.

The public Python API is `advisor.workflow`: `check`, `run`, `decide`, `report`, `batch`, `import_results`.
"""
