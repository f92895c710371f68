"""A thing that is slow to read and does not mind being cut off:
python paho_reader.py HOST PORT FOLDER CODE publish|read COUNT.

`publish` begins the session that is kept and publishes the numbers below COUNT with QoS 2 from
another one; `read` prints what comes, and ends after COUNT messages.
"""

import sys
import threading
import time

import paho.mqtt.client as paho

HOST, PORT, FOLDER, CODE, WHAT, COUNT = sys.argv[1:7]
TOPIC = f"oc/1/{CODE}/t/x"
PACE_S = 0.05
PATIENCE_S = 25


def thing(name, keep):
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=f"{CODE}.{name}", clean_session=not keep)
    client.tls_set(f"{FOLDER}/authorities.pem", f"{FOLDER}/certificate.pem", f"{FOLDER}/key.pem")
    client.reconnect_delay_set(min_delay=1, max_delay=1)
    return client


def publish():
    reader, subscribed = thing("reader", True), threading.Event()
    reader.on_connect = lambda client, *_: client.subscribe(TOPIC, 2)
    reader.on_subscribe = lambda *_: subscribed.set()
    reader.connect(HOST, int(PORT))
    reader.loop_start()
    assert subscribed.wait(PATIENCE_S)
    reader.disconnect()
    reader.loop_stop()
    publisher = thing("publisher", False)
    publisher.connect(HOST, int(PORT))
    publisher.loop_start()
    for number in range(int(COUNT)):
        publisher.publish(TOPIC, str(number), 2).wait_for_publish(PATIENCE_S)
    publisher.disconnect()
    publisher.loop_stop()


def read():
    client, heard, done = thing("reader", True), [], threading.Event()

    def on_message(_client, _data, message):
        print(message.payload.decode(), flush=True)
        heard.append(message)
        time.sleep(PACE_S)
        if len(heard) == int(COUNT):
            done.set()

    client.on_message = on_message
    client.connect(HOST, int(PORT))
    client.loop_start()
    finished = done.wait(PATIENCE_S)
    # Whatever would come twice has time to come.
    time.sleep(1)
    client.disconnect()
    client.loop_stop()
    sys.exit(not finished)


{"publish": publish, "read": read}[WHAT]()
