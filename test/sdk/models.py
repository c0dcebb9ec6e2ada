"""Asks a model by the AWS SDK for Python, as it is: where, and with which token, the SDK
reads from the environment. Prints one line for each thing tried."""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

MODEL, WORDS = sys.argv[1], "four words are said"
ASKED = [{"role": "user", "content": [{"text": WORDS}]}]
bedrock = boto3.client("bedrock-runtime", region_name="us-east-1", config=Config(retries={"total_max_attempts": 1}))


def converse(model=MODEL, tokens=50, **more):
    answer = bedrock.converse(modelId=model, messages=ASKED, inferenceConfig={"maxTokens": tokens}, **more)
    return answer["output"]["message"]["content"][0]["text"], answer["usage"]["totalTokens"]


def converse_stream():
    text, total = "", 0
    for event in bedrock.converse_stream(modelId=MODEL, messages=ASKED)["stream"]:
        text += event.get("contentBlockDelta", {}).get("delta", {}).get("text", "")
        total += event.get("metadata", {}).get("usage", {}).get("totalTokens", 0)
    return text, total


def anthropic():
    return json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 50, "messages": [{"role": "user", "content": WORDS}]})


def invoke():
    answer = json.loads(bedrock.invoke_model(modelId=MODEL, body=anthropic())["body"].read())
    return answer["content"][0]["text"], sum(answer["usage"].values())


def invoke_stream():
    text, usage = "", {}
    for event in bedrock.invoke_model_with_response_stream(modelId=MODEL, body=anthropic())["body"]:
        chunk = json.loads(event["chunk"]["bytes"])
        text += chunk.get("delta", {}).get("text", "")
        usage |= chunk.get("message", {}).get("usage", {}) | chunk.get("usage", {})
    return text, sum(usage.values())


def attempt(what, ask):
    try:
        text, total = ask()
        print(f"{what}: {text!r}, {total} tokens")
    except ClientError as e:
        print(f"{what}: {e.response['Error']['Code']}: {e.response['Error']['Message']}")


attempt("converse", converse)
attempt("converse_stream", converse_stream)
attempt("invoke_model", invoke)
attempt("invoke_model_with_response_stream", invoke_stream)
attempt("another model", lambda: converse(model="amazon.nova-pro-v1:0"))
attempt("a guardrail", lambda: converse(guardrailConfig={"guardrailIdentifier": "g", "guardrailVersion": "1"}))
attempt("a longer answer than is left", lambda: converse(tokens=10_000_000))
