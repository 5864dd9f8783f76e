"""The base of every viewset."""

import datetime as dt
import re
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any, ClassVar
from urllib.parse import unquote_to_bytes, urlencode

from django.http import Http404, QueryDict
from django.utils import timezone
from rest_framework import mixins, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from config.access.booking_secret import PARAMETER as SECRET
from config.access.booking_secret import sent_secret
from config.access.permissions import PermissionOrSecret
from config.access.rate_limits import GUESSES, count_guess
from config.api.caching import cache_anonymous
from config.api.conditional import READS, ConditionalMixin
from config.api.deprecation import Deprecated
from config.api.expand import PARAMETER as EXPAND
from config.api.expand import ExpandMixin
from config.api.overload import refuse_late
from config.api.pagination import SkipLimitPagination
from config.api.renderers import wants_page
from config.idempotency.keys import MAX_SUBJECT, RequestKey, mark_replay
from config.idempotency.once import Created, create_once
from config.problems import InvalidInput, Malformed, NotFound, Problem

# What mail programs, social networks and advertisements append to the links that people share.
TRACKING = re.compile(
    r"utm_\w+|(fb|g|d|tt|tw|y)clid|msclkid|[gw]braid|gad_\w+|mc_[ce]id|_gl|_hs\w+|igsh(id)?|li_fat_id|srsltid"
)


def check_query(request: Request, allowed: Collection[str] = (), *, is_link: bool = False) -> None:
    """Raises InvalidInput for an unknown or repeated query parameter, Malformed for bytes that are not UTF-8.

    In the query of a link that people share, tracking parameters mean nothing.
    """
    errors = [
        {
            "parameter": name,
            "code": "given-twice" if name in allowed else "unknown-parameter",
            "detail": "Must be given once." if name in allowed else "Unknown query parameter.",
        }
        for name, values in request.query_params.lists()
        if (name not in allowed or len(values) > 1) and not (is_link and TRACKING.fullmatch(name))
    ]
    if errors:
        raise InvalidInput(errors=errors)
    try:
        unquote_to_bytes(request.META["QUERY_STRING"]).decode()
    except UnicodeDecodeError:
        raise Malformed("The query string is not UTF-8.") from None


class BaseViewSet(ConditionalMixin, ExpandMixin, GenericViewSet):
    """DRF's GenericViewSet with strict query parameters, declared access, conditional requests and `?expand=`.

    A resource declares `access` (see config.access.permissions), `ordering` (the default) and `ordering_fields`,
    `public_for` (seconds that anonymous answers may be cached), `refusals` (the domain's errors of each action, for the
    schema) and `deprecations`.
    """

    lookup_value_regex = r"[^/]+"
    lookup_schema: ClassVar[dict[str, Any]] = {"type": "integer", "minimum": 1}
    ordering: ClassVar[tuple[str, ...]] = ("id",)
    ordering_fields: ClassVar[tuple[str, ...]] = ()
    ordering_columns: ClassVar[dict[str, str]] = {}  # of the fields that are sorted by another column or annotation
    access: ClassVar[dict[str, Any]]
    refusals: ClassVar[dict[str, list[type[Problem]]]] = {}
    deprecations: ClassVar[dict[str, Deprecated]] = {}
    pagination_class: Any = SkipLimitPagination
    is_guessable: ClassVar[bool] = False  # unknown ids and wrong secrets are counted
    guess_limit: ClassVar[str] = GUESSES
    narrowed_actions: ClassVar[frozenset[str]] = frozenset()  # whose rows are those of the events of a narrowed token
    queryset: Any

    @classmethod
    def as_view(cls, actions: Any = None, **initkwargs: Any) -> Any:
        view = super().as_view(actions, **initkwargs)
        return view if cls.public_for is None else cache_anonymous(view)

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        if request.method in READS and wants_page(request):  # the form of filters sends its empty fields, too
            filled = [(name, value) for name, values in request.GET.lists() for value in values if value]
            request.GET = QueryDict(urlencode(filled))
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.at: dt.datetime = timezone.now()
        super().initial(request, *args, **kwargs)
        if self.action is None:  # the answer is 405
            return
        self.check_query(request)
        self.read_expand(request)
        if self.detail and request.method == "POST":
            self.check_preconditions()

    def check_permissions(self, request: Request) -> None:
        self.check_throttles(request)  # before permissions: a refused request counts too
        super().check_permissions(request)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if deprecated := self.deprecations.get(self.action or ""):
            deprecated.mark(response)
        return response

    def check_query(self, request: Request) -> None:
        check_query(request, self.query_parameters(), is_link=self.is_link and request.method in READS)
        if self.takes_secret:
            sent_secret(request)  # raises before the object is looked up, which must not show

    @property
    def is_link(self) -> bool:
        """Whether people share links to what is shown: single public resources, and calendars."""
        return self.detail and self.public_for is not None

    @property
    def takes_secret(self) -> bool:
        return isinstance(self.access.get(self.action), PermissionOrSecret)

    def query_parameters(self) -> set[str]:
        """The names that this action's query string may have."""
        names = {EXPAND} if self.expansions else set()
        names |= {SECRET} if self.takes_secret and self.request.method in READS else set()
        if self.detail or self.request.method not in READS:
            return names
        filterset = getattr(self, "filterset_class", None)
        names |= set(filterset.base_filters) if filterset else set()
        names |= set(self.pagination_class.parameters) if self.pagination_class else set()
        return names | ({"ordering"} if self.ordering_fields else set())

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """Answers the Allow header alone."""
        return Response(status=status.HTTP_204_NO_CONTENT)

    def read_flag(self, name: str) -> bool:
        """A query parameter that is true or false; false by default. Raises InvalidInput."""
        value = self.request.query_params.get(name, "false")
        if value not in ("true", "false"):
            raise InvalidInput(errors=[{"parameter": name, "code": "invalid", "detail": "Must be true or false."}])
        return value == "true"

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "at": getattr(self, "at", None)}

    def get_object(self) -> Any:
        identifier = self.kwargs[self.lookup_field] = self.fold_identifier(self.kwargs[self.lookup_field])
        is_possible = self.is_identifier(identifier)
        if is_possible:
            with suppress(Http404):
                found = super().get_object()
                self.load([found])
                return found
        if self.is_guessable and (is_possible or self.guess_limit == GUESSES):
            count_guess(self.request, purpose=self.guess_limit)
            refuse_late(self.request)
        name = self.queryset.model._meta.verbose_name
        raise NotFound(f"No {name} with this {'id' if self.lookup_field == 'pk' else self.lookup_field}.")

    def filter_queryset(self, queryset: Any) -> Any:
        return queryset if self.detail else super().filter_queryset(queryset)  # an id is not filtered or sorted

    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset)
        self.load(page or [])
        return page

    @staticmethod
    def fold_identifier(value: str) -> str:
        """An id from the path in the form that is stored."""
        return value

    @staticmethod
    def is_identifier(value: str) -> bool:
        """Whether a text from the path can be an id: a whole number without leading zeros."""
        return bool(re.fullmatch(r"[1-9]\d{0,17}", value, re.ASCII))

    def idempotency_key(self) -> RequestKey | None:
        """For `create_once`, in every action that creates something: after `get_object`, if the path has an id. Raises
        InvalidInput.
        """
        subject = " ".join(self.kwargs.values())[:MAX_SUBJECT]
        return RequestKey.read(self.request, f"{self.basename}-{self.action}", subject)

    def read_body(self, serializer_class: type[BaseSerializer], context: Any = None) -> dict[str, Any]:
        """The validated body; an absent one is an empty object."""
        serializer = serializer_class(data=self.request.data, context=context or {})
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def respond(self, instance: Any) -> Response:
        """An object after a change; `expires_in` and the like are as of now."""
        self.at = timezone.now()
        return Response(self.get_serializer(instance).data)


class CatalogueViewSet(
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    mixins.ListModelMixin,
    BaseViewSet,
):
    """Writes through the model's verbs: `make` (named here), `revise` and `remove`, each with `by` as its author."""

    make: ClassVar[Callable[..., Any]]

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        created = create_once(self.idempotency_key(), lambda: [self.create_one()])
        (instance,) = self.find_created(created)
        response = self.respond(instance)
        response.status_code = status.HTTP_201_CREATED
        response["Location"] = f"{request.path.rstrip('/')}/{instance.pk}"
        return mark_replay(response, is_replay=created.is_replay)

    def create_one(self) -> Any:
        serializer = self.get_serializer(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return type(self).make(**serializer.validated_data, by=self.request.user)

    def perform_update(self, serializer: BaseSerializer) -> None:
        instance: Any = serializer.instance
        self.reload(
            serializer,
            instance.revise(check=self.check_preconditions, by=self.request.user, **serializer.validated_data),
        )

    def perform_destroy(self, instance: Any) -> None:
        instance.remove(check=self.check_preconditions, by=self.request.user)

    def reload(self, serializer: BaseSerializer, instance: Any) -> None:
        """Shows the object as it is stored now, also to a client that may write drafts and not see them."""
        (serializer.instance,) = self.find_created(Created.of([instance]))
        serializer.context["at"] = self.at  # type: ignore[index]

    def find_created(self, created: Created) -> list[Any]:
        """The objects as they are stored now. Raises CreatedObjectGone for a replay."""
        self.at = timezone.now()
        objects = created.found_in(self.get_queryset())
        self.load(objects)
        return objects
