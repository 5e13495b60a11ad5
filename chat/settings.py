"""Every setting of the web side, and its only reader of the environment.

Machines differ by variables only; there is no family of settings files. Any secret may come from a file named by
`NAME_FILE`. What an admin chooses (served models, people) is a table and never stands here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from chat import static_headers
from chat.schedule import BEAT as CHAT_BEAT
from rag.schedule import BEAT as RAG_BEAT

KIB = 1024
MIB = 1024 * KIB
BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.FileAwareEnv()  # DATABASE_URL_FILE and its like: a secret may come from a file
DATA_DIR = Path(env.str("HEARTH_DATA_DIR", default=".hearth"))
DATA_DIR = DATA_DIR if DATA_DIR.is_absolute() else BASE_DIR / DATA_DIR
# A person who runs `manage.py` beside a running Hearth means that Hearth. Variables that are set win.
for _name in ("secrets.env", "services.env"):
    if (DATA_DIR / _name).is_file():
        env.read_env(DATA_DIR / _name)


def secret(name: str) -> str:
    """The secret called name, or the content of the file that NAME_FILE names; start-up ends when there is neither."""
    file_name = env.str(f"{name}_FILE", default="")
    try:
        value = Path(file_name).read_text().strip() if file_name else env.str(name, default="")
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE names {file_name}, which cannot be read: {error.strerror}.") from error
    if not value:
        raise ImproperlyConfigured(f"Set {name} (or {name}_FILE): without this secret Hearth does not start.")
    return value


# one address
HEARTH_URL = env.str("HEARTH_URL", default="http://127.0.0.1:8000").rstrip("/")
HEARTH_HOST = env.str("HEARTH_HOST", default="127.0.0.1")
HEARTH_PORT = env.int("HEARTH_PORT", default=8000)
_address = urlsplit(HEARTH_URL)
IS_HTTPS = _address.scheme == "https"
# How many proxies in front of us append to X-Forwarded-For. HTTPS always ends at one, since Daphne speaks plain HTTP.
PROXY_COUNT = env.int("HEARTH_PROXY_COUNT", default=1 if IS_HTTPS else 0)
ALLOWED_HOSTS = env.list("HEARTH_ALLOWED_HOSTS", default=[_address.hostname or "127.0.0.1"])
SOCKET_ORIGINS = env.list("HEARTH_SOCKET_ORIGINS", default=[HEARTH_URL])
CSRF_TRUSTED_ORIGINS = [HEARTH_URL] if IS_HTTPS else []

SECRET_KEY = secret("HEARTH_SECRET_KEY")
SECRET_KEY_FALLBACKS = env.list("HEARTH_SECRET_KEY_FALLBACKS", default=[])
API_KEY_SECRET = secret("HEARTH_API_KEY_SECRET")
DEBUG = False

# parts
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "channels",
    "csp",
    "rag.apps.RagConfig",
    "chat.apps.ChatConfig",
]
MIDDLEWARE = [
    "chat.middleware.request_id",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "chat.middleware.response_headers",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "chat.middleware.session_limits",
    "chat.middleware.translate_errors",
]
ROOT_URLCONF = "chat.urls"
ASGI_APPLICATION = "chat.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "chat.views.frame.frame",
            ],
        },
    }
]

# database, Valkey
DATABASES: dict[str, Any] = {"default": env.db_url("DATABASE_URL", default="postgres://hearth@127.0.0.1/hearth")}
DATABASES["default"] |= {
    "CONN_MAX_AGE": 0,  # under ASGI a kept connection leaks with its thread; the pool keeps them instead
    "OPTIONS": {
        **DATABASES["default"].get("OPTIONS", {}),
        "pool": {
            "min_size": 1,
            "max_size": env.int("HEARTH_DATABASE_POOL_SIZE", default=10),
            "timeout": 10,
            "max_lifetime": 1800,
        },
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

VALKEY_URL = env.str("VALKEY_URL", default="redis://127.0.0.1:6379/0")
CHANNEL_PREFIX = env.str("HEARTH_CHANNEL_PREFIX", default="hearth")

# people, sessions
AUTH_USER_MODEL = "chat.Employee"
LOGIN_URL = "/signin/"
LOGIN_REDIRECT_URL = "/"
PASSWORD_HASHERS = ["chat.hashers.PatientArgon2"]
_validators = "django.contrib.auth.password_validation."
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": _validators + "UserAttributeSimilarityValidator", "OPTIONS": {"user_attributes": ["email", "name"]}},
    {"NAME": _validators + "MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": _validators + "CommonPasswordValidator"},
]
# Not in Valkey: people sign in and out while it is away, and a session that has ended must not come back with it.
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
SESSION_ABSOLUTE_SECONDS = 12 * 3600
SESSION_IDLE_SECONDS = 60 * 60
SESSION_COOKIE_AGE = SESSION_ABSOLUTE_SECONDS
SESSION_COOKIE_NAME = "__Host-sid" if IS_HTTPS else "sid"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_SECURE = IS_HTTPS
CSRF_COOKIE_NAME = "__Host-csrf" if IS_HTTPS else "csrf"
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_SECURE = IS_HTTPS
CSRF_COOKIE_HTTPONLY = True  # scripts read the token from the page, never from the cookie
CSRF_FAILURE_VIEW = "chat.views.errors.csrf_failure"

# headers
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health/$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PROXY_COUNT else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = IS_HTTPS
SECURE_HSTS_PRELOAD = IS_HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
# no-referrer would make browsers post forms with "Origin: null", which the CSRF check refuses.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
# X-Frame-Options says what frame-ancestors below says better.
SILENCED_SYSTEM_CHECKS = ["security.W002"]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-src": [SELF],  # the viewer starts its worker in one, see chat/views/citations.py
        "frame-ancestors": [NONE],
        "object-src": [NONE],
        "manifest-src": [SELF],
        "require-trusted-types-for": ["'script'"],
        "trusted-types": [NONE],
    }
}

# what a request may weigh
HEARTH_BODY_MAX_BYTES = env.int("HEARTH_BODY_MAX_BYTES", default=2 * MIB)
DATA_UPLOAD_MAX_MEMORY_SIZE = MIB + 64 * KIB  # one piece of an upload is at most 1 MiB
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
DATA_UPLOAD_MAX_NUMBER_FILES = 10
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
HEARTH_UPLOADS_DIR = Path(env.str("HEARTH_UPLOADS_DIR", default=str(DATA_DIR / "uploads")))
HEARTH_UPLOAD_MAX_BYTES = env.int("HEARTH_UPLOAD_MAX_BYTES", default=200 * MIB)
HEARTH_UPLOAD_QUOTA_BYTES = env.int("HEARTH_UPLOAD_QUOTA_BYTES", default=2048 * MIB)  # one employee's documents
HEARTH_COLLECTION_QUOTA_BYTES = env.int("HEARTH_COLLECTION_QUOTA_BYTES", default=20 * 1024 * MIB)  # one collection's
HEARTH_CACHE_DIR = DATA_DIR / "cache"

# inference, turns, documents
HEARTH_INFERENCE_URL = env.str("HEARTH_INFERENCE_URL", default="http://127.0.0.1:8081")
HEARTH_INFERENCE_SECRET = secret("HEARTH_INFERENCE_SECRET")
HEARTH_MODELS_DIR = Path(env.str("HEARTH_MODELS_DIR", default=str(DATA_DIR / "models")))
TURNS_CONCURRENCY = env.int("HEARTH_TURNS_CONCURRENCY", default=32)
# How long a question waits for its documents to become searchable before it says so.
DOCUMENT_WAIT_SECONDS = env.int("HEARTH_DOCUMENT_WAIT_SECONDS", default=120)

# static files, languages
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static" / "dist"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_ADD_HEADERS_FUNCTION = static_headers.add
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ["jpg", "png", "webp", "gz", "br", "woff2", "bcmap", "pfb", "icc"]
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("de", _("German"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_NAME = "language"
USE_TZ = True
TIME_ZONE = env.str("HEARTH_TIME_ZONE", default="UTC")

# Celery
# Celery spells a unix socket its own way.
CELERY_BROKER_URL = (
    VALKEY_URL.replace("unix://", "redis+socket://").replace("?db=", "?virtual_host=")
    if VALKEY_URL.startswith("unix://")
    else VALKEY_URL
)
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 15 * 60, "global_keyprefix": "celery:", "socket_timeout": 30}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 600
CELERY_TASK_SOFT_TIME_LIMIT = 540
# Who listens to which: see chat/celery.py. "celery" is where bells of before went.
CELERY_TASK_DEFAULT_QUEUE = "short"
CELERY_TASK_ROUTES = {
    "rag.probe": {"queue": "read"},
    "rag.extract": {"queue": "read"},
    "rag.chunk": {"queue": "read"},
    "rag.recognise": {"queue": "read"},
    "rag.embed": {"queue": "embed"},
    "rag.purge": {"queue": "maint"},
    "rag.count_lexemes": {"queue": "maint"},
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 20
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 400_000  # kB
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {**RAG_BEAT, **CHAT_BEAT}

# logs: ids and timings, never a body, a question or a secret
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "chat.logs.RequestIdFilter"}},
    "formatters": {"line": {"format": "{levelname} {name} [{request_id}] {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "filters": ["request_id"], "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.str("HEARTH_LOG_LEVEL", default="INFO")},
    "loggers": {
        # httpx logs every request at INFO; Django logs every 404 at WARNING. Neither helps who reads the log.
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
        "django.channels.server": {"level": "WARNING"},
        # Two lines for every doorbell; what a task did is in its row, and a failure still shows.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
    },
}
