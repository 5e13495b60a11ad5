"""Readers of everything that is not PDF. They run in a child process only (rag/read_child.py); no Django here."""
