"""What to do: the lesson's questions, the evidence for each, the verdict. Pure."""
