"""How each number of a report is defined, in a sentence or two."""

from __future__ import annotations

CONFIDENCE = (
    "The probability that tuning, or not tuning, is the right side: over re-drawings of the held-out items and, where "
    "assumptions are given as ranges, over those."
)

METHOD: tuple[tuple[str, str], ...] = (
    (
        "Measured, estimated, declared",
        "Measured: observed on this case's held-out items. Estimated: computed from measured figures, prices "
        "and declared effort. Declared: said by whoever wrote the case, and not checked.",
    ),
    (
        "Quality",
        "Mean score over the held-out items, which, where they were measured here, no model saw as an example and no "
        "setting was chosen on. "
        "An item that failed for good scores 0. The 95% interval says where the score may lie for other items"
        " of the same kind: Wilson's, for graded answers and for related items (groups) with the number of right or "
        "wrong ones that they are worth; for metrics that only a whole set has, a bootstrap of the set.",
    ),
    (
        "Paired comparison",
        "Both baselines answered the same items, so their scores are compared item by item. The p-value says "
        "how often chance alone shows at least such a difference; adjusted, it takes account of how many "
        "comparisons were made (Holm). The detectable difference is the smallest true one that so many items "
        "show four times in five.",
    ),
    (
        "Tokens",
        "Mean per request. Cached input is the part of the prompt whose computation was reused.",
    ),
    (
        "Latency",
        "Time until an answer was there: the median, and what 95% of requests stay below.",
    ),
    (
        "Cost per 1,000 requests",
        "Tokens at the model's prices; for a machine paid by the hour, its time at full use. What it costs at"
        " this case's volume, with idle hours and retraining, stands below it.",
    ),
    (
        "One-off cost",
        "Work on data, evaluation and refinement at the declared hourly rate, and the training itself.",
    ),
    (
        "Cost per month",
        "Serving in the first month, and a twelfth of a year's retraining.",
    ),
    (
        "Cost over the horizon",
        "All of it: one-off, serving month by month with growth, retraining.",
    ),
    (
        "Net value",
        "What right and wrong answers are worth, as declared, less all costs over the horizon.",
    ),
    (
        "Break-even",
        "The monthly volume from which the dearer start is paid back within the horizon.",
    ),
    (
        "Confidence",
        CONFIDENCE,
    ),
)
"""Each number's definition."""
