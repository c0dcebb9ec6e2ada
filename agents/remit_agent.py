"""What any agent behind a Remit gateway needs: an MCP client that keeps the agent contract
(docs/agent-contract.md), a port for the model, and the loop between the two. Standard
library only. It knows no company and no tool. Start with `main`, then `Gateway`.
"""

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, Callable, Protocol

PROTOCOL = "2025-06-18"
MAX_REPLY = 8 << 20  # bytes; the gateway's own limit is 6 MiB
TIMEOUT = 60  # seconds for one message
WAITS = (0.25, 0.5, 1.0)  # seconds before each further attempt, when nothing ran
MAX_CALLS = 20  # a model that has not answered by then does not converge


class NotDone(Exception):
    """A call that gave no reply. `reference` is all that a person can be told about it."""

    says = "did not work"

    def __init__(self, reference: str = "", detail: str = ""):
        self.reference, self.detail = reference, detail
        super().__init__(self.says + (f", reference {reference}" if reference else ""))


class Refused(NotDone):
    """The agent, the user or the moment does not allow it, or the datum is not the user's.
    They look alike on purpose. Do not try variations."""

    says = "is refused"


class Invalid(NotDone):
    """The arguments do not fit; `detail` says how. Correct them once."""

    says = "does not take these arguments"


class Unavailable(NotDone):
    """Nothing ran, and the attempts are used up."""

    says = "is not available now"


class Failed(NotDone):
    """The tool failed. A write may or may not have happened."""

    says = "failed, and what it writes may or may not have been written"


class NotListed(NotDone):
    """tools/list does not show it to this user, so it is not asked for."""

    says = "is not offered to this user here"


class NoGateway(Exception):
    """The gateway does not answer as one. The text holds no token."""


class NoModel(Exception):
    """The model cannot be asked."""


class UsedUp(NotDone):
    """A limit is used up; `detail` says which. Answer with what you have."""

    says = "is used up for now"


class Ended(NotDone):
    """The execution has ended: nothing further runs in it."""

    says = "came after the execution had ended"


class Unknown(NotDone):
    """An earlier call with this effect may have run. It is not repeated; a person looks."""

    says = "may have been done already, and nobody knows yet"


CODES = {-32001: Refused, -32602: Invalid, -32010: Unavailable, -32011: Failed, -32012: UsedUp, -32013: Ended, -32014: Unknown}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token to another address."""

    def redirect_request(self, *_args, **_kwargs):
        return None


class Gateway:
    """The lane's gateway: the only door of an agent, and the only place its token goes."""

    def __init__(self, url: str, token: str, sleep: Callable[[float], None] = time.sleep):
        self._url, self._token, self._sleep = url, token, sleep
        self._id, self._protocol, self._names = 0, "", {}
        self._web = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))

    def __repr__(self) -> str:
        return f"Gateway({self._url!r})"  # without the token

    @classmethod
    def from_environment(cls) -> "Gateway":
        """REMIT_GATEWAY and REMIT_TOKEN, as whoever opened the execution set them."""
        for name in ("REMIT_GATEWAY", "REMIT_TOKEN"):
            if not os.environ.get(name):
                raise NoGateway(f"{name} is not set; whoever opens the execution hands it to the agent")
        # Popped, so that nothing this process starts inherits the token.
        return cls(os.environ["REMIT_GATEWAY"], os.environ.pop("REMIT_TOKEN"))

    def connect(self) -> list[dict]:
        """Says hello, and answers the tools this user may use now."""
        hello = {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": {"name": "remit-agent", "version": "0.1.0"}}
        self._protocol = self._ask("initialize", hello).get("protocolVersion", PROTOCOL)
        self._post({"jsonrpc": "2.0", "method": "notifications/initialized"})
        tools, page = [], {}
        while True:
            listed = self._ask("tools/list", page)
            tools += listed.get("tools", [])
            if not listed.get("nextCursor"):
                break
            page = {"cursor": listed["nextCursor"]}
        self._names = {t["name"].partition("___")[2]: t["name"] for t in tools}
        return [{**t, "name": t["name"].partition("___")[2]} for t in tools]

    def call(self, tool: str, arguments: dict) -> Any:
        """Calls a tool by its short name, and answers what is declared to leave it."""
        if tool not in self._names:
            raise NotListed()
        result = self._ask("tools/call", {"name": self._names[tool], "arguments": arguments})
        if result.get("isError"):
            raise Failed()
        if "structuredContent" in result:
            return result["structuredContent"]
        texts = [b.get("text", "") for b in result.get("content", []) if b.get("type") == "text"]
        try:
            return json.loads(texts[0])
        except (IndexError, ValueError):
            return {"text": "\n".join(texts)}

    def _ask(self, method: str, params: dict) -> dict:
        """One request, asked again a few times while nothing ran. There is no other retry:
        after any other outcome asking again is wrong or may write twice."""
        for wait in (*WAITS, None):
            try:
                return self._once(method, params)
            except Unavailable:
                if wait is None:
                    raise
                self._sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _once(self, method: str, params: dict) -> dict:
        self._id += 1
        reply = self._post({"jsonrpc": "2.0", "id": self._id, "method": method, "params": params})
        error = reply.get("error")
        if error is None and isinstance(reply.get("result"), dict):
            return reply["result"]
        if not isinstance(error, dict):
            raise NoGateway("the gateway's answer is no JSON-RPC reply")
        data = error.get("data") if isinstance(error.get("data"), dict) else {}
        raise CODES.get(error.get("code"), Failed)(str(data.get("reference", "")), str(data.get("detail", "")))

    def _post(self, message: dict) -> dict:
        headers = {"Authorization": "Bearer " + self._token, "Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        if self._protocol:
            headers["MCP-Protocol-Version"] = self._protocol
        request = urllib.request.Request(self._url, json.dumps(message).encode(), headers, method="POST")
        try:
            with self._web.open(request, timeout=TIMEOUT) as response:
                kind, body = response.headers.get_content_type(), response.read(MAX_REPLY + 1)
        except urllib.error.HTTPError as e:
            raise NoGateway(f"the gateway answered HTTP {e.code}" + ("; the token is not for it, or the execution is over" if e.code == 401 else "")) from None
        except (OSError, ValueError) as e:
            # Only the kind of error: an error's text may quote a header, and so the token.
            raise NoGateway(f"the gateway cannot be reached ({type(e).__name__})") from None
        if len(body) > MAX_REPLY:
            raise NoGateway("the gateway's answer is too large")
        if not body.strip():
            return {}
        try:
            reply = _event(body, message.get("id")) if kind == "text/event-stream" else json.loads(body)
        except ValueError:
            raise NoGateway("the gateway's answer is not JSON") from None
        if not isinstance(reply, dict):
            raise NoGateway("the gateway's answer is no JSON-RPC reply")
        return reply


def _event(body: bytes, wanted: Any) -> dict:
    """The reply inside an event stream, which Streamable HTTP lets a server choose."""
    for event in body.decode().replace("\r\n", "\n").split("\n\n"):
        data = "\n".join(line[5:].lstrip() for line in event.split("\n") if line.startswith("data:"))
        message = json.loads(data) if data else {}
        if message.get("id") == wanted:
            return message
    return {}


@dataclass
class Call:
    """A tool call that a model asks for."""

    tool: str
    arguments: dict
    id: str = ""  # the model's own name for it, where it has one


@dataclass
class Step:
    """A call and what came of it: a reply, or a NotDone."""

    call: Call
    outcome: Any


class Model(Protocol):
    """Chooses the next call from what it has seen, or answers with the final text."""

    def next(self, task: str, tools: list[dict], seen: list[Step]) -> "Call | str": ...


class Scripted:
    """A model that is a function, so that a run can be told beforehand."""

    def __init__(self, script: Callable[[str, set[str], list[Step]], "Call | str"]):
        self._script = script

    def next(self, task: str, tools: list[dict], seen: list[Step]) -> "Call | str":
        return self._script(task, {t["name"] for t in tools}, seen)


class Bedrock:
    """A model through Amazon Bedrock's Converse, by the AWS SDK as it is. Where models are
    reached through a broker, AWS_ENDPOINT_URL_BEDROCK_RUNTIME says where it is, and
    AWS_BEARER_TOKEN_BEDROCK holds the token for models; where they are used directly, the
    execution role is what signs, and REMIT_EXECUTION says for what it is used."""

    def __init__(self, model: str, instructions: str):
        try:
            import boto3  # only here, so that the scripted model needs no package
        except ImportError:
            raise NoModel("--model bedrock needs boto3, which is not installed: pip install boto3") from None
        if not model:
            raise NoModel("--model bedrock needs --bedrock-model, or REMIT_MODEL")
        from botocore.exceptions import BotoCoreError, ClientError  # boto3 brings it

        self._fails, self._model, self._instructions = (BotoCoreError, ClientError), model, instructions
        self._client = self._or_say(lambda: boto3.client("bedrock-runtime", region_name=os.environ.get("AWS_REGION")))

    def _or_say(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except self._fails as e:
            raise NoModel(f"Bedrock: {e}") from None

    def next(self, task: str, tools: list[dict], seen: list[Step]) -> "Call | str":
        messages = [{"role": "user", "content": [{"text": task}]}]
        for i, step in enumerate(seen):
            use = step.call.id or f"call-{i}"
            bad = isinstance(step.outcome, NotDone)
            content = {"text": f"{step.outcome} {step.outcome.detail}".strip()} if bad else {"json": step.outcome if isinstance(step.outcome, dict) else {"value": step.outcome}}
            messages.append({"role": "assistant", "content": [{"toolUse": {"toolUseId": use, "name": step.call.tool, "input": step.call.arguments}}]})
            messages.append({"role": "user", "content": [{"toolResult": {"toolUseId": use, "content": [content], "status": "error" if bad else "success"}}]})
        specs = [{"toolSpec": {"name": t["name"], "description": t.get("description") or t["name"], "inputSchema": {"json": t["inputSchema"]}}} for t in tools]
        more = {"toolConfig": {"tools": specs}} if specs else {}
        if execution := os.environ.get("REMIT_EXECUTION"):
            more["requestMetadata"] = {"remit_execution": execution}
        answer = self._or_say(lambda: self._client.converse(modelId=self._model, messages=messages, system=[{"text": self._instructions + CONTRACT}], inferenceConfig={"temperature": 0}, **more))
        blocks = answer["output"]["message"]["content"]
        for block in blocks:
            if use := block.get("toolUse"):
                return Call(use["name"], use["input"], use["toolUseId"])  # one call at a time; it asks again for the others
        return "\n".join(b["text"] for b in blocks if "text" in b)


CONTRACT = """
If a tool call is refused, say that you cannot do it and quote its reference; do not try variations.
If the arguments do not fit, correct them once. If a tool failed, say so: a write may or may not have happened.
A field that is missing from a reply may not be known to you; do not ask for it."""


def run(model: Model, gateway: Gateway, task: str) -> str:
    """One task of one execution. Nothing is kept for another."""
    tools, seen = gateway.connect(), []
    while len(seen) < MAX_CALLS:
        choice = model.next(task, tools, seen)
        if isinstance(choice, str):
            return choice
        seen.append(Step(choice, _outcome(gateway, choice, seen)))
    return f"I have made {MAX_CALLS} calls without coming to an answer, and stop."


def _outcome(gateway: Gateway, call: Call, seen: list[Step]) -> Any:
    """The contract is kept here, whatever the model asks for: a refused tool is not tried
    in variations, and arguments are corrected once."""
    before = [s.outcome for s in seen if s.call.tool == call.tool and isinstance(s.outcome, (Refused, Invalid))]
    if any(isinstance(b, Refused) for b in before) or len(before) > 1:
        return before[-1]
    try:
        return gateway.call(call.tool, call.arguments)
    except NotDone as outcome:
        return outcome


def outcome(seen: list[Step], tool: str) -> Any:
    """What came of the last call of a tool; None if it was not called."""
    return next((s.outcome for s in reversed(seen) if s.call.tool == tool), None)


def reply(seen: list[Step], tool: str) -> dict:
    """A tool's reply, {} if there is none. A missing field is not an error."""
    value = outcome(seen, tool)
    return value if isinstance(value, dict) else {}


def troubles(seen: list[Step]) -> list[str]:
    """A line for the person about each call that was not done."""
    return [f"- {s.call.tool} {s.outcome}" for s in seen if isinstance(s.outcome, NotDone)]


def main(what: str, task: str, instructions: str, script: Callable[[str, set[str], list[Step]], "Call | str"]) -> None:
    """The command line of an agent: the task in, the final answer on standard output."""
    parser = argparse.ArgumentParser(description=what, epilog="REMIT_GATEWAY, REMIT_TOKEN and REMIT_EXECUTION come from whoever opened the execution.")
    parser.add_argument("task", nargs="+", help=task)
    parser.add_argument("--model", choices=["scripted", "bedrock"], default="scripted")
    parser.add_argument("--bedrock-model", default=os.environ.get("REMIT_MODEL", ""), help="model or inference profile id, with --model bedrock")
    asked = parser.parse_args()
    try:
        gateway = Gateway.from_environment()
        model = Bedrock(asked.bedrock_model, instructions) if asked.model == "bedrock" else Scripted(script)
        print(run(model, gateway, " ".join(asked.task)))
    except (NoGateway, NoModel, NotDone) as e:
        sys.exit(f"the agent cannot work: {e}")
