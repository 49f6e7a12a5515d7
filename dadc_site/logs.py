"""What the log's lines have beside their message."""

import logging


class WithRequestId(logging.Filter):
    """Put the id of the request that a line is about, if any, into its `request_id`."""

    def filter(self, record: logging.LogRecord) -> bool:
        meta = getattr(getattr(record, "request", None), "META", {})
        request_id = meta.get("HTTP_X_REQUEST_ID")
        record.request_id = f" [{request_id}]" if request_id else ""
        return True
