"""The WSGI application, under the production settings unless DJANGO_SETTINGS_MODULE says otherwise."""

import os

from django.conf import settings
from django.core.checks import Tags, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")

django_application = get_wsgi_application()
from config.api.heads import with_plain_content_type  # noqa: E402  needs Django to be set up

application = with_plain_content_type(django_application)


def refuse_unsafe_start() -> None:
    """Raises ImproperlyConfigured with every error of `manage.py check --deploy`, each with its hint."""
    messages = run_checks(tags=[Tags.security], include_deployment_checks=True)
    if errors := [str(message) for message in messages if message.is_serious()]:
        raise ImproperlyConfigured("\n".join(["These settings are not safe to serve:", *errors]))


if settings.REFUSE_UNSAFE_START:
    refuse_unsafe_start()
