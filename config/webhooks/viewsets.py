from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.pagination import CursorPagination
from config.api.serializers import Serializer
from config.api.viewsets import BaseViewSet, CatalogueViewSet
from config.idempotency.keys import mark_replay
from config.idempotency.once import Created, create_once
from config.idempotency.problems import IdempotencyKeyExpired
from config.webhooks.filters import WebhookDeliveryFilter, WebhookEndpointFilter
from config.webhooks.models import WebhookDelivery, WebhookEndpoint
from config.webhooks.problems import EndpointInactive
from config.webhooks.serializers import (
    NewWebhookEndpointSerializer,
    RotateSecretSerializer,
    WebhookDeliverySerializer,
    WebhookEndpointSerializer,
)

VIEW, CHANGE = "webhooks.view_webhookendpoint", "webhooks.change_webhookendpoint"


class WebhookEndpointViewSet(CatalogueViewSet):
    """URLs of other programs that are told of changes."""

    queryset = WebhookEndpoint.objects.all()
    serializer_class = WebhookEndpointSerializer
    filterset_class = WebhookEndpointFilter
    make = WebhookEndpoint.add
    access = {
        "list": VIEW,
        "retrieve": VIEW,
        "create": "webhooks.add_webhookendpoint",
        "update": CHANGE,
        "partial_update": CHANGE,
        "destroy": "webhooks.delete_webhookendpoint",
        "rotate_secret": CHANGE,
        "test": CHANGE,
    }
    refusals = {"create": [IdempotencyKeyExpired], "test": [EndpointInactive]}

    def get_serializer_class(self) -> type[WebhookEndpointSerializer]:
        has_secret = self.action in ("create", "rotate_secret")
        return NewWebhookEndpointSerializer if has_secret else WebhookEndpointSerializer

    def find_created(self, created: Created) -> list[Any]:
        """A replay shows the secret that its request created, and no later one."""
        endpoints = super().find_created(created)
        if created.is_replay and any(it.previous_secret for it in endpoints):
            raise IdempotencyKeyExpired("The secret of this key's endpoint was replaced. Use a new key.")
        return endpoints

    @extend_schema(request=RotateSecretSerializer, responses=NewWebhookEndpointSerializer)
    @action(detail=True, methods=["post"], url_path="rotate-secret")
    def rotate_secret(self, request: Request, pk: str) -> Response:
        """Replace the secret. The old one signs too for 24 hours."""
        data = self.read_body(RotateSecretSerializer)
        endpoint = self.get_object()
        return self.respond(
            endpoint.rotate_secret(at=timezone.now(), by=request.user, check=self.check_preconditions, **data)
        )

    @extend_schema(request=None, responses={201: WebhookDeliverySerializer})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str) -> Response:
        """Send a test, which shows the endpoint itself. The answer is its delivery, still pending."""
        self.read_body(Serializer)
        endpoint = self.get_object()
        created = create_once(self.idempotency_key(), lambda: [endpoint.test(at=timezone.now())])
        (delivery,) = created.objects or created.found_in(endpoint.deliveries.all())
        data = WebhookDeliverySerializer(delivery, context=self.get_serializer_context()).data
        return mark_replay(Response(data, status=status.HTTP_201_CREATED), is_replay=created.is_replay)


class WebhookDeliveryViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, BaseViewSet):
    """What was sent to endpoints, and what they answered."""

    queryset = WebhookDelivery.objects.all()
    serializer_class = WebhookDeliverySerializer
    filterset_class = WebhookDeliveryFilter
    pagination_class = CursorPagination
    ordering = ("-created_at",)
    access = {
        "list": "webhooks.view_webhookdelivery",
        "retrieve": "webhooks.view_webhookdelivery",
        "redeliver": CHANGE,
    }
    refusals = {"redeliver": [EndpointInactive]}

    @extend_schema(request=None, responses=WebhookDeliverySerializer)
    @action(detail=True, methods=["post"])
    def redeliver(self, request: Request, pk: str) -> Response:
        """Send it again, under the same `webhook-id`, even if it was delivered."""
        self.read_body(Serializer)
        return self.respond(self.get_object().redeliver(at=timezone.now()))
