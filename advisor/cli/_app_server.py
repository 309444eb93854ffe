"""Streamlit's server, with what the pages need already read: the first page does not wait for it.

`python -m advisor.cli._app_server` takes what `python -m streamlit` takes.
"""

from streamlit.web import cli

import advisor.access
import advisor.formatting
import advisor.reports.glossary
import advisor.reports.overview
import advisor.reports.wording
import advisor.workflow
import advisor.workflow.overviews  # noqa: F401

if __name__ == "__main__":
    cli.main(prog_name="streamlit")
