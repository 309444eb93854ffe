"""Load tests of served models."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_load_tests"
down_revision = "0002"


def upgrade() -> None:
    """Adds the table of load tests."""
    op.create_table(
        "load_tests",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("case_name", sa.String(64), nullable=False),
        sa.Column("baseline", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_load_tests_case", "load_tests", ["case_name", "baseline"])


def downgrade() -> None:
    """Removes it again."""
    op.drop_index("ix_load_tests_case", "load_tests")
    op.drop_table("load_tests")
