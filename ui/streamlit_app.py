"""The app: `advisor ui`, or `streamlit run streamlit_app.py`. Pages ask the package and draw."""

from __future__ import annotations

import streamlit as st

st.set_page_config(page_title="advisor: fine-tune or not?", layout="wide")
st.navigation([st.Page("app_pages/decision.py", title="Decision", default=True)]).run()
