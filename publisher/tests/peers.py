"""The device's side of every transport: takes a message, answers where it was asked to."""

import base64
import contextlib
import logging
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pika
import redis
import stomp
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from websockets.sync.client import connect

from .device import Device
from .servers import PASSWORD, USER, wait_until


@contextlib.contextmanager
def thread(work: Callable[[threading.Event, threading.Event], None]) -> Iterator[None]:
    """Run `work(ready, stop)` beside the test, from `ready` on, and end it."""
    ready, stop = threading.Event(), threading.Event()
    worker = threading.Thread(target=work, args=(ready, stop), name="peer", daemon=True)
    worker.start()
    assert ready.wait(30), "the peer did not get ready"
    try:
        yield
    finally:
        stop.set()
        worker.join(30)
        assert not worker.is_alive()


@contextlib.contextmanager
def over_http(device: Device, context: ssl.SSLContext | None = None) -> Iterator[int]:
    login = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Authorization"] != login:
                self.reply(
                    401, '{"response_code":"1100","reason":"unauthorized","error":"who are you?","data":{}}'
                )
                return
            _, answer = device.take(body)
            if device.mute:
                self.close_connection = True
                return
            self.reply(200, answer)

        def reply(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that refuses our certificate hangs up in the middle: expected."""

        def get_request(self) -> tuple[Any, Any]:
            sock, address = super().get_request()
            if context:
                sock.settimeout(10)
                sock = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            return sock, address

    server = Server(("127.0.0.1", 0), Handler)
    worker = threading.Thread(target=server.serve_forever, args=(0.05,), name="http", daemon=True)
    worker.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        worker.join(10)


@contextlib.contextmanager
def over_redis(device: Device, port: int, topic: str, mode: str) -> Iterator[None]:
    def client() -> Any:
        return redis.Redis(port=port, username=USER, password=PASSWORD, decode_responses=True)

    def channel(ready: threading.Event, stop: threading.Event) -> None:
        with client() as line, line.pubsub() as listener:
            listener.subscribe(topic)
            while not stop.is_set():
                message = listener.get_message(timeout=0.05)
                if message and message["type"] == "subscribe":
                    ready.set()
                elif message:
                    reply, answer = device.take(message["data"])
                    if reply:
                        line.publish(reply, answer)

    def pushed(ready: threading.Event, stop: threading.Event) -> None:
        with client() as line:
            ready.set()
            while not stop.is_set():
                found = line.blmove(topic, topic + ".processing", 0.1, "RIGHT", "LEFT")
                if found:
                    reply, answer = device.take(found)
                    if reply:
                        line.lpush(reply, answer)
            line.delete(topic, topic + ".processing")

    def stream(ready: threading.Event, stop: threading.Event) -> None:
        with client() as line:
            ready.set()
            last = "0-0"
            while not stop.is_set():
                found = line.xread({topic: last}, block=50)
                entries = (found[topic] if isinstance(found, dict) else found[0][1]) if found else []
                for number, fields in entries:
                    last = number
                    reply, answer = device.take(fields["message"])
                    if reply:
                        line.xadd(reply, {"message": answer})
            line.delete(topic)

    with thread({"channel": channel, "list": pushed, "stream": stream}[mode]):
        yield


@contextlib.contextmanager
def over_amqp(device: Device, port: int, topic: str) -> Iterator[None]:
    def work(ready: threading.Event, stop: threading.Event) -> None:
        parameters = pika.ConnectionParameters(port=port, credentials=pika.PlainCredentials(USER, PASSWORD))
        with contextlib.closing(pika.BlockingConnection(parameters)) as connection:
            channel = connection.channel()
            channel.queue_declare(topic, durable=False, exclusive=False, auto_delete=False)

            def consume(channel: Any, method: Any, properties: Any, body: bytes) -> None:
                reply, answer = device.take(body)
                if reply:
                    # As the gateway does: one that exists otherwise is used as it is.
                    answering = connection.channel()
                    try:
                        answering.queue_declare(reply, durable=True)
                    except pika.exceptions.ChannelClosedByBroker as refusal:
                        assert refusal.reply_code == 406
                        answering = connection.channel()
                    answering.basic_publish("", reply, answer, pika.BasicProperties("application/json"))
                    answering.close()
                channel.basic_ack(method.delivery_tag)

            channel.basic_consume(topic, consume)
            ready.set()
            while not stop.is_set():
                connection.process_data_events(0.05)
            channel.queue_delete(topic)

    with thread(work):
        yield


@contextlib.contextmanager
def over_mqtt(device: Device, port: int, topic: str) -> Iterator[None]:
    subscribed = threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, f"device-{topic}")
    client.username_pw_set(USER, PASSWORD)

    def on_message(client: Any, userdata: Any, message: Any) -> None:
        reply, answer = device.take(message.payload)
        if reply:
            client.publish(reply, answer, qos=1)

    client.on_message = on_message
    client.on_connect = lambda *_: client.subscribe(topic, 1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        assert subscribed.wait(30)
        yield
    finally:
        client.disconnect()
        client.loop_stop()


@contextlib.contextmanager
def over_stomp(device: Device, port: int, topic: str) -> Iterator[None]:
    receipts: list[str] = []

    class Listener(stomp.ConnectionListener):
        def on_receipt(self, frame: Any) -> None:
            receipts.append(frame.headers["receipt-id"])

        def on_message(self, frame: Any) -> None:
            reply, answer = device.take(frame.body)
            if reply:
                connection.send(reply, answer, content_type="application/json")
            connection.ack(frame.headers["ack"])

    connection = stomp.StompConnection12([("127.0.0.1", port)], vhost="/")
    connection.set_listener("", Listener())
    connection.connect(USER, PASSWORD, wait=True)
    connection.subscribe(topic, id="device", ack="client-individual", headers={"receipt": "ready"})
    wait_until(lambda: receipts, "the subscription")
    try:
        yield
    finally:
        connection.disconnect()


@contextlib.contextmanager
def over_ws(device: Device, port: int, topic: str) -> Iterator[None]:
    logging.getLogger("peer").setLevel(logging.ERROR)
    login = {"Authorization": "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}

    def open_line(topic: str) -> Any:
        uri = f"ws://127.0.0.1:{port}/ws?topic={topic}"
        return connect(uri, additional_headers=login, proxy=None, logger=logging.getLogger("peer"))

    def work(ready: threading.Event, stop: threading.Event) -> None:
        with open_line(topic) as line:
            ready.set()
            while not stop.is_set():
                try:
                    text = line.recv(timeout=0.05)
                except TimeoutError:
                    continue
                reply, answer = device.take(text)
                if reply:
                    with open_line(reply) as back:
                        back.send(answer)

    with thread(work):
        yield
