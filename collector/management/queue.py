"""The queue of short tasks: one for the workers of all machines, and what is for one machine's."""

from typing import Any

from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.conf import Conf

from trainer.heartbeats import MACHINE

OWN = f"{Conf.CLUSTER_NAME}@{MACHINE}"  # the queue that only this machine's workers take from


class OneForAll(ORM):  # type: ignore[misc]
    """Takes what is for this machine first, then what is for anybody."""

    list_key: str

    def dequeue(self) -> Any:
        shared = self.list_key
        own = self.get_connection().filter(key=OWN, lock__lt=timezone.now())
        self.list_key = OWN if own.exists() else shared
        try:
            return super().dequeue()
        finally:
            self.list_key = shared
