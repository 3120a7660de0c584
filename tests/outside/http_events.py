"""HTTP requests as Lambda gets them: payload format 2.0, with every member that AWS documents.

Shapes: "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway" and "Invoking Lambda
function URLs" in the AWS documentation.
"""

import base64 as codec
import json
from dataclasses import dataclass


def http_event(
    path="/hooks/okta", *, method="POST", headers=None, body=b"", base64=False,
    stage="$default", query="", function_url=False,
):
    """An event as the gateway hands it over; `base64` says whether it wraps the body."""
    api = "execute-api.us-east-1.amazonaws.com"
    host = "abc123." + ("lambda-url.us-east-1.on.aws" if function_url else api)
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "cookies": ["a=1"],
        "headers": {"content-type": "application/json", "host": host} | (headers or {}),
        "requestContext": {
            "accountId": "anonymous" if function_url else "123456789012",
            "apiId": "abc123",
            "domainName": host,
            "domainPrefix": "abc123",
            "http": {
                "method": method, "path": path, "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1", "userAgent": "outside/1",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": stage,
            "time": "10/Mar/2026:05:16:23 +0000",
            "timeEpoch": 1773119783636,
        },
        "isBase64Encoded": base64,
    }
    if function_url:
        event["requestContext"]["authentication"] = None
    if body:
        event["body"] = codec.b64encode(body).decode() if base64 else body.decode()
    return event


@dataclass(frozen=True)
class Answer:
    """What goes back to the gateway."""

    status: int
    headers: dict
    body: str

    @classmethod
    def of(cls, response):
        assert set(response) == {"statusCode", "headers", "body", "isBase64Encoded"}, response
        assert response["isBase64Encoded"] is False
        return cls(response["statusCode"], response["headers"], response["body"])

    @property
    def json(self):
        return json.loads(self.body)
