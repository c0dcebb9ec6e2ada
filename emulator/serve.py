"""Serve an embedded AWS on the loopback interface: ministack, our stand-ins, our realism.

    python emulator/serve.py --port 5011

The access key id is the account: AWS_ACCESS_KEY_ID=111111111111 speaks for
account 111111111111, with any secret. GET /remit/standins lists what only
pretends to exist; POST /_ministack/reset forgets everything.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
import urllib.parse

HOST = "127.0.0.1"


def main():
    port = _arguments().port
    listener = _listen(port)
    _settle_environment(port)
    asyncio.run(_serve(listener, port))


def _arguments():
    parser = argparse.ArgumentParser(description="An embedded AWS on the loopback interface.")
    parser.add_argument("--port", type=int, default=5011, help="default %(default)s")
    return parser.parse_args()


def _listen(port):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        sys.exit(f"emulator: cannot listen on {HOST}:{port}: {error.strerror}. Another emulator may be running; stop it or choose --port.")
    listener.listen()
    return listener


def _settle_environment(port):
    """The emulator reads its environment at import; what a developer's shell holds must not change it.

    The side listeners (IoT, SFTP) would bind every interface.
    """
    os.environ.update({
        "GATEWAY_PORT": str(port), "MINISTACK_HOST": "localhost", "LOG_LEVEL": "ERROR", "AUTH": "false",
        "PERSIST_STATE": "0", "S3_PERSIST": "0", "LOCALSTACK_PERSISTENCE": "0", "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0", "USE_SSL": "0",
    })


async def _serve(listener, port):
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.keep_alive_timeout = 75
    config.loglevel = "ERROR"
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(_application(f"emulator: ready on http://localhost:{port}"), config, shutdown_trigger=stop.wait)


def _application(greeting):
    """The emulator's ASGI application with our one path in front."""
    from ministack.app import app

    import realism
    import standin

    standin.install()
    realism.install()  # last: it checks what every provisioner is given, the stand-ins' too

    async def application(scope, receive, send):
        if scope["type"] == "http" and scope["path"] == "/remit/standins":
            return await _answer(send, _matching(standin.standing(), scope["query_string"]))
        return await app(scope, receive, _announcing(send, greeting))

    return application


def _announcing(send, greeting):
    async def announced(message):
        await send(message)
        if message["type"] == "lifespan.startup.complete":
            print(greeting, flush=True)

    return announced


def _matching(found, query):
    """?account=...&type=... keeps the rows whose fields equal the values."""
    wanted = dict(urllib.parse.parse_qsl(query.decode()))
    return [row for row in found if all(row.get(field) == value for field, value in wanted.items())]


async def _answer(send, body):
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body, indent=1).encode()})


if __name__ == "__main__":
    main()
