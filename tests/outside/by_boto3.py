"""Makes the calls of Amazon Connect that stand on its input, by the boto3 of whoever runs it.

What came of each is printed: the members of the answer, or the error.
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def outcome(call, parameters):
    try:
        answer = call(**parameters)
    except ClientError as error:
        answer = error.response
    said = answer["ResponseMetadata"]
    members = sorted(answer.keys() - {"ResponseMetadata"})
    return {
        "status": said["HTTPStatusCode"],
        "error": answer.get("Error", {}).get("Code"),
        "members": members,
        "request": said["RequestId"],
    }


def main():
    wanted = json.load(sys.stdin)
    # Without boto3's own checks, so that the stand-in's are reached.
    config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    connect = boto3.client(
        "connect",
        endpoint_url=wanted["endpoint"],
        region_name="us-east-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="example",
        config=config,
    )
    calls = wanted["calls"]
    print(json.dumps([outcome(getattr(connect, name), parameters) for name, parameters in calls]))


if __name__ == "__main__":
    main()
