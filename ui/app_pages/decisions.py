"""All cases: verdict, confidence, age, and what is missing."""

from __future__ import annotations

import os

import streamlit as st
import ui_shared as ui

from advisor.errors import AdvisorError
from advisor.reports import wording as w

st.title("Decisions")
for folder in ui.case_folders(os.environ):
    with st.container(border=True):
        try:
            decision = ui.decide(folder)
        except AdvisorError as error:
            st.subheader(ui.escaped(folder.name))
            st.caption(ui.escaped(error.message.splitlines()[0]))
            continue
        st.subheader(ui.escaped(decision.facts.title))
        st.markdown(f"**{w.VERDICTS[decision.verdict.decision]}**")
        ui.page_link("recommendation", "Recommendation", case=folder)
