"""All configuration, read once from the environment; docs/operations.md lists every variable."""

import fcntl
import secrets
import tomllib
from pathlib import Path

from django.conf import global_settings

from dadc_site import addresses, environment, logs, pseudo
from trainer.learning import shipped

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION: str = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]
# The simulated crowd of `make demo` has a folder and a database of its own, and never comes upon a
# real site.
WITH_CROWD = environment.flag("WITH_CROWD", False)
DATA_DIR = environment.own_folder(
    "DADC_DATA_DIR", BASE_DIR / (".data-demo" if WITH_CROWD else ".data"), beside=BASE_DIR
)


def _secret_key() -> str:
    """The key from the environment; on a site that serves this machine alone, one made and kept in
    the data folder."""
    if given := environment.text("DADC_SECRET_KEY"):
        return given
    if not LOCAL:
        raise environment.Unusable(
            "DADC_ALLOWED_HOSTS opens this site to others: set DADC_SECRET_KEY too."
        )
    path = DATA_DIR / "secret_key"
    if path.exists() and (kept := path.read_text()):
        return kept
    try:
        with path.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # another process may be at it, or have died at it
            file.seek(0)
            if not (key := file.read()):
                key = secrets.token_urlsafe(48)
                path.chmod(0o600)
                file.write(key)
    except OSError:
        raise environment.refused("DADC_DATA_DIR", "a folder that this user can write") from None
    return key


DEBUG = environment.flag("DADC_DEBUG", False)
ALLOWED_HOSTS = environment.hosts("DADC_ALLOWED_HOSTS")
# Without them the site answers to this machine's names alone, so it listens there alone.
_addresses = ["0.0.0.0", "::"] if ALLOWED_HOSTS else ["127.0.0.1", "::1"]
ADDRESSES = [address for address in _addresses if environment.has_address(address)]
PORT = environment.whole("PORT", 8000, 1, 65_535)
LOCAL = DEBUG or not ALLOWED_HOSTS
ALLOWED_HOSTS = ALLOWED_HOSTS or ["127.0.0.1", "localhost", "[::1]"]
SECRET_KEY = _secret_key()

# What stands in front of the site.
TRUSTED_PROXIES = environment.whole("DADC_TRUSTED_PROXIES", 0, 0, 100)
CSRF_TRUSTED_ORIGINS = environment.origins("DADC_ORIGINS")
PATH = environment.path_prefix("DADC_PATH")
# Another Django's cookies are sent here too where that is at the root of the same host.
_of_this_path = PATH.replace("/", "-")
# Browsers take what begins so by TLS alone; at the root, from this very host too.
_sure = "" if LOCAL else "__Secure-" if PATH else "__Host-"
SESSION_COOKIE_NAME = f"{_sure}sessionid{_of_this_path}"
CSRF_COOKIE_NAME = f"{_sure}csrftoken{_of_this_path}"
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = PATH or "/"
LANGUAGE_COOKIE_NAME = f"{_sure}language{_of_this_path}"
LANGUAGE_COOKIE_PATH = PATH or "/"
MESSAGE_STORAGE = "dadc_site.messages.MessageStorage"
MESSAGE_COOKIE_NAME = f"{_sure}messages{_of_this_path}"

# Networks that webhooks may lead into; else they lead to the internet alone.
WEBHOOK_NETWORKS = environment.networks("DADC_WEBHOOK_NETWORKS")

# What the site does.
SITE_NAME = "Fool the Digits"
MNIST_DIR = environment.existing_folder("DADC_MNIST_DIR", beside=BASE_DIR)
MNIST_CACHE = DATA_DIR / "mnist"
ANSWERS_FOLDER = DATA_DIR / "answers"  # round 1's, on base images
OPEN_SIGNUP = environment.flag("DADC_OPEN_SIGNUP", True)
LIMIT_SCALE = environment.number("DADC_LIMIT_SCALE", 1, 0, 1_000_000)
TRAINERS = environment.whole(*environment.TRAINERS)  # serve.py starts so many
STUDY = {
    "arms": environment.arms("DADC_ARMS"),
    "architecture": environment.one_of("DADC_NET", "mnist_model", shipped.names()),
    "round_size": environment.whole("DADC_ROUND_SIZE", 10, 1, 1_000_000),
    "quorum": environment.whole("DADC_QUORUM", 1, 1, 9),
    "audit_share": environment.number("DADC_AUDIT_SHARE", 0.1, 0, 1),
    "gold_share": environment.number("DADC_GOLD_SHARE", 0.05, 0, 1),
    "person_share": environment.number("DADC_PERSON_SHARE", 1, 0, 1),
    "has_live_preview": environment.flag("DADC_LIVE_PREVIEW", False),
}

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.forms",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_q",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "trainer",
    "collector",
]
MIDDLEWARE = [
    "collector.middleware.RequestId",
    "dadc_site.request_metrics.Count",
    "dadc_site.inside.Inside",
    "dadc_site.languages.Spoken",
    "collector.middleware.Edge",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "dadc_site.sending.Pages",
    "dadc_site.sending.Policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "collector.middleware.Refusals",
]
ROOT_URLCONF = "dadc_site.urls"
WSGI_APPLICATION = "dadc_site.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dadc_site.pages.about_the_site",
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.l10n",
                "dadc_site.terms",
                "dadc_site.times",
            ],
        },
    },
]
FORM_RENDERER = "dadc_site.forms.FormRenderer"

# One database holds the whole state; the crowd's is another, whatever the environment says.
if WITH_CROWD:
    _database = addresses.own_file(DATA_DIR / "demo.sqlite3")
else:
    _database = addresses.database("DATABASE_URL", DATA_DIR / "db.sqlite3", beside=BASE_DIR)
DATABASES = {"default": _database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Short tasks; trainings are no tasks of the queue, but taken from their rows by the trainers.
Q_CLUSTER = {
    "name": "dadc",
    "orm": "default",
    "workers": 1,
    "queue_limit": 4,
    "timeout": 60,
    "retry": 120,
    "ack_failures": True,
    "max_attempts": 1,
    "catch_up": False,
    "save_limit": 100,
    "log_level": "WARNING",
    "broker_class": "collector.management.queue.OneForAll",
}

AUTH_USER_MODEL = "collector.Person"
AUTHENTICATION_BACKENDS = ["collector.people.accounts.Backend"]
PASSWORD_HASHERS = [
    "collector.people.password_hashing.OneAtATime",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "draw"
LOGOUT_REDIRECT_URL = "home"
SILENCED_SYSTEM_CHECKS = [
    "auth.W004",  # user names are unique, by a constraint that ignores case
    "security.W005",  # HSTS is for this host,
    "security.W021",  # and not to be built into browsers
]

_mail = addresses.mail("DADC_EMAIL_URL", "consolemail://")
EMAIL_BACKEND = _mail.backend
EMAIL_FILE_PATH = _mail.folder
EMAIL_HOST = _mail.host
EMAIL_PORT = _mail.port
EMAIL_HOST_USER = _mail.user
EMAIL_HOST_PASSWORD = _mail.password
EMAIL_USE_TLS = _mail.use_tls
EMAIL_USE_SSL = _mail.use_ssl
EMAIL_TIMEOUT = _mail.timeout
DEFAULT_FROM_EMAIL = environment.sender("DADC_MAIL_FROM", "dadc@localhost")

LANGUAGE_CODE = "en"
LANGUAGES = OFFERED_LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LANGUAGES_BIDI = [*global_settings.LANGUAGES_BIDI, pseudo.LANGUAGE]
LOCALE_PATHS = [BASE_DIR / "locale", BASE_DIR / "dadc_site/locale"]
if DEBUG:
    _homes = [*LOCALE_PATHS, BASE_DIR / "collector/locale", BASE_DIR / "trainer/locale"]
    LANGUAGES = [*OFFERED_LANGUAGES, (pseudo.LANGUAGE, "⟦English⟧")]
    LOCALE_PATHS = [pseudo.make(DATA_DIR / "pseudo", _homes), *LOCALE_PATHS]
FORMAT_MODULE_PATH = "dadc_site.formats"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = f"{PATH}/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "dadc_site.storage.ModuleManifestStorage"},
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
SESSION_ENGINE = "collector.people.sessions"
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CSRF_FAILURE_VIEW = "collector.refusals.form_refused"
if TRUSTED_PROXIES or not LOCAL:
    # A proxy ends TLS, and says so.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
if not LOCAL:
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 365 * 24 * 3600  # for this host: others are not ours to decide on
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    LANGUAGE_COOKIE_SECURE = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "collector.api.authentication.TokenAuthentication",
        "collector.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["collector.api.parsing.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "collector.api.parsing.Negotiation",
    "DEFAULT_SCHEMA_CLASS": "collector.api.schema.Schema",
    "EXCEPTION_HANDLER": "collector.api.errors.answer",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Dynamic adversarial data collection",
    "DESCRIPTION": "Draw digits that fool the model, confirm drawings blind, read the rounds.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "ENFORCE_NON_BLANK_FIELDS": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

LOG_FORMAT = environment.one_of("DADC_LOG_FORMAT", "text", logs.FORMATS)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": logs.FORMATS[LOG_FORMAT]}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO"},  # not a second time on its own
        "fido2": {"level": "WARNING"},  # the ids of passkeys are for no log
        "httpx2": {"level": "WARNING"},  # nor is every request to the Hub
        "django-q": {"handlers": ["console"], "propagate": False, "level": "WARNING"},
    },
}
# What may ask for /metrics without an account; without it admins alone.
METRICS_TOKEN = environment.text("DADC_METRICS_TOKEN")

# Where releases are given away too: nowhere without a token, and never the simulated crowd's.
HUB_TOKEN = environment.token("DADC_HUB_TOKEN")
HUB_DATASET = environment.repository("DADC_HUB_DATASET")
HUB_MODEL = environment.repository("DADC_HUB_MODEL")
ZENODO_TOKEN = environment.token("DADC_ZENODO_TOKEN")
ZENODO_URL = environment.server("DADC_ZENODO_URL", "https://zenodo.org")
if HUB_TOKEN and not (HUB_DATASET or HUB_MODEL):
    raise environment.Unusable(
        "DADC_HUB_TOKEN publishes releases: set DADC_HUB_DATASET, DADC_HUB_MODEL or both too."
    )
if WITH_CROWD:
    HUB_TOKEN = ZENODO_TOKEN = ""

MISSPELT = environment.misspelt()
