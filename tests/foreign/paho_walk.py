"""Eclipse Paho at the MQTT door, as a thing: python paho_walk.py HOST PORT FOLDER CODE VERSION.

FOLDER holds what `onecode device init` made. Prints a line for each thing that holds, and ends with 1
at the first that does not.
"""

import queue
import sys
import threading

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

PATIENCE_S = 20
HOST, PORT, FOLDER, CODE, VERSION = sys.argv[1:6]
V5 = VERSION == "5"


def topic(leaf):
    return f"oc/1/{CODE}/{leaf}"


class Thing:
    """One connection, and what came over it."""

    def __init__(self, name, keep=False, will=None):
        self.messages, self.acknowledged = queue.Queue(), {}
        self.open, self.subscribed, self.settled = threading.Event(), threading.Event(), threading.Condition()
        kind = {"protocol": paho.MQTTv5} if V5 else {"protocol": paho.MQTTv311, "clean_session": not keep}
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=f"{CODE}.{name}", **kind)
        self.client.tls_set(f"{FOLDER}/authorities.pem", f"{FOLDER}/certificate.pem", f"{FOLDER}/key.pem")
        self.client.on_connect = self.on_connect
        self.client.on_message = lambda _client, _data, message: self.messages.put(message)
        self.client.on_subscribe = self.on_subscribe
        self.client.on_publish = self.on_publish
        if will:
            self.client.will_set(*will)
        more = {}
        if V5:
            more = {"clean_start": not keep, "properties": Properties(PacketTypes.CONNECT)}
            more["properties"].SessionExpiryInterval = 3600 if keep else 0
        self.client.connect(HOST, int(PORT), **more)
        self.client.loop_start()
        assert self.open.wait(PATIENCE_S), "no CONNACK"

    def on_connect(self, _client, _data, flags, reason, _properties):
        assert not reason.is_failure, reason
        self.resumed = flags.session_present
        self.open.set()

    def on_subscribe(self, _client, _data, _id, reasons, _properties):
        self.granted = [reason.value for reason in reasons]
        self.subscribed.set()

    def on_publish(self, _client, _data, message_id, reason, _properties):
        with self.settled:
            self.acknowledged[message_id] = reason.value
            self.settled.notify_all()

    def subscribe(self, filter, qos, **more):
        self.subscribed.clear()
        self.client.subscribe(filter, qos, **more)
        assert self.subscribed.wait(PATIENCE_S), "no SUBACK"
        return self.granted

    def publish(self, leaf, payload, qos, **more):
        """Publishes and waits; the reason code, 0 for success."""
        sent = self.client.publish(topic(leaf), payload, qos, **more)
        with self.settled:
            assert self.settled.wait_for(lambda: sent.mid in self.acknowledged, PATIENCE_S), "no PUBACK"
            return self.acknowledged[sent.mid]

    def next(self):
        return self.messages.get(timeout=PATIENCE_S)

    def leave(self):
        self.client.disconnect()
        self.client.loop_stop()

    def vanish(self):
        """Without a goodbye."""
        self.client.loop_stop()
        self.client.socket().close()


def holds(what, condition, shown=None):
    print(f"{'ok' if condition else 'not ok'} - paho {VERSION}: {what}", *([] if condition else [shown]), flush=True)
    if not condition:
        sys.exit(1)


def every_qos():
    thing = Thing("qos")
    holds("every QoS is granted", thing.subscribe([(topic("t/#"), 2), (topic("e/#"), 1)], 0) == [2, 1], thing.granted)
    for qos in (0, 1, 2):
        code = thing.publish("t/room", f"at {qos}", qos)
        message = thing.next()
        got = (code, message.payload, message.qos)
        holds(f"QoS {qos} comes as QoS {qos}", got == (0, f"at {qos}".encode(), qos), got)
    large = bytes(60_000)
    thing.publish("t/large", large, 2)
    holds("60,000 bytes come whole", thing.next().payload == large)
    thing.leave()


def kept_session():
    Thing("kept").leave()
    thing = Thing("kept", keep=True)
    holds("a new session is not kept from before", not thing.resumed)
    thing.subscribe(topic("t/#"), 2)
    thing.leave()
    other = Thing("other")
    for number in range(4):
        other.publish("t/room", str(number), 2)
    other.leave()
    thing = Thing("kept", keep=True)
    holds("the session is there again", thing.resumed)
    got = [(message.payload, message.qos) for message in (thing.next() for _ in range(4))]
    holds("what was published meanwhile comes in order", got == [(str(n).encode(), 2) for n in range(4)], got)
    thing.leave()
    thing = Thing("kept", keep=True)
    thing.publish("t/room", "now", 1)
    holds("and comes once", thing.next().payload == b"now")
    thing.leave()
    Thing("kept").leave()


def retained_and_will():
    thing = Thing("will", will=(topic("s"), "gone", 1, True))
    thing.publish("twin/reported", "shut", 1, retain=True)
    thing.vanish()
    watcher = Thing("watcher")
    watcher.subscribe([(topic("s"), 1), (topic("twin/reported"), 1)], 0)
    got = {}
    while len(got) < 2:
        message = watcher.next()
        if message.payload != b"":
            got[message.topic] = message.payload
    holds("last words and retained values are there", got == {topic("s"): b"gone", topic("twin/reported"): b"shut"}, got)
    for leaf in ("s", "twin/reported"):
        watcher.publish(leaf, b"", 1, retain=True)
    watcher.leave()


def what_only_5_says():
    thing = Thing("five")
    foreign = thing.client.publish("oc/1/" + CODE[::-1] + "/t/x", "mine", 1)
    with thing.settled:
        assert thing.settled.wait_for(lambda: foreign.mid in thing.acknowledged, PATIENCE_S)
    holds("a foreign topic is refused with a reason", thing.acknowledged[foreign.mid] == 0x87, thing.acknowledged)
    identifier = Properties(PacketTypes.SUBSCRIBE)
    identifier.SubscriptionIdentifier = 7
    thing.subscribe(topic("r/+"), options=SubscribeOptions(qos=1), qos=0, properties=identifier)
    said = Properties(PacketTypes.PUBLISH)
    said.ContentType, said.ResponseTopic, said.CorrelationData = "text/plain", topic("r/1"), b"\x01\x02"
    said.UserProperty = [("unit", "Cel"), ("unit", "K")]
    said.MessageExpiryInterval = 60
    thing.publish("r/1", "done", 1, properties=said)
    got = thing.next().properties
    shown = (got.ContentType, got.ResponseTopic, got.CorrelationData, got.UserProperty, got.SubscriptionIdentifier)
    wanted = ("text/plain", topic("r/1"), b"\x01\x02", [("unit", "Cel"), ("unit", "K")], [7])
    holds("properties come as they were sent", shown == wanted, shown)
    holds("and the time that is left", 0 < got.MessageExpiryInterval <= 60)
    members = [Thing("m1"), Thing("m2")]
    for member in members:
        member.subscribe(f"$share/crew/{topic('e/#')}", 1)
    for number in range(10):
        thing.publish("e/x", str(number), 1)
    got = [{member.next().payload for _ in range(5)} for member in members]
    holds("those who share get every second one", len(got[0] | got[1]) == 10, got)
    alias = Properties(PacketTypes.PUBLISH)
    alias.TopicAlias = 3
    thing.subscribe(topic("t/aliased"), 1)
    thing.client.publish(topic("t/aliased"), "set", 1, properties=alias)
    thing.client.publish("", "used", 1, properties=alias)
    got = [(message.topic, message.payload) for message in (thing.next(), thing.next())]
    holds("an alias stands for its topic", got == [(topic("t/aliased"), b"set"), (topic("t/aliased"), b"used")], got)
    for one in (thing, *members):
        one.leave()


every_qos()
kept_session()
retained_and_will()
if V5:
    what_only_5_says()
