"""For the WSGI server: `granian --interface wsgi app:app`."""

from loyalty.web.app import create_app
from loyalty.web.orphans import end_with_parent

app = create_app()
end_with_parent()
