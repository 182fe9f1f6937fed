"""A web server whose answers come as they are generated, and run together: python examples/web_server.py 8000

    curl -N localhost:8000 -d '[{"role": "user", "content": "Tell me a story about a fox"}]'

Without a port it asks itself, and ends.
"""

import json
import sys
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import genkit


class Handler(BaseHTTPRequestHandler):
    begun = False

    def do_POST(self) -> None:
        try:
            messages = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)))
            with generator.stream(messages, max_tokens=100, timeout=60) as stream:
                for piece in stream.text:
                    self.say(200, piece)
            self.say(200, "\n")
        except ConnectionError:
            pass  # the reader left: the stream is closed, and its call has ended
        except (ValueError, genkit.errors.BadRequest) as error:
            self.say(400, f"error: {error}\n")
        except genkit.errors.RateLimited as error:
            self.say(429, f"error: {error}\n")
        except genkit.GenkitError as error:
            self.say(503, f"error: {error}\n")

    def say(self, status: int, text: str) -> None:
        if not self.begun:  # most errors come before the first piece, and have a status of their own
            self.begun = True
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.end_headers()
        self.wfile.write(text.encode())


def ask(question: str) -> str:
    body = json.dumps([{"role": "user", "content": question}]).encode()
    with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}", body) as answer:
        return str(answer.read(), "utf-8")


port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
with genkit.Generator() as generator, ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
    if port:
        server.serve_forever()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with ThreadPoolExecutor() as pool:
        for answer in pool.map(ask, [f"What is {n} + {n}?" for n in (3, 4, 5)]):
            print(answer, end="")
    server.shutdown()
