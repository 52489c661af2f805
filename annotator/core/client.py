"""Where a request comes from, behind proxies too."""

from django.conf import settings
from django.http import HttpRequest


def client_ip(request: HttpRequest) -> str:
    """The address of the person's machine.

    ``X-Forwarded-For`` is believed only as far as ``PROXY_COUNT`` proxies of ours have written it: what stands
    before that came from outside, where anybody writes anything.
    """
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    count = settings.PROXY_COUNT
    if count and len(hops) >= count:
        return hops[-count]
    return str(request.META.get("REMOTE_ADDR", ""))
