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
page = st.navigation(
    {
        title: [
            st.Page(
                page.script,
                title=page.title,
                icon=page.icon,
                url_path=page.url_path,
                default=page.url_path == "",
            )
            for page in pages
            if (here / page.script).exists()
        ]
        for title, pages in ui.NAVIGATION.items()
    },
    position="sidebar" if admitted else "hidden",
)
if admitted:
    page.run()
    signin.show_account()
