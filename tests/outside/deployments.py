"""A function, the Amazon Connect that it speaks to, and the senders that it trusts."""

import itertools

import people
from http_events import Answer, http_event
from standard_webhooks import now, secret, sign

# Keys that are easily told in a log: nothing else has these bytes.
SECRET = secret(b"the key that Okta signs its events with")
HR_SECRET = secret(b"the key that the people department has")

_ids = itertools.count(1)


class Deployment:
    def __init__(self, standin, function):
        self.standin = standin
        self.function = function

    @staticmethod
    def environment(standin, **settings):
        """Two sources and what everyone gets; None leaves a variable out."""
        sound = {
            "HOOK_OKTA_SCHEME": "standard-webhooks",
            "HOOK_OKTA_SECRET": SECRET,
            "HOOK_HR_SCHEME": "standard-webhooks",
            "HOOK_HR_SECRET": HR_SECRET,
            "CONNECT_INSTANCE": standin.instance_arn,
            "ROUTING_PROFILE": standin.routing_profiles["Basic Routing Profile"],
            "SECURITY_PROFILES": standin.security_profiles["Agent"],
            "AWS_ENDPOINT_URL_CONNECT": standin.endpoint,
        }
        return {name: value for name, value in (sound | settings).items() if value is not None}

    def send(self, event):
        """The answer to an event as it is."""
        return Answer.of(self.function.invoke(event))

    def deliver(self, document, **signing):
        """The answer to a document, signed just now."""
        return self.send(signed(document, **signing))

    def fail(self, operation, *faults):
        """Lets the next calls of an operation end like this."""
        self.standin.control(faults={operation: faults})


def signed(document, *, id=None, timestamp=None, secret=SECRET, headers=None, **event):
    """A signed event; of a JSON document, or of bytes as they are."""
    body = document if isinstance(document, bytes) else people.as_bytes(document)
    signature = sign(secret, id or f"msg_{next(_ids)}", timestamp or now(), body)
    return http_event(headers=signature | (headers or {}), body=body, **event)


def foreign_user(standin, username, tags=None):
    """Makes a user by hand, as somebody else would."""
    standin.connect.create_user(
        InstanceId=standin.instance_id,
        Username=username,
        IdentityInfo={"FirstName": "Bo", "LastName": "Taken"},
        PhoneConfig={"PhoneType": "SOFT_PHONE"},
        SecurityProfileIds=[standin.security_profiles["Admin"]],
        RoutingProfileId=standin.routing_profiles["Sales"],
        Tags=tags or {"kept-by": "hand"},
    )
