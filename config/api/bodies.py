"""Request bodies: how large one may be, and that it arrived whole. Decided before anything reads it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from django.conf import global_settings, settings
from django.core.exceptions import TooManyFilesSent
from django.core.files.uploadhandler import FileUploadHandler, load_handler
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import resolve

from config.api.errors import respond
from config.problems import LengthRequired, Malformed, Problem, TooLarge

CHUNK = 65_536
MAX_DISCARDED = 8 * 2**20  # more than deploy/nginx.conf lets pass
View = Callable[..., HttpResponse]


@dataclass(frozen=True)
class Upload:
    """Set as `upload` of a view that accepts files. `is_allowed` must not read the body."""

    max_bytes: int
    is_allowed: Callable[[HttpRequest], bool]


class NoFiles(FileUploadHandler):
    """The upload handler of all other views."""

    def new_file(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TooManyFilesSent("This page accepts no files.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None: ...

    def file_complete(self, file_size: int) -> None: ...


def read_body(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """The outermost middleware of bodies: reads each that is within the limit, also when it is not needed.

    The server closes a connection when the body was not read. nginx, which is still sending it, may then lose the
    answer, and counts a failure of the server.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if 0 < content_length(request) <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            _ = request.body
        return get_response(request)

    return middleware


class BodyMiddleware:
    """Refuses a body without a Content-Length, above the limit, or shorter than its Content-Length.

    The server hands on the part of a body that did arrive, as if it were all. A larger body is accepted only by a view
    with an `upload`, from a client that it allows. The view is known, and the session read, before CSRF protection
    parses a form.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        problem = problem_with_body(request)
        return refuse(request, problem) if problem else self.get_response(request)

    def process_view(self, request: HttpRequest, view: View, *args: Any) -> HttpResponse | None:
        upload = getattr(view, "upload", None)
        if upload is not None and upload.is_allowed(request):
            request.upload_handlers = [load_handler(it, request) for it in global_settings.FILE_UPLOAD_HANDLERS]
        elif content_length(request) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return refuse(request, too_large())
        return None


def content_length(request: HttpRequest) -> int:
    text = request.META.get("CONTENT_LENGTH") or "0"
    return int(text) if text.isdecimal() else 0  # as Django reads it


def problem_with_body(request: HttpRequest) -> Problem | None:
    if "HTTP_TRANSFER_ENCODING" in request.META:
        return LengthRequired()
    length = content_length(request)
    if length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        return too_large() if length > max_upload(request) else None
    if length and len(request.body) < length:
        return Malformed(f"The body has {len(request.body)} of the {length} bytes in Content-Length.")
    return None


def refuse(request: HttpRequest, problem: Problem) -> HttpResponse:
    """Discards what a declared proxy has collected, for the reason that `read_body` gives."""
    if settings.NUM_PROXIES:
        for _ in range(0, min(content_length(request), MAX_DISCARDED), CHUNK):
            request.read(CHUNK)
    return respond(problem)


def max_upload(request: HttpRequest) -> int:
    try:
        upload = getattr(resolve(request.path_info).func, "upload", None)
    except Http404:
        return 0
    return upload.max_bytes if upload else 0


def too_large() -> TooLarge:
    return TooLarge(f"A body may have {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes.")
