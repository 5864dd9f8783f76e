from config.api.serializers import ModelSerializer
from venues.models import LARGEST, Venue


class VenueSerializer(ModelSerializer):
    class Meta:
        model = Venue
        fields = ["id", "name", "address", "capacity", "timezone", "created_at", "updated_at"]
        extra_kwargs = {"capacity": {"min_value": 1, "max_value": LARGEST}}
