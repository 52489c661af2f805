"""Settings: everything that differs between places comes from the environment, with typed defaults.

Without ``DATABASE_URL`` and ``CELERY_BROKER_URL`` the embedded servers under ``DATA_DIR`` are used
(see ``annotator.core.embedded``).
"""

from pathlib import Path

from csp.constants import NONE, SELF
from environs import Env

from annotator.core import embedded
from annotator.core.logs import logging_config
from reward_engine import __version__

BASE_DIR = Path(__file__).resolve().parent.parent
env = Env()

DATA_DIR = env.path("DATA_DIR", default=BASE_DIR / ".data").resolve()

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="") or embedded.secret_key(DATA_DIR)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "annotator.core.static.CollectedStaticFiles",
    "django.forms",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django_htmx",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "axes",
    "csp",
    "annotator.core",
    "annotator.accounts",
    "annotator.jobs",
    "annotator.library",
    "annotator.campaigns",
    "annotator.trust",
    "annotator.rewards",
    "annotator.generations",
    "annotator.mpo",
    "annotator.datasets",
    "annotator.insights",
    "annotator.system",
    "annotator.demo",
]

MIDDLEWARE = [
    "annotator.core.metrics.RequestMetrics",
    "annotator.core.middleware.RequestLog",
    "annotator.core.request_checks.RequestChecks",
    "django.middleware.security.SecurityMiddleware",
    "annotator.core.middleware.Headers",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "annotator.core.middleware.Probes",
    "annotator.core.lanes.Turns",
    "annotator.core.days.Zones",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "annotator.accounts.presence.Presence",
    "annotator.accounts.middleware.AdminsShowWhoTheyAre",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "annotator.urls"
WSGI_APPLICATION = "annotator.wsgi.application"

FORM_RENDERER = "django.forms.renderers.TemplatesSetting"  # for the select of templates/django/forms
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "annotator.core.context.appearance",
                "annotator.accounts.context.roles",
            ],
        },
    },
]

# --- Data -----------------------------------------------------------------------------------------
DATABASE_URL = env.str("DATABASE_URL", default="") or embedded.database_url(DATA_DIR)
DATABASES = {"default": embedded.parse_database_url(DATABASE_URL)}
# The web server's threads share a pool; a worker's or a command's single thread needs none.
if env.bool("DATABASE_POOL", default=False):
    DATABASES["default"]["OPTIONS"]["pool"] = {
        "min_size": 1,
        "max_size": env.int("DATABASE_POOL_SIZE", default=16),
        "timeout": 20,
    }
# A pooler in front that lends a connection for a transaction (PgBouncer): nothing may outlast one.
if env.bool("DATABASE_POOLER", default=False):
    DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True
# Dashboards' figures and exports read here.
if replica_url := env.str("DATABASE_REPLICA_URL", default=""):
    DATABASES["replica"] = {**embedded.parse_database_url(replica_url), "TEST": {"MIRROR": "default"}}
    DATABASES["replica"]["DISABLE_SERVER_SIDE_CURSORS"] = DATABASES["default"].get("DISABLE_SERVER_SIDE_CURSORS", False)
DATABASE_ROUTERS = ["annotator.core.replica.Router"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"

BROKER_URL = env.str("CELERY_BROKER_URL", default="") or embedded.broker_url(DATA_DIR)
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": env.str("CACHE_URL", default="") or BROKER_URL,
        "KEY_PREFIX": "visionreward",
    }
}

# Read from the cache, kept in the database: a lost cache signs nobody out, and no request asks the database twice.
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"

# --- Files ----------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = env.path("STATIC_ROOT", default=DATA_DIR / "static").resolve()
MEDIA_ROOT = env.path("MEDIA_ROOT", default=DATA_DIR / "media").resolve()
ARTIFACT_ROOT = env.path("ARTIFACT_ROOT", default=DATA_DIR / "artifacts").resolve()
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "annotator.core.static.HashedStaticFiles"
        if env.bool("STATIC_MANIFEST", default=True)
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
# Set where a proxy in front serves media itself after we have said yes (X-Accel-Redirect).
MEDIA_ACCEL_PREFIX = env.str("MEDIA_ACCEL_PREFIX", default="")
FILE_UPLOAD_PERMISSIONS = 0o644
# The largest request, files not counted: JSON, and all fields of a form together.
DATA_UPLOAD_MAX_MEMORY_SIZE = env.int("LARGEST_BODY_MB", default=16) * 1024 * 1024

# --- Jobs -----------------------------------------------------------------------------------------
CELERY_BROKER_URL = BROKER_URL
CELERY_RESULT_BACKEND = None  # The Job record is the result; nothing else is worth keeping.
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 24 * 3600}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "recover-lost-jobs": {"task": "jobs.recover_lost", "schedule": env.float("JOB_SWEEP_SECONDS", default=10.0)},
    "release-expired-leases": {"task": "campaigns.release_expired_leases", "schedule": 60.0},
    "score-new-items": {"task": "rewards.score_new_items", "schedule": 5.0},
    "clear-score-requests": {"task": "rewards.clear_score_requests", "schedule": 60.0},
    "make-missing-views": {"task": "library.make_missing_views", "schedule": 30.0},
    "retrain-when-grown": {"task": "rewards.retrain_when_grown", "schedule": 600.0},
}
# Every so many hours a worker backs up into this folder, and keeps so many of the newest backups there.
BACKUP_FOLDER = Path(folder).expanduser().resolve() if (folder := env.str("BACKUP_FOLDER", default="")) else None
BACKUPS_KEPT = env.int("BACKUPS_KEPT", default=14)
BACKUP_EVERY_HOURS = env.float("BACKUP_EVERY_HOURS", default=24.0)
if BACKUP_FOLDER is not None:
    CELERY_BEAT_SCHEDULE["back-up"] = {
        "task": "core.back_up", "schedule": 3600.0 * BACKUP_EVERY_HOURS,
    }  # fmt: skip
# A running job that has not been heard of for this long has lost its worker.
JOB_HEARTBEAT_SECONDS = env.float("JOB_HEARTBEAT_SECONDS", default=3.0)
JOB_LOST_AFTER_SECONDS = env.float("JOB_LOST_AFTER_SECONDS", default=20.0)
# So many other workers of its queue are asked to share a job that is done in chunks; 0: each job has one worker.
JOB_HELPERS = env.int("JOB_HELPERS", default=15)
# Processes of a worker of the queue gpu, each with a share of its GPUs; 0: one per GPU, one where there is none.
GPU_WORKERS = env.int("GPU_WORKERS", default=0)

# --- Training -------------------------------------------------------------------------------------
# In how many rounds every prompt is held out once while the dataset is small; 1 holds out one part.
VALIDATION_FOLDS = env.int("VALIDATION_FOLDS", default=5)
# So many newly submitted annotations ask for a new candidate by themselves; 0 never does.
RETRAIN_AFTER_ANNOTATIONS = env.int("RETRAIN_AFTER_ANNOTATIONS", default=200)
# Whether such a candidate is promoted where it is at least as good on held-out prompts as the promoted one.
RETRAIN_PROMOTES = env.bool("RETRAIN_PROMOTES", default=False)
# Processes of a vision-language training; 0: one per GPU that the process of the worker sees, otherwise one.
TRAINING_PROCESSES = env.int("TRAINING_PROCESSES", default=0)
# How long a canceled training may take to save its checkpoint before it is ended.
TRAINING_CANCEL_SECONDS = env.float("TRAINING_CANCEL_SECONDS", default=120.0)
# How long the files of a training that was cut short are kept, so that it can be resumed.
TRAININGS_KEPT_DAYS = env.int("TRAININGS_KEPT_DAYS", default=14)

# --- Vision-language models -------------------------------------------------------------------------
# Only models in these folders may be registered; the web server lists what the gpu workers load.
VLM_ROOTS = [Path(root) for root in env.list("VLM_ROOTS", default=[str(DATA_DIR / "vlms")])]
# Whether admins may register a hub id (owner/name), which the worker then downloads.
VLMS_FROM_HUB = env.bool("VLMS_FROM_HUB", default=False)
# Servers of the OpenAI protocol (https://gpu1.example.org/v1) that judges may ask; their keys stay in the environment
# of the workers: ENDPOINT_API_KEY_1 for the first of them and so on, or ENDPOINT_API_KEY for all.
ENDPOINT_ADDRESSES: list[str] = env.list("ENDPOINT_ADDRESSES", default=[])

# --- Scoring --------------------------------------------------------------------------------------
# So much memory may be taken by judges that a worker keeps loaded; the one in use is kept whatever it takes.
JUDGE_CACHE_MB = env.int("JUDGE_CACHE_MB", default=4096)
# Items of these media types are scored by the promoted version as they come in; admins may switch each off as well.
AUTO_SCORE = env.list("AUTO_SCORE", default=["image", "video"])
# They are scored once none has come in for so long, so that an import is one job; a trickle waits no longer than this.
AUTO_SCORE_SETTLE_SECONDS = env.float("AUTO_SCORE_SETTLE_SECONDS", default=3.0)
AUTO_SCORE_WAIT_SECONDS = env.float("AUTO_SCORE_WAIT_SECONDS", default=60.0)
# So long a request for a score waits for its answer before it is told to ask again; 0: not at all.
SCORE_WAIT_SECONDS = env.float("SCORE_WAIT_SECONDS", default=10.0)
# So many requests of one web process may wait at once; each takes a thread that pages need as well.
SCORE_WAITERS = env.int("SCORE_WAITERS", default=8)
# So long an answer may be fetched.
SCORE_KEEP_SECONDS = env.float("SCORE_KEEP_SECONDS", default=3600.0)

# --- Generators ------------------------------------------------------------------------------------
# Only pipelines and LoRAs in these folders may be named; the web server checks what the workers load.
PIPELINE_ROOTS = [Path(root) for root in env.list("PIPELINE_ROOTS", default=[str(DATA_DIR / "pipelines")])]
# Whether admins may name a hub id (owner/name), which the worker then downloads.
PIPELINES_FROM_HUB = env.bool("PIPELINES_FROM_HUB", default=False)

# --- People ---------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "annotator.accounts.adapters.InvitationOnlyAdapter"
ACCOUNT_FORMS = {"login": "annotator.accounts.forms.SignInForm"}
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
# An office is one address: nobody is refused for what others there did wrong. Whoever guesses passwords is stopped by
# name and address (axes, below), and slowed down by address (annotator.accounts.sign_in_delay).
ACCOUNT_RATE_LIMITS = {
    "login": None,
    "login_failed": None,
    "signup": "100/m/ip",
    "reset_password_from_key": "100/m/ip",
}
OPEN_SIGNUP = env.bool("OPEN_SIGNUP", default=False)
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600  # so long a password given again holds for further sensitive acts
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "VisionReward"
# No mail is sent here that could verify an address; whoever gave one must be able to set up a second factor as well.
MFA_ALLOW_UNVERIFIED_EMAIL = True
# Without a second factor an admin sees nothing but the page that sets one up.
ADMIN_SECOND_FACTOR = env.bool("ADMIN_SECOND_FACTOR", default=False)
# The longest life of an API token; 0: without end. And how many one person may have.
API_TOKEN_MAX_DAYS = env.int("API_TOKEN_MAX_DAYS", default=365)
API_TOKENS_EACH = env.int("API_TOKENS_EACH", default=10)
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "annotator.core.pages.too_many_requests"
AXES_CLIENT_IP_CALLABLE = "annotator.core.client.client_ip"
# How many proxies of ours stand before the web server: that many hops of X-Forwarded-For are believed.
PROXY_COUNT = env.int("PROXY_COUNT", default=0)
ALLAUTH_TRUSTED_PROXY_COUNT = PROXY_COUNT

# --- Language and time ----------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "annotator" / "locale"]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

# --- API ------------------------------------------------------------------------------------------
# So many requests a minute are answered; 0: without a limit.
API_TOKEN_PER_MINUTE = env.int("API_TOKEN_PER_MINUTE", default=600)
API_PERSON_PER_MINUTE = env.int("API_PERSON_PER_MINUTE", default=1200)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "annotator.accounts.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "annotator.core.pagination.Pagination",
    "DEFAULT_PARSER_CLASSES": [
        "rest_framework.parsers.JSONParser",
        "rest_framework.parsers.FormParser",
        "annotator.core.api.StrictMultiPartParser",
    ],
    "DEFAULT_THROTTLE_CLASSES": [
        "annotator.core.throttling.TokenThrottle",
        "annotator.core.throttling.PersonThrottle",
    ],
    "EXCEPTION_HANDLER": "annotator.core.api.problem_details",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "VisionReward Platform",
    "DESCRIPTION": "Checklist judgments, readable rewards, and preference pairs for MPO.",
    "VERSION": __version__,
    "OAS_VERSION": "3.1.0",
    "ENUM_NAME_OVERRIDES": {
        "JobState": "annotator.jobs.models.JobState",
        "CampaignState": "annotator.campaigns.models.CampaignState",
        "AssignmentState": "annotator.campaigns.models.AssignmentState",
        "SkipReason": "annotator.campaigns.models.SkipReason",
        "FlagOutcome": "annotator.campaigns.models.FlagOutcome",
        "FlagReason": "annotator.campaigns.models.FlagReason",
        "RewardModelState": "annotator.rewards.models.RewardModelState",
        "BaseModelState": "annotator.rewards.models.BaseModelState",
        "AnnotatorStandingState": "annotator.trust.models.AnnotatorStandingState",
    },
    "SCHEMA_PATH_PREFIX": r"/api/v1",  # so that operations are grouped by what comes after it
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# --- Safety ---------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "media-src": [SELF, "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
HTTPS = env.bool("HTTPS", default=False)
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "annotator.core.pages.forbidden"
X_FRAME_OPTIONS = "DENY"

# --- Metrics ---------------------------------------------------------------------------------------
# Who knows this may read /metrics (Authorization: Bearer …); without it there is no such page.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

# --- Logs -----------------------------------------------------------------------------------------
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING = logging_config(LOG_LEVEL)
