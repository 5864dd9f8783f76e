from config.problems import DomainError


class ScanIdReused(DomainError):
    """A `scan_id` was used for a scan of another code. Give each scan an id of its own, such as a random UUID."""

    code, title = "scan-id-reused", "The id of a scan was used for another code"
