"""A thread as a Word file whose citations are real footnotes. Pure: bytes out of what somebody else looked up.

Written as XML of our own: python-docx knows no footnotes, and adding them to its parts from outside was more code than
the five parts that a document needs.
"""
