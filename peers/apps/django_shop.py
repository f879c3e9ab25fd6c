"""A small shop on Django as it comes: sessions in the database, its own login view, its own CSRF protection.

Run: gunicorn --bind ADDRESS django_shop:application, with SHOP_STATE naming a folder for its database.
It knows nothing of the gate, except that it repeats `Portcullis-Tier` as `Seen` for whoever tests it.
"""

import os
from pathlib import Path

from django.conf import settings

FOLDER = Path(os.environ["SHOP_STATE"])

settings.configure(
    SECRET_KEY="only for tests on loopback",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        f"{__name__}.repeat_tier",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [
                    (
                        "django.template.loaders.locmem.Loader",
                        {"login.html": "<form method=post>{% csrf_token %}{{ form }}<button>Sign in</button></form>"},
                    )
                ]
            },
        }
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": FOLDER / "shop.sqlite3",
            "OPTIONS": {"timeout": 20},
        }
    },
    # As Django's documentation advises for tests: the default is slow on purpose.
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    LOGIN_URL="/login",
    LOGIN_REDIRECT_URL="/account",
)

import django  # noqa: E402

django.setup()

from django.contrib.auth.decorators import login_required  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.contrib.auth.views import LoginView  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponse, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402

TOKENS = {f"the-warehouse-token-number-{number}" for number in range(1, 4)}


def repeat_tier(answer):
    def middleware(request):
        response = answer(request)
        response["Seen"] = f"tier={request.headers.get('Portcullis-Tier', '')}"
        return response

    return middleware


class SignIn(LoginView):
    """Counts wrong passwords in the session, so a wrong password sets a session cookie too."""

    template_name = "login.html"

    def form_invalid(self, form):
        self.request.session["wrong"] = self.request.session.get("wrong", 0) + 1
        return super().form_invalid(form)


def home(request):
    return HttpResponse("tickets for everybody")


@login_required
def private(request):
    return HttpResponse(f"hello {request.user.username}")


def orders_by_token(request):
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or token not in TOKENS:
        return JsonResponse({"error": "token"}, status=401, headers={"WWW-Authenticate": "Bearer"})
    return JsonResponse({"orders": []})


urlpatterns = [
    path("", home),
    path("tickets", home),
    path("login", SignIn.as_view()),
    path("account", private),
    path("orders", private),
    path("api/orders", orders_by_token),
]

call_command("migrate", verbosity=0)
for name in ("ann", "bo", "cy"):
    if not User.objects.filter(username=name).exists():
        User.objects.create_user(name, password="correct horse")

application = get_wsgi_application()
