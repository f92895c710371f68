//! The tree as CoAP resources.

use super::inbox_page;
use super::limits::{INBOX_PAGE_BYTES, INBOX_PAGE_ENTRIES};
use super::request::{Method, Request, Response};
use super::resource::{Answer, Resources};
use crate::tree::{Caller, Door, Leaf, Manner, Peer, Refusal, Topic, TopicError, Tree};
use bytes::Bytes;
use coap_lite::ResponseType;
use device_sdk::coap::wire;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use protocol::{Code, Status};
use std::sync::Arc;

/// Entries counted at once when the newest number of an inbox is looked for.
const INBOX_LOOK: u32 = 1024;
/// What a stranger on plain UDP may know.
const PLAIN_LINKS: &[Link] = &[(
    "</oc/1>;rt=\"onecode.wallet\";if=\"w/out/gateway\";ct=60",
    "onecode.wallet",
)];
/// What a thing finds under its own code.
const LINKS: &[Link] = &[
    ("</oc/1/me/s>;rt=\"onecode.status\";obs", "onecode.status"),
    ("</oc/1/me/t>;rt=\"onecode.telemetry\"", "onecode.telemetry"),
    ("</oc/1/me/e>;rt=\"onecode.event\"", "onecode.event"),
    (
        "</oc/1/me/twin/reported>;rt=\"onecode.twin\";obs",
        "onecode.twin",
    ),
    (
        "</oc/1/me/twin/desired>;rt=\"onecode.twin\";obs",
        "onecode.twin",
    ),
    ("</oc/1/me/list/whole>;rt=\"onecode.list\"", "onecode.list"),
    (
        "</oc/1/me/list/changes>;rt=\"onecode.list\"",
        "onecode.list",
    ),
    (
        "</oc/1/me/w/in>;rt=\"onecode.inbox\";ct=60;obs",
        "onecode.inbox",
    ),
    (
        "</oc/1/me/w/out/gateway>;rt=\"onecode.wallet\";ct=60",
        "onecode.wallet",
    ),
];
/// A link and its resource type.
type Link = (&'static str, &'static str);

/// Answers from the tree.
#[derive(Debug)]
pub struct TreeResources {
    tree: Arc<Tree>,
}

impl TreeResources {
    /// For either door; which one it is shows in whether a caller is known.
    pub fn new(tree: Arc<Tree>) -> Arc<Self> {
        Arc::new(Self { tree })
    }
}

impl Resources for TreeResources {
    fn answer(&self, caller: Option<Code>, request: Request) -> BoxFuture<'static, Answer> {
        let tree = Arc::clone(&self.tree);
        Box::pin(async move {
            let (method, path) = (request.method, request.path.clone());
            let answer = answer(tree, caller, request).await;
            if answer.response.is_error() {
                let (code, path) = (answer.response.code, path.join("/"));
                match caller {
                    Some(caller) => {
                        tracing::info!(%caller, ?method, path, ?code, "coap request refused");
                    }
                    // What anybody may cause at any rate is counted, and said to who looks closely.
                    None => tracing::debug!(?method, path, ?code, "coap request refused"),
                }
            }
            answer
        })
    }
}

async fn answer(tree: Arc<Tree>, caller: Option<Code>, request: Request) -> Answer {
    if request.path == [".well-known", "core"] {
        return discovery(caller.is_some(), &request).into();
    }
    match caller {
        None => stranger(&tree, request).await.into(),
        Some(code) => {
            let door = Door::Coaps;
            known(tree, Caller { code, door }, request).await
        }
    }
}

/// On plain UDP only what is signed in itself, for the gateway itself.
async fn stranger(tree: &Tree, request: Request) -> Response {
    match (request.method, topic(&request, None)) {
        (
            Method::Post,
            Ok(Topic {
                leaf: Leaf::Outbox(Peer::Gateway),
                ..
            }),
        ) => {
            let handled = tree.wallet(None, Peer::Gateway, request.payload).await;
            wallet_answer(handled)
        }
        _ => Response::bare(ResponseType::Unauthorized),
    }
}

async fn known(tree: Arc<Tree>, caller: Caller, request: Request) -> Answer {
    let topic = match topic(&request, Some(caller.code)) {
        Ok(topic) => topic,
        Err(error) => return refused(&error.into()).into(),
    };
    match request.method {
        Method::Get if topic.leaf == Leaf::Inbox => inbox(tree, caller, &topic, &request).await,
        Method::Get => read(&tree, &caller, &topic, &request).await,
        Method::Post | Method::Put | Method::Delete => {
            publish(&tree, &caller, &topic, request).await.into()
        }
    }
}

async fn publish(tree: &Tree, caller: &Caller, topic: &Topic, request: Request) -> Response {
    let wallet = matches!(topic.leaf, Leaf::Outbox(_));
    let (payload, code) = match request.method {
        // An empty retained payload takes the retained one away.
        Method::Delete => (Bytes::new(), ResponseType::Deleted),
        _ => (request.payload, ResponseType::Changed),
    };
    let how = Manner {
        retain: request.method != Method::Post,
        assured: true,
        ..Manner::default()
    };
    match tree.publish(caller, topic, payload, how).await {
        published if wallet => wallet_answer(published.map(|done| done.reply)),
        Ok(_) => Response::bare(code),
        Err(refusal) => refused(&refusal),
    }
}

async fn read(tree: &Tree, caller: &Caller, topic: &Topic, request: &Request) -> Answer {
    // Watched first, so that nothing falls between the state and its changes.
    let changes = match request.observe {
        true => match tree.watch(caller, topic.code).await {
            Ok(watch) => Some(changes(watch, topic.clone())),
            Err(Refusal::Full) => None,
            Err(refusal) => return refused(&refusal).into(),
        },
        false => None,
    };
    let response = match tree.read(caller, topic) {
        Ok(Some(payload)) => content(payload),
        // Nothing yet, but there may be.
        Ok(None) if changes.is_some() => content(Bytes::new()),
        Ok(None) => Response::bare(ResponseType::NotFound),
        Err(refusal) => refused(&refusal),
    };
    Answer { response, changes }
}

fn changes(watch: crate::tree::Watch, topic: Topic) -> BoxStream<'static, Response> {
    let states = stream::unfold((watch, topic), |(mut watch, topic)| async {
        loop {
            let event = watch.next().await?;
            if event.topic == topic {
                let mut state = content(event.payload.clone());
                state.reliable = event.assured;
                return Some((state, (watch, topic)));
            }
        }
    });
    states.boxed()
}

/// `?after=N` acknowledges up to N and gives what follows; Observe announces the newest number.
async fn inbox(tree: Arc<Tree>, caller: Caller, topic: &Topic, request: &Request) -> Answer {
    if topic.code != caller.code {
        return refused(&Refusal::Forbidden).into();
    }
    tree.synchronise(&caller).await;
    if request.observe {
        return announcements(tree, caller).await;
    }
    let after = match request.query_value("after").map(str::parse::<u64>) {
        None => 0,
        Some(Ok(after)) => after,
        Some(Err(_)) => return Response::bare(ResponseType::BadRequest).into(),
    };
    if after > 0
        && let Err(refusal) = tree.inbox_acknowledge(&caller, after).await
    {
        return refused(&refusal).into();
    }
    let next = tree.inbox_next(&caller, after, INBOX_PAGE_ENTRIES).await;
    match next {
        Ok(entries) => {
            let page = inbox_page::page(&entries, INBOX_PAGE_BYTES);
            Response::with(ResponseType::Content, wire::CBOR, page.into()).into()
        }
        Err(refusal) => refused(&refusal).into(),
    }
}

async fn announcements(tree: Arc<Tree>, caller: Caller) -> Answer {
    let bell = tree.inbox_bell(&caller);
    let now = match newest(&tree, &caller, 0).await {
        Ok(newest) => newest.unwrap_or(0),
        Err(refusal) => return refused(&refusal).into(),
    };
    let rings = stream::unfold((tree, bell, now), move |(tree, bell, known)| async move {
        loop {
            bell.rung().await;
            // A look that fails is made up for at the next ring.
            if let Ok(Some(number)) = newest(&tree, &caller, known).await {
                return Some((announcement(number), (tree, bell, number)));
            }
        }
    });
    Answer {
        response: announcement(now),
        changes: Some(rings.boxed()),
    }
}

async fn newest(tree: &Tree, caller: &Caller, after: u64) -> Result<Option<u64>, Refusal> {
    let entries = tree.inbox_next(caller, after, INBOX_LOOK).await?;
    Ok(entries.last().map(|(number, _)| *number))
}

fn announcement(newest: u64) -> Response {
    let number = inbox_page::number(newest);
    Response {
        reliable: true,
        ..Response::with(ResponseType::Content, wire::CBOR, number.into())
    }
}

fn topic(request: &Request, me: Option<Code>) -> Result<Topic, TopicError> {
    Topic::from_levels(request.path.iter().map(|level| level.as_bytes()), me)
}

/// Whatever a thing has published; what format it has, only the thing knows.
fn content(payload: Bytes) -> Response {
    Response {
        payload,
        ..Response::bare(ResponseType::Content)
    }
}

fn wallet_answer(handled: Result<Option<Bytes>, Refusal>) -> Response {
    match handled {
        Ok(None) => Response::bare(ResponseType::Changed),
        Ok(Some(reply)) => Response::with(ResponseType::Changed, wire::CBOR, reply),
        Err(refusal) => Response {
            payload: refusal.message(),
            content_format: Some(wire::CBOR),
            ..refused(&refusal)
        },
    }
}

fn refused(refusal: &Refusal) -> Response {
    Response::bare(match refusal {
        Refusal::Topic(TopicError::NoSuchPlace | TopicError::NotACode) => ResponseType::NotFound,
        Refusal::Topic(TopicError::TooLong | TopicError::Characters) => ResponseType::BadRequest,
        Refusal::Forbidden => ResponseType::Forbidden,
        Refusal::TooLarge => ResponseType::RequestEntityTooLarge,
        Refusal::Full => ResponseType::ServiceUnavailable,
        Refusal::NotKept => ResponseType::InternalServerError,
        Refusal::Wallet(declined) => code_of(declined.status),
    })
}

fn code_of(status: Status) -> ResponseType {
    match status {
        Status::NotPermitted | Status::NotForYou => ResponseType::Forbidden,
        Status::Malformed | Status::BadSignature => ResponseType::BadRequest,
        Status::UnknownCode => ResponseType::NotFound,
        Status::Full | Status::Busy => ResponseType::ServiceUnavailable,
        Status::Storage => ResponseType::InternalServerError,
        Status::Contradiction => ResponseType::Conflict,
        _ => ResponseType::UnprocessableEntity,
    }
}

fn discovery(known: bool, request: &Request) -> Response {
    if request.method != Method::Get {
        return Response::bare(ResponseType::MethodNotAllowed);
    }
    let wanted = request.query_value("rt");
    let links = if known { LINKS } else { PLAIN_LINKS };
    let links: Vec<&str> = links
        .iter()
        .filter(|(_, kind)| wanted.is_none_or(|wanted| wanted == *kind))
        .map(|(link, _)| *link)
        .collect();
    let links = links.join(",");
    Response::with(ResponseType::Content, wire::LINK_FORMAT, links.into())
}
