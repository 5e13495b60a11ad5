"""An empty database behind each test that commits.

Django truncates every table and then makes permissions and content types again. A TRUNCATE makes new files for each
table, its indexes and what is stored beside it, whether it held a row or not; here only the rows go.
"""

from __future__ import annotations

from django.db import DatabaseError, connection

# What migrations left here is not the test's.
KEPT = ("django_migrations", "django_content_type", "auth_permission")
DELETE_ALL_ROWS = f"""
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN
        SELECT oid::regclass FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname NOT IN {KEPT}
            AND pg_relation_size(oid) > 0
    LOOP
        EXECUTE 'DELETE FROM ' || name;
    END LOOP;
END
$$
"""
NUM_ATTEMPTS = 5


def delete_all_rows(_test_case: object = None) -> None:
    """One statement, one transaction: constraints are checked at its end, so the order does not matter."""
    for attempt in range(NUM_ATTEMPTS):
        try:
            with connection.cursor() as cursor:
                cursor.execute(DELETE_ALL_ROWS)
            return
        except DatabaseError:
            # Somebody whom the test left behind was writing at that moment.
            if attempt + 1 == NUM_ATTEMPTS:
                raise
