"""What the portal takes from the core: a site's values and its readiness, so that page and engine can't differ.

The only imports of `streams` in all edges; the import contracts name them.
"""

from streams.escalation.readiness import readiness
from streams.escalation.values import Address, Contact, Instant, Intervention, Readiness, Site

__all__ = ["Address", "Contact", "Instant", "Intervention", "Readiness", "Site", "readiness"]
