"""What stands at a provider: more of a tuning job, and batches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds what belongs to hosted jobs, and the table of batches."""
    op.add_column("jobs", sa.Column("baseline", sa.String(64)))
    op.add_column("jobs", sa.Column("details", sa.JSON()))
    op.create_index("ix_jobs_case_name", "jobs", ["case_name"])
    op.create_table(
        "batches",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("model_version", sa.String(255), nullable=False, index=True),
        sa.Column("batch_id", sa.String(255)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("requests", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    """Removes them again."""
    op.drop_table("batches")
    op.drop_index("ix_jobs_case_name", "jobs")
    op.drop_column("jobs", "details")
    op.drop_column("jobs", "baseline")
