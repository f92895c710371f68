"""aiocoap at the CoAP doors: python coap_things.py SECURE PLAIN CODE OTHER

SECURE is where datagrams go into DTLS as the thing CODE (socat does that: aiocoap has DTLS with
shared keys only), PLAIN is the plain door, OTHER a code that is not the thing's own. Prints what went
well, one line each, and ends with an error at the first thing that does not."""

import asyncio
import json
import sys

import aiocoap
from aiocoap import Code, Message
from aiocoap.numbers.codes import Code as Is

LARGE = bytes(at % 251 for at in range(100_000))
WAIT_S = 30


class Things:
    def __init__(self, context, secure, plain, code, other):
        self.context = context
        self.secure, self.plain, self.code, self.other = secure, plain, code, other

    async def ask(self, method, path, payload=b"", door=None, **options):
        message = Message(code=method, uri=f"coap://{door or self.secure}/{path}", payload=payload)
        for name, value in options.items():
            setattr(message.opt, name, value)
        return await asyncio.wait_for(self.context.request(message).response, WAIT_S)

    async def is_answered(self, expected, *asked, **options):
        answer = await self.ask(*asked, **options)
        assert answer.code == expected, (asked[:2], answer.code, answer.payload[:80])
        return answer

    async def get_put_post_delete(self):
        path = f"oc/1/{self.code}/t/temperature"
        put = await self.is_answered(Is.CHANGED, Code.PUT, path, b'{"temperature":25}', content_format=50)
        assert not put.payload
        got = await self.is_answered(Is.CONTENT, Code.GET, "oc/1/me/t/temperature")
        assert got.payload == b'{"temperature":25}' and got.opt.content_format == 50
        same = await self.is_answered(Is.VALID, Code.GET, "oc/1/me/t/temperature", etags=[got.opt.etag])
        assert not same.payload
        senml = await self.is_answered(Is.CONTENT, Code.GET, path, accept=110)
        expected = [{"bn": f"oc/1/{self.code}/t/", "n": "temperature", "v": 25}]
        assert json.loads(senml.payload) == expected, senml.payload
        await self.is_answered(Is.CONTENT, Code.GET, path, accept=112)
        await self.is_answered(Is.NOT_ACCEPTABLE, Code.GET, path, accept=60)
        await self.is_answered(Is.CHANGED, Code.POST, "oc/1/me/e/door", b"open")
        await self.is_answered(Is.NOT_FOUND, Code.GET, "oc/1/me/e/door")
        await self.is_answered(Is.DELETED, Code.DELETE, path)
        await self.is_answered(Is.NOT_FOUND, Code.GET, path)
        await self.is_answered(Is.FORBIDDEN, Code.PUT, f"oc/1/{self.other}/s", b"x")
        wrong = f"oc/1/me/w/out/gateway"
        await self.is_answered(Is.UNSUPPORTED_CONTENT_FORMAT, Code.POST, wrong, b"{}", content_format=50)

    async def large_bodies_both_ways(self):
        path = "oc/1/me/t/picture"
        await self.is_answered(Is.CHANGED, Code.PUT, path, LARGE, content_format=42)
        got = await self.is_answered(Is.CONTENT, Code.GET, path)
        assert got.payload == LARGE, len(got.payload)

    async def observing(self):
        path = "oc/1/me/s"
        await self.is_answered(Is.CHANGED, Code.PUT, path, b"0")
        request = self.context.request(Message(code=Code.GET, uri=f"coap://{self.secure}/{path}", observe=0))
        first = await asyncio.wait_for(request.response, WAIT_S)
        assert first.opt.observe is not None and first.opt.max_age == 600, first
        heard = [first.payload]

        async def listen():
            async for notice in request.observation:
                heard.append(notice.payload)
                if notice.payload == LARGE:
                    return

        listening = asyncio.create_task(listen())
        for state in (b"1", b"2", LARGE):
            await self.is_answered(Is.CHANGED, Code.PUT, path, state)
            await asyncio.sleep(0.3)
        await asyncio.wait_for(listening, WAIT_S)
        assert heard[0] == b"0" and heard[-1] == LARGE, [it[:9] for it in heard]
        request.observation.cancel()

    async def directory(self):
        links = b'</light>;rt="light",</heat>;rt="temperature"'
        made = await self.is_answered(Is.CREATED, Code.POST, "rd?lt=300&d=hall", links, content_format=40)
        place = "/".join(made.opt.location_path)
        found = await self.is_answered(Is.CONTENT, Code.GET, "rd-lookup/res?rt=light")
        assert b"/light>" in found.payload and b"heat" not in found.payload, found.payload
        found = await self.is_answered(Is.CONTENT, Code.GET, "rd-lookup/ep?d=hall")
        assert self.code.encode() in found.payload, found.payload
        await self.is_answered(Is.CHANGED, Code.POST, place)
        await self.is_answered(Is.DELETED, Code.DELETE, place)
        found = await self.is_answered(Is.CONTENT, Code.GET, "rd-lookup/ep?d=hall")
        assert not found.payload, found.payload

    async def discovery(self):
        core = await self.is_answered(Is.CONTENT, Code.GET, ".well-known/core?rt=core.rd*")
        assert core.payload.count(b"<") == 3, core.payload
        core = await self.is_answered(Is.CONTENT, Code.GET, ".well-known/core?href=/.well-known/est/*")
        assert core.payload.count(b"ace.est.") == 4, core.payload
        td = await self.is_answered(Is.CONTENT, Code.GET, "oc/1/me/td")
        assert json.loads(td.payload)["title"] == self.code
        await self.is_answered(Is.FORBIDDEN, Code.GET, f"oc/1/{self.other}/td")

    async def plain_door(self):
        door = self.plain
        core = await self.is_answered(Is.CONTENT, Code.GET, ".well-known/core", door=door)
        assert b"onecode.wallet" in core.payload
        wallet = f"oc/1/{self.code}/w/out/gateway"
        doubted = await self.is_answered(Is.UNAUTHORIZED, Code.POST, wallet, b"x" * 100, door=door)
        assert doubted.opt.echo, doubted
        # Shown where it is, it is read, and found to be no message.
        await self.is_answered(
            Is.BAD_REQUEST, Code.POST, wallet, b"x" * 100, door=door, echo=doubted.opt.echo
        )


async def main():
    context = await aiocoap.Context.create_client_context()
    things = Things(context, *sys.argv[1:])
    for part in (
        things.get_put_post_delete,
        things.large_bodies_both_ways,
        things.observing,
        things.directory,
        things.discovery,
        things.plain_door,
    ):
        await part()
        print(f"ok - {part.__name__}", flush=True)
    await context.shutdown()


asyncio.run(main())
