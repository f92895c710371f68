//! What `/.well-known/core` says (RFC 6690), to strangers and to things.

use super::directory::Directory;
use super::est;
use super::links::{self, Link, Picked};
use super::request::{Method, Request, Response};
use crate::tree::{Leaf, Topic};
use coap_lite::ResponseType;
use device_sdk::coap::wire;

/// What a stranger on plain UDP may know.
pub(super) fn to_strangers(request: &Request) -> Response {
    let wallet = Link::new("/oc/1")
        .with("rt", "onecode.wallet")
        .with("if", "w/out/gateway")
        .with("ct", "60");
    answer(request, vec![wallet])
}

/// What a thing finds under its own code, with what is kept there and how long that is.
pub(super) fn to_things(request: &Request, kept: &[(Topic, usize)], enrols: bool) -> Response {
    let own = |leaf: &str, kind: &str| Link::new(format!("/oc/1/me/{leaf}")).with("rt", kind);
    let mut all = vec![
        own("s", "onecode.status").marked("obs"),
        own("t", "onecode.telemetry"),
        own("e", "onecode.event"),
        own("twin/reported", "onecode.twin").marked("obs"),
        own("twin/desired", "onecode.twin").marked("obs"),
        own("list/whole", "onecode.list"),
        own("list/changes", "onecode.list"),
        own("td", "wot.thing").with("ct", "432"),
        own("c", "onecode.commands").with("ct", "60").marked("obs"),
        own("w/in", "onecode.inbox").with("ct", "60").marked("obs"),
        own("w/out/gateway", "onecode.wallet").with("ct", "60"),
    ];
    for (topic, bytes) in kept {
        let kind = match topic.leaf {
            Leaf::Telemetry(_) => "onecode.telemetry",
            Leaf::Event(_) => "onecode.event",
            Leaf::Result(_) => "onecode.result",
            _ => continue,
        };
        let link = own(&topic.leaf.to_string(), kind).with("sz", bytes.to_string());
        all.push(link.marked("obs"));
    }
    all.extend(Directory::links());
    if enrols {
        all.extend(est::links());
    }
    answer(request, all)
}

fn answer(request: &Request, all: Vec<Link>) -> Response {
    if request.method != Method::Get {
        return Response::bare(ResponseType::MethodNotAllowed);
    }
    let picked = Picked::by(&request.query, &[]);
    let taken = links::write(all.iter().filter(|link| picked.takes(link, &[])));
    Response::with(ResponseType::Content, wire::LINK_FORMAT, taken.into())
}
