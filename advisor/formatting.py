from advisor.reports.formatting import *  # noqa: F403
