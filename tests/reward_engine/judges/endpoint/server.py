"""A small server that speaks the OpenAI protocol over a real, tiny vision-language model."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import torch
from PIL import Image

from reward_engine.judges.vlm import VLMJudge

BIAS = 100.0
"""Added to the logits of yes and no alike: a random model would rather say anything else. Their odds stay the same."""


class Server:
    """``refuse``: called with the number of a request before it is answered; (status, headers) refuses it."""

    def __init__(self, judge: VLMJudge, name: str = "tiny") -> None:
        self.judge, self.name = judge, name
        self.refuse: Callable[[int], tuple[int, dict[str, str]] | None] = lambda number: None
        self.key: str | None = None
        self.logprobs, self.bias, self.delay = True, BIAS, 0.0
        self.bodies: list[dict[str, Any]] = []
        self.requests, self.at_once, self.most_at_once = 0, 0, 0
        self.counting, self.computing = threading.Lock(), threading.Lock()

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        pictures, content = [], []
        for part in body["messages"][0]["content"]:
            if part["type"] == "image_url":
                raw = base64.b64decode(part["image_url"]["url"].partition(",")[2])
                pictures.append(Image.open(io.BytesIO(raw)).convert("RGB"))
                content.append({"type": "image"})
            else:
                content.append(part)
        processor, backbone = self.judge.encoder.processor, self.judge.backbone
        with self.computing, torch.inference_mode():
            text = processor.apply_chat_template(
                [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
            )
            inputs = processor(text=[text], images=pictures, return_tensors="pt")
            logits = backbone.model(**inputs).logits[0, -1].double()
            logits[[*backbone.yes, *backbone.no]] += self.bias
            top = torch.log_softmax(logits, -1).topk(body["top_logprobs"])
            said = [
                {"token": processor.tokenizer.decode([index]), "logprob": value}
                for index, value in zip(top.indices.tolist(), top.values.tolist(), strict=True)
            ]
        found: dict[str, Any] = {"index": 0, "message": {"role": "assistant", "content": said[0]["token"]}}
        if self.logprobs:
            found["logprobs"] = {"content": [{**said[0], "top_logprobs": said}]}
        return {"id": "c", "object": "chat.completion", "choices": [found]}


@contextmanager
def serving(server: Server) -> Iterator[str]:
    """The address of the running server, up to ``/v1``."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def _send(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def _allowed(self) -> bool:
            if server.key and self.headers.get("Authorization") != f"Bearer {server.key}":
                self._send(401, {"error": {"message": "bad key"}})
                return False
            return True

        def do_GET(self) -> None:
            if not self._allowed():
                return
            if self.path == "/v1/models":
                self._send(200, {"object": "list", "data": [{"id": server.name, "root": "tiny", "created": 7}]})
            else:
                self._send(404, {"error": {"message": "no such path"}})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not self._allowed():
                return
            with server.counting:
                server.requests += 1
                number = server.requests
                server.bodies.append(body)
                server.at_once += 1
                server.most_at_once = max(server.most_at_once, server.at_once)
            try:
                refused = server.refuse(number)
                time.sleep(server.delay)
                if refused:
                    self._send(refused[0], {"error": {"message": "not now"}}, refused[1])
                elif body["model"] != server.name:
                    self._send(404, {"error": {"message": f"no model {body['model']}"}})
                else:
                    self._send(200, server.answer(body))
            except BrokenPipeError:
                pass
            finally:
                with server.counting:
                    server.at_once -= 1

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{httpd.server_address[1]}/v1"
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()
