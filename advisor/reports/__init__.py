"""How a decision is told: charts, HTML, Markdown, and on a terminal. All pure: `Decision -> text`."""
