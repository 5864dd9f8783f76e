import ipaddress
from collections.abc import Callable, Sequence

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework.request import Request

from config.access.clients import client_address, parse_address

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

ADMIN = ("/admin", "/admin/")


def is_in_back_office(request: HttpRequest | Request) -> bool:
    """Whether the client's address is in BACK_OFFICE_NETWORKS, or there are none."""
    return not settings.BACK_OFFICE_NETWORKS or is_in(request, settings.BACK_OFFICE_NETWORKS)


def is_in(request: HttpRequest | Request, networks: Sequence[Network]) -> bool:
    address = parse_address(client_address(request))
    return address is not None and any(address in network for network in networks)


class BackOfficeMiddleware:
    """Hides the admin from clients outside of BACK_OFFICE_NETWORKS."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_admin = request.path_info == ADMIN[0] or request.path_info.startswith(ADMIN[1])
        if is_admin and not is_in_back_office(request):
            raise Http404
        return self.get_response(request)
