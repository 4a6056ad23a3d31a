"""For the WSGI server: `granian --interface wsgi app:app`."""

from loyalty.web.app import create_app

app = create_app()
