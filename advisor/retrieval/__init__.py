"""What is looked up: documents, passages, and search over them."""

from __future__ import annotations
