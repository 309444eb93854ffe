"""The app: `advisor ui`, or `streamlit run streamlit_app.py`. Pages ask the package and draw."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
import ui_look
import ui_shared as ui

st.set_page_config(page_title="advisor: fine-tune or not?", page_icon=":material/balance:", layout="wide")
ui_look.apply()
here = Path(__file__).parent
st.navigation(
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
    }
).run()
