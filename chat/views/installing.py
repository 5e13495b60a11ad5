"""What a browser needs to install Hearth as an app: its name, pictures and colours, all from here.

No service worker: it would keep people's text on the device after they sign out, and Hearth without its server can do
nothing anyway.
"""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.templatetags.static import static
from django.utils import translation
from django.utils.translation import gettext as _

from chat import requests

BACKGROUND, THEME = "#faf8f5", "#24201d"


def show(request: HttpRequest) -> JsonResponse:
    """The web app manifest. Says nothing about anybody, so that browsers may ask without a cookie."""
    sizes = {192: "any", 512: "any maskable"}
    pictures = [
        {"src": static(f"icon-{size}.png"), "type": "image/png", "sizes": f"{size}x{size}", "purpose": purpose}
        for size, purpose in sizes.items()
    ]
    pictures.append({"src": static("icon.svg"), "type": "image/svg+xml", "sizes": "any", "purpose": "any"})
    new_thread = {"name": _("New thread"), "url": "/", "icons": pictures[:1]}
    body = {
        "id": "/",
        "name": "Hearth",
        "short_name": "Hearth",
        "description": _("Your company's own AI, on its own machines"),
        "lang": translation.get_language(),
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": BACKGROUND,
        "theme_color": THEME,
        "icons": pictures,
        "shortcuts": [new_thread, {"name": _("Documents"), "url": "/documents/", "icons": pictures[:1]}],
    }
    return JsonResponse(body, content_type="application/manifest+json")


manifest = requests.methods(GET=show)
