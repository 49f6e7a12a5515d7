"""PostgreSQL, also behind a pooler that gives a connection's transactions to any of its server
processes, such as PgBouncer in transaction mode.

Nothing that we rely on is kept in a connection there: not by start-up parameters, which it
refuses, and not by SET, which another's transaction would find. Each transaction sets its own.
"""

from typing import Any

from django.db.backends.postgresql import base
from psycopg import OperationalError

from dadc_site import addresses


class DatabaseWrapper(base.DatabaseWrapper):
    is_behind_a_pooler = False

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect, without our start-up parameters where a pooler refuses them. Theirs are never
        dropped: what the URL says holds, or there is no connection."""
        if not self.is_behind_a_pooler:
            try:
                return super().get_new_connection(conn_params)
            except OperationalError as error:
                if "unsupported startup parameter" not in str(error):
                    raise
        connection = super().get_new_connection(addresses.without_ours(conn_params))
        self.is_behind_a_pooler = True
        return connection

    def _set_autocommit(self, autocommit: bool) -> None:
        super()._set_autocommit(autocommit)  # type: ignore[misc]
        if self.is_behind_a_pooler and not autocommit:
            local = "; ".join(
                f"SET LOCAL {setting} = {value}" for setting, value in addresses.OURS.items()
            )
            with self.wrap_database_errors:
                self.connection.execute(local)
