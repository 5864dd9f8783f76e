"""What `/health/ready` reports of other apps. It does not decide whether the process is ready."""

from collections.abc import Callable

reported: dict[str, Callable[[], str]] = {}


def register_report(name: str, check: Callable[[], str]) -> None:
    reported[name] = check
