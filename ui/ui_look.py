"""What the theme's options do not reach: less air above a page, and tables that wrap their text and fit a phone."""

from __future__ import annotations

import streamlit as st

__all__ = ["apply"]

_CSS = """<style>
[data-testid="stMain"] [data-testid="stMainBlockContainer"] { padding: 3.25rem 2.75rem 3rem; max-width: 84rem; }
[data-testid="stCaptionContainer"][data-testid] { opacity: 1; color: var(--adv-muted); }
[data-testid="stCaptionContainer"] :is(p, li, span) { color: var(--adv-muted); }
[data-testid="stAlert"] :is(h1, h2, h3) { padding-top: 0; }
[data-testid="stButton"] kbd { opacity: 1; }
[data-testid="stSidebar"] [data-testid="stCaptionContainer"] { padding-top: .6rem; }
.adv-scroll { overflow-x: auto; }
.adv-scroll:focus-visible { outline: 2px solid currentcolor; outline-offset: 2px; }
.adv-table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
.adv-table caption { text-align: left; opacity: .75; font-size: .86rem; padding-bottom: .4rem; }
.adv-table th, .adv-table td { text-align: left; vertical-align: top; padding: .5rem .7rem .5rem 0;
  border: 0; border-bottom: 1px solid color-mix(in srgb, currentcolor 18%, transparent); }
.adv-table thead th { font-weight: 600; font-size: .84rem; vertical-align: bottom; border-bottom-width: 2px; }
.adv-table tbody th { font-weight: 600; min-width: 8rem; overflow-wrap: anywhere; }
.adv-table tbody th { position: sticky; left: 0; background: var(--adv-page); }
.adv-table td.words { min-width: 11rem; overflow-wrap: anywhere; }
.adv-table .num { text-align: right; }
.adv-table .short { white-space: nowrap; }
.adv-table tr.marked > * { background: color-mix(in srgb, #009e73 14%, transparent); }
.adv-table tr.marked > :first-child { box-shadow: inset .25rem 0 #009e73; padding-left: .7rem; }
.adv-table code { font-size: .92em; background: none; padding: 0; color: inherit; }
.adv-facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .5rem 1.2rem; }
.adv-facts span { display: block; overflow-wrap: anywhere; }
.adv-facts .name { font-size: .8rem; opacity: .78; }
.adv-facts .value { font-weight: 600; }
.adv-value { font-size: 1.35rem; font-weight: 600; line-height: 1.25; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  [data-testid="stMain"] [data-testid="stMainBlockContainer"] { padding-left: 1rem; padding-right: 1rem; }
  .adv-facts { grid-template-columns: 1fr 1fr; }
  [data-testid="stHorizontalBlock"]:has(.adv-value) > [data-testid="stColumn"] { min-width: calc(50% - .5rem);
    flex: 1 1 calc(50% - .5rem); }
}
</style>"""

# Streamlit writes white on the primary colour, which in the dark theme is too light for it.
_ON_PRIMARY = """
[data-testid^="stBaseButton-primary"]:not(:disabled) :is(p, span), [data-testid="stMultiSelect"] [data-tag] *
  { color: #10161d; }
"""


def apply() -> None:
    """Puts the style on the page."""
    # as .streamlit/config.toml says; captions a little stronger than they come, to be read by everybody
    dark = st.context.theme.type == "dark"
    page, muted = ("#141a21", "#a4afbd") if dark else ("#ffffff", "#5b6675")
    own = f":root {{ --adv-page: {page}; --adv-muted: {muted}; }}" + (_ON_PRIMARY if dark else "")
    st.html(_CSS.replace("<style>", f"<style>\n{own}", 1))
