"""The tables, one noun a file. Raw SQL for searching them is in rag.retrieval alone."""

from rag.models.chunk import Chunk, CorpusStatistic, LexemeFrequency
from rag.models.citation import Citation
from rag.models.collection import Collection, CollectionRight
from rag.models.document import Access, Document, DocumentState, Hidden
from rag.models.page import Page, Scan, Shard
from rag.models.principal import Membership, Principal
from rag.models.space import Batch, Embedding, Space
from rag.models.upload import Upload
from rag.models.version import Version

__all__ = [
    "Access",
    "Batch",
    "Chunk",
    "Citation",
    "Collection",
    "CollectionRight",
    "CorpusStatistic",
    "Document",
    "DocumentState",
    "Embedding",
    "Hidden",
    "LexemeFrequency",
    "Membership",
    "Page",
    "Principal",
    "Scan",
    "Shard",
    "Space",
    "Upload",
    "Version",
]
