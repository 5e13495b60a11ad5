"""The map of the site. Every address is a thing; what may be done with it is said by its view's `methods`."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from chat import requests
from chat.views import (
    account,
    assistants,
    branches,
    citations,
    collections,
    composing,
    documents,
    drafts,
    exports,
    folders,
    groups,
    imports,
    installing,
    management,
    privacy,
    ratings,
    saved_prompts,
    sessions,
    shares,
    threads,
    trash,
)

handler400 = "chat.views.errors.bad_request"
handler403 = "chat.views.errors.permission_denied"
handler404 = "chat.views.errors.not_found"
handler500 = "chat.views.errors.server_error"


def health(request: HttpRequest) -> HttpResponse:
    """The process answers. Says nothing about its neighbours, so that one of them failing does not restart us."""
    return HttpResponse("ok", content_type="text/plain")


urlpatterns = [
    path("", threads.new_thread, name="new_thread"),
    path("threads/", threads.threads, name="threads"),
    path("threads/archive/", threads.archive, name="archive"),
    path("threads/search/", threads.found, name="thread_search"),
    path("threads/<uuid:thread_id>/", threads.thread, name="thread"),
    path("threads/trash/", trash.trash, name="trash"),
    path("threads/trash/<uuid:thread_id>/", trash.trashed_thread, name="trashed_thread"),
    path("threads/draft/", drafts.new_draft, name="new_draft"),
    path("threads/<uuid:thread_id>/draft/", drafts.draft, name="draft"),
    path("threads/<uuid:thread_id>/seen/", threads.seen, name="seen"),
    path("threads/<uuid:thread_id>/shares/", shares.thread_shares, name="thread_shares"),
    path("threads/<uuid:thread_id>/restoration/", threads.restoration, name="restoration"),
    path("threads/<uuid:thread_id>/branch/", branches.branch, name="branch"),
    path("threads/<uuid:thread_id>/forks/", branches.forks, name="forks"),
    path("threads/<uuid:thread_id>/thread.md", exports.markdown, name="thread_markdown"),
    path("threads/<uuid:thread_id>/thread.json", exports.json, name="thread_json"),
    path("threads/<uuid:thread_id>/thread.docx", exports.word, name="thread_word"),
    path("threads/<uuid:thread_id>/print/", exports.paper, name="thread_paper"),
    path("threads/<uuid:thread_id>/documents/<uuid:document_id>/", threads.thread_document, name="thread_document"),
    path("messages/<uuid:message_id>/rating/", ratings.rating, name="rating"),
    path("shared/", shares.shares, name="shares"),
    path("shared/<uuid:share_id>/", shares.shared, name="shared"),
    path("shared/<uuid:share_id>/copies/", shares.share_copies, name="share_copies"),
    path("folders/", folders.folders, name="folders"),
    path("folders/<uuid:folder_id>/", folders.folder, name="folder"),
    path("documents/", documents.documents, name="documents"),
    path("uploads/<uuid:upload_id>/", documents.upload, name="upload"),
    path("documents/<uuid:document_id>/", documents.document, name="document"),
    path("documents/<uuid:document_id>/retry/", documents.document_retry, name="document_retry"),
    path("documents/<uuid:document_id>/cancel/", documents.document_cancel, name="document_cancel"),
    path("documents/<uuid:document_id>/place/", collections.document_place, name="document_place"),
    path("documents/<uuid:document_id>/exceptions/", collections.document_exceptions, name="document_exceptions"),
    path("documents/<uuid:document_id>/file/", documents.document_file, name="document_file"),
    path("documents/<uuid:document_id>/pages/<int:page_no>/", documents.document_page, name="document_page"),
    path("collections/", collections.collection_list, name="collections"),
    path("collections/<uuid:collection_id>/", collections.collection, name="collection"),
    path("collections/<uuid:collection_id>/members/", collections.collection_members, name="collection_members"),
    path(
        "collections/<uuid:collection_id>/members/<int:principal_id>/",
        collections.collection_member,
        name="collection_member",
    ),
    path("people/", groups.people_found, name="people"),
    path("citations/<uuid:citation_id>/", citations.citation, name="citation"),
    path("citations/<uuid:citation_id>/file/", citations.citation_file, name="citation_file"),
    path("citations/<uuid:citation_id>/pages/<int:page_no>/", citations.citation_page, name="citation_page"),
    path("viewer/worker/", citations.viewer_worker, name="viewer_worker"),
    path("assistants/", assistants.assistants, name="assistants"),
    path("assistants/<uuid:assistant_id>/", assistants.assistant, name="assistant"),
    path("prompts/", saved_prompts.prompts, name="prompts"),
    path("prompts/<uuid:prompt_id>/", saved_prompts.prompt, name="prompt"),
    path("composer/measure/", composing.composer_measure, name="composer_measure"),
    path("turns/<uuid:turn_id>/", composing.turn, name="turn"),
    path("composer/offer/", saved_prompts.composer_offer, name="composer_offer"),
    path("signin/", sessions.signin, name="signin"),
    path("signout/", sessions.signout, name="signout"),
    path("invitations/<str:token>/", sessions.invitation, name="invitation"),
    path("account/", account.profile, name="profile"),
    path("account/password/", account.password, name="password"),
    path("account/imports/", imports.imports, name="imports"),
    path("account/imports/<uuid:import_id>/", imports.thread_import, name="import"),
    path("account/privacy/", privacy.privacy, name="privacy"),
    path("account/privacy/hearth.zip", privacy.own_data, name="own_data"),
    path("account/keys/", account.keys, name="keys"),
    path("account/keys/<int:key_id>/", account.key, name="key"),
    path("manage/models/", management.models, name="models"),
    path("manage/models/<int:model_id>/", management.model, name="model"),
    path("manage/groups/", groups.group_list, name="groups"),
    path("manage/groups/<int:principal_id>/", groups.group, name="group"),
    path("manage/employees/", management.employees, name="employees"),
    path("manage/employees/<int:employee_id>/", management.employee, name="employee"),
    path("manage/ratings/", ratings.ratings, name="ratings"),
    path("v1/", include("chat.api.urls")),
    path("manifest.webmanifest", installing.manifest, name="manifest"),
    path("health/", requests.methods(GET=health), name="health"),
]
