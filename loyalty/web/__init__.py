"""The HTTP door: REST, its OpenAPI document, health, metrics. Flask and marshmallow stay here."""
