"""Where what a page says once is kept."""

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpResponse


class MessageStorage(CookieStorage):
    """Keeps them in a cookie that is this site's alone, where its path is."""

    cookie_name = settings.MESSAGE_COOKIE_NAME

    def _update_cookie(self, encoded_data: str, response: HttpResponse) -> None:
        super()._update_cookie(encoded_data, response)  # type: ignore[misc]
        response.cookies[self.cookie_name]["path"] = settings.SESSION_COOKIE_PATH
