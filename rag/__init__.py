"""From documents to passages: uploads, extraction, chunks, retrieval and citations.

rag knows employees only as settings.AUTH_USER_MODEL and knows nothing of threads or messages.
"""
