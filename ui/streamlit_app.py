"""The app: `advisor ui`, or `streamlit run streamlit_app.py`. Pages ask the package and draw."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
import ui_look
import ui_shared as ui
import ui_signin as signin

here = Path(__file__).parent
# an icon of our own: the browser would fetch a material icon from outside
st.set_page_config(page_title="advisor: fine-tune or not?", page_icon=str(here / "icon.svg"), layout="wide")
ui_look.apply()
admitted = signin.admitted()
pages = {
    about.url_path: st.Page(
        about.script,
        title=about.title,
        icon=about.icon,
        url_path=about.url_path,
        default=about.url_path == "",
    )
    for group in ui.NAVIGATION.values()
    for about in group
}
# links of our own: Streamlit's list of pages in groups is no list to a screen reader, and forgets the case
page = st.navigation(list(pages.values()), position="hidden")
if admitted:
    ui.show_navigation(pages)
    page.run()
    signin.show_account()
