//! An event as one run of bytes: what a router carries as payload, and what is kept of a session.

use super::{Chosen, Event};
use crate::tree::{Door, Extras, Topic};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use protocol::{Code, Timestamp, code::CODE_BYTES};

const RETAIN: u8 = 1;
const ASSURED: u8 = 2;
const ONCE: u8 = 4;
/// Above the flags: one more than the number of the door; 0 for none.
const DOOR_SHIFT: u8 = 3;
const DOORS: [Door; 4] = [Door::Mqtt, Door::Coap, Door::Coaps, Door::Http];
/// Flags, origin, expiry, number of the chosen, and the lengths of leaf and extras.
const FIXED_BYTES: usize = 1 + 8 + 4 + 1 + CODE_BYTES + 2 + 2;

/// An event in memory of its own.
pub(in crate::tree) fn pack(event: &Event) -> Bytes {
    let leaf = event.topic.leaf.to_string();
    let extras = &event.extras.0;
    let room = FIXED_BYTES + 16 * event.chosen.len() + leaf.len() + extras.len();
    let mut out = BytesMut::with_capacity(room + event.payload.len());
    let known = |door| DOORS.iter().position(|one| *one == door);
    let door = event.door.and_then(known).map_or(0, |at| at as u8 + 1);
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    let flags = flag(event.retain, RETAIN) | flag(event.assured, ASSURED) | flag(event.once, ONCE);
    out.put_u8(flags | door << DOOR_SHIFT);
    out.put_u64(event.origin);
    out.put_u32(event.expires.map_or(0, |at| at.0));
    out.put_u8(u8::try_from(event.chosen.len()).unwrap_or(u8::MAX));
    for chosen in event.chosen.iter().take(usize::from(u8::MAX)) {
        out.put_u64(chosen.share);
        out.put_u64(chosen.seat);
    }
    out.put_slice(event.topic.code.as_bytes());
    out.put_u16(u16::try_from(leaf.len()).unwrap_or_default());
    out.put_u16(u16::try_from(extras.len()).unwrap_or_default());
    out.put_slice(leaf.as_bytes());
    out.put_slice(extras);
    out.put_slice(&event.payload);
    out.freeze()
}

/// The event again; `None` for bytes that are none.
pub(in crate::tree) fn unpack(mut packed: Bytes) -> Option<Event> {
    let flags = packed.try_get_u8().ok()?;
    let origin = packed.try_get_u64().ok()?;
    let expires = packed.try_get_u32().ok()?;
    let mut chosen = Vec::new();
    for _ in 0..packed.try_get_u8().ok()? {
        let share = packed.try_get_u64().ok()?;
        let seat = packed.try_get_u64().ok()?;
        chosen.push(Chosen { share, seat });
    }
    let mut code = [0; CODE_BYTES];
    packed.try_copy_to_slice(&mut code).ok()?;
    let code = Code::from_bytes(code).ok()?;
    let leaf = usize::from(packed.try_get_u16().ok()?);
    let extras = usize::from(packed.try_get_u16().ok()?);
    if packed.len() < leaf + extras {
        return None;
    }
    let leaf = packed.split_to(leaf);
    let extras = Extras(packed.split_to(extras));
    let branch = [b"oc".as_slice(), b"1", b"me"];
    let levels = branch.into_iter().chain(leaf.split(|byte| *byte == b'/'));
    Some(Event {
        topic: Topic::from_levels(levels, Some(code)).ok()?,
        payload: packed,
        retain: flags & RETAIN != 0,
        assured: flags & ASSURED != 0,
        once: flags & ONCE != 0,
        origin,
        door: usize::from(flags >> DOOR_SHIFT)
            .checked_sub(1)
            .and_then(|at| DOORS.get(at).copied()),
        extras,
        expires: (expires > 0).then_some(Timestamp(expires)),
        chosen,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::topic;

    fn event() -> Event {
        Event {
            retain: true,
            once: true,
            assured: true,
            origin: 7,
            door: Some(Door::Coaps),
            extras: Extras(Bytes::from_static(&[3, 0, 1, b'x'])),
            expires: Some(Timestamp(1_700_000_000)),
            chosen: vec![Chosen { share: 3, seat: 9 }],
            ..Event::new(
                topic("oc/1/A/t/room/temperature"),
                Bytes::from_static(b"21.5"),
            )
        }
    }

    #[test]
    fn an_event_survives_packing() {
        let bare = Event::new(topic("oc/1/A/s"), Bytes::new());
        for event in [event(), bare] {
            assert_eq!(unpack(pack(&event)), Some(event));
        }
    }

    #[test]
    fn what_is_cut_short_is_no_event_or_another_payload() {
        let whole = pack(&event());
        for length in 0..whole.len() - 4 {
            assert_eq!(unpack(whole.slice(..length)), None, "{length}");
        }
    }
}
