import django_filters

from config.api.filters import ChoiceFilter, InstantFilter, SwitchFilter, WholeNumberFilter
from config.outbox.types import TYPES
from config.webhooks.models import TEST, WebhookDelivery


class WebhookEndpointFilter(django_filters.FilterSet):
    is_active = SwitchFilter()
    updated_after = InstantFilter(field_name="updated_at", lookup_expr="gte")


class WebhookDeliveryFilter(django_filters.FilterSet):
    endpoint = WholeNumberFilter(field_name="endpoint_id")
    state = ChoiceFilter(choices=WebhookDelivery.State.choices)
    type = ChoiceFilter(choices=[(name, name) for name in sorted([*TYPES, TEST])])
    created_after = InstantFilter(field_name="created_at", lookup_expr="gte")
