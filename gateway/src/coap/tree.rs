//! The tree as CoAP resources, and what stands beside it at these doors.

use super::commands;
use super::description::{self, TD_JSON};
use super::directory::Directory;
use super::discovery;
use super::est;
use super::formats;
use super::inbox_page;
use super::limits::{INBOX_PAGE_BYTES, INBOX_PAGE_ENTRIES};
use super::request::{Method, Request, Response};
use super::resource::{Answer, Asker, Resources};
use crate::issuing::Desk;
use crate::tree::{
    Caller, Door, Event, Filter, Leaf, Manner, Peer, Refusal, Topic, TopicError, Tree,
};
use bytes::Bytes;
use coap_lite::ResponseType;
use device_sdk::coap::wire;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use protocol::{Code, Status};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// Entries counted at once when the newest number of an inbox is looked for.
const INBOX_LOOK: u32 = 1024;
/// Answers from the tree.
#[derive(Clone)]
pub struct TreeResources {
    tree: Arc<Tree>,
    /// Issues certificates, where somebody does.
    desk: Option<Arc<Desk>>,
    directory: Arc<Directory>,
}

impl TreeResources {
    /// For either door; which one it is shows in whether a caller is known.
    pub fn new(tree: Arc<Tree>, desk: Option<Arc<Desk>>) -> Arc<Self> {
        let directory = Arc::default();
        Arc::new(Self {
            tree,
            desk,
            directory,
        })
    }
}

impl fmt::Debug for TreeResources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TreeResources").finish_non_exhaustive()
    }
}

impl Resources for TreeResources {
    fn answer(&self, asker: Asker, request: Request) -> BoxFuture<'static, Answer> {
        let house = self.clone();
        Box::pin(async move {
            let (method, path) = (request.method, request.path.clone());
            let answer = answer(house, asker, request).await;
            if answer.response.is_error() {
                let (code, path) = (answer.response.code, path.join("/"));
                match asker.caller {
                    // Whoever polls for what may come asks for what is not there.
                    Some(caller) if code != ResponseType::NotFound => {
                        tracing::info!(%caller, ?method, path, ?code, "coap request refused");
                    }
                    // What anybody may cause at any rate is counted, and said to who looks closely.
                    _ => tracing::debug!(?method, path, ?code, "coap request refused"),
                }
            }
            answer
        })
    }
}

async fn answer(house: TreeResources, asker: Asker, request: Request) -> Answer {
    let asks_what_is_here = request.path == [".well-known", "core"];
    let Some(code) = asker.caller else {
        return match asks_what_is_here {
            true => discovery::to_strangers(&request),
            false => stranger(&house.tree, request).await,
        }
        .into();
    };
    let door = Door::Coaps;
    let caller = Caller { code, door };
    match &house.desk {
        _ if asks_what_is_here => {
            let kept = kept(&house.tree, &caller);
            discovery::to_things(&request, &kept, house.desk.is_some()).into()
        }
        Some(desk) if est::has(&request.path) => est::answer(desk, code, &request).await.into(),
        Some(desk) if est::is_pass(&request.path) => est::pass(desk, &request).await.into(),
        _ if asker.is_late => est::too_late().into(),
        _ if Directory::has(&request.path) => {
            let now = Instant::now();
            house.directory.answer(&asker, code, &request, now).into()
        }
        desk => match (branch_and_word(&request, code), desk) {
            (Some((whose, "td" | "c")), _) if whose != code => refused(&Refusal::Forbidden).into(),
            (Some((_, "td")), _) => describe(&house.tree, &caller, &request).into(),
            (Some((_, "c")), Some(desk)) if request.method == Method::Get => {
                commands::answer(&house.tree, &desk.diary, &caller, &request).await
            }
            _ => known(house.tree, caller, request).await,
        },
    }
}

/// The topics of its own branch that can be read now.
fn kept(tree: &Tree, caller: &Caller) -> Vec<(Topic, usize)> {
    let all = Filter::parse(&format!("oc/1/{}/#", caller.code)).map_err(Refusal::from);
    let kept = all.map(|all| tree.look_all(&all));
    let kept = kept.unwrap_or_default().into_iter();
    kept.map(|event| (event.topic.clone(), event.payload.len()))
        .collect()
}

/// Of `oc/1/<code>/<word>` code and word: places of a branch that are no topics.
fn branch_and_word(request: &Request, me: Code) -> Option<(Code, &str)> {
    let [oc, one, whose, word] = request.path.as_slice() else {
        return None;
    };
    let status = [oc, one, whose, "s"].into_iter().map(str::as_bytes);
    let topic = Topic::from_levels(status, Some(me)).ok()?;
    Some((topic.code, word))
}

fn describe(tree: &Tree, caller: &Caller, request: &Request) -> Response {
    if request.method != Method::Get {
        return Response::bare(ResponseType::MethodNotAllowed);
    }
    let kept = kept(tree, caller).into_iter();
    let kept: Vec<Topic> = kept.map(|(topic, _)| topic).collect();
    let description = description::of(&caller.code, &kept);
    Response::with(ResponseType::Content, TD_JSON, description.into())
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
        ) if may_be_wallet(&request) => {
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
    if wallet && topic.code == caller.code && !may_be_wallet(&request) {
        return Response::bare(ResponseType::UnsupportedContentFormat);
    }
    let (payload, code) = match request.method {
        // An empty retained payload takes the retained one away.
        Method::Delete => (Bytes::new(), ResponseType::Deleted),
        _ => (request.payload, ResponseType::Changed),
    };
    let how = Manner {
        retain: request.method != Method::Post,
        assured: true,
        extras: formats::said_as(request.content_format),
        ..Manner::default()
    };
    match tree.publish(caller, topic, payload, how).await {
        published if wallet => wallet_answer(published.map(|done| done.reply)),
        Ok(_) => Response::bare(code),
        Err(refusal) => refused(&refusal),
    }
}

async fn read(tree: &Arc<Tree>, caller: &Caller, topic: &Topic, request: &Request) -> Answer {
    // Watched first, so that nothing falls between the state and its changes.
    let changes = match request.observe {
        true => match tree.watch(caller, topic.code).await {
            Ok(watch) => Some(watch),
            Err(Refusal::Full) => None,
            Err(refusal) => return refused(&refusal).into(),
        },
        false => None,
    };
    let kept = tree.retained(caller, &Filter::exactly(topic)).await;
    let changes = changes.map(|watch| {
        let (tree, caller) = (Arc::clone(tree), *caller);
        changes_of(watch, topic.clone(), request.accept, (tree, caller))
    });
    let response = match kept.map(|kept| kept.into_iter().next()) {
        Ok(Some(event)) => state(&event, request.accept),
        // Nothing yet, but there may be.
        Ok(None) if changes.is_some() => formats::content(topic, Bytes::new(), None, None),
        Ok(None) => Response::bare(ResponseType::NotFound),
        Err(refusal) => refused(&refusal),
    };
    Answer { response, changes }
}

fn state(event: &Event, accept: Option<u16>) -> Response {
    let said = formats::said(&event.extras);
    formats::content(&event.topic, event.payload.clone(), said, accept)
}

fn changes_of(
    watch: crate::tree::Watch,
    topic: Topic,
    accept: Option<u16>,
    (tree, caller): (Arc<Tree>, Caller),
) -> BoxStream<'static, Response> {
    let states = stream::unfold((watch, topic), move |(mut watch, topic)| {
        let tree = Arc::clone(&tree);
        async move {
            loop {
                let event = watch.next().await?;
                if event.topic == topic && tree.admit(&caller, &topic).await.is_ok() {
                    let mut state = state(&event, accept);
                    state.reliable = event.assured;
                    return Some((state, (watch, topic)));
                }
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

/// Wallet messages are CBOR, whether that is said or not.
fn may_be_wallet(request: &Request) -> bool {
    request.content_format.is_none_or(|it| it == wire::CBOR)
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
    let code = match refusal {
        Refusal::Topic(TopicError::NoSuchPlace | TopicError::NotACode) => ResponseType::NotFound,
        Refusal::Topic(TopicError::TooLong | TopicError::Characters) => ResponseType::BadRequest,
        Refusal::Forbidden | Refusal::Unpaid => ResponseType::Forbidden,
        Refusal::TooLarge => ResponseType::RequestEntityTooLarge,
        Refusal::Full => ResponseType::ServiceUnavailable,
        Refusal::NotKept => ResponseType::InternalServerError,
        Refusal::Wallet(declined) => code_of(declined.status),
    };
    match refusal {
        // CoAP has no code of its own for it: the word is in the payload (RFC 7252, section 5.5.2).
        Refusal::Unpaid => Response {
            payload: refusal.to_string().into(),
            ..Response::bare(code)
        },
        _ => Response::bare(code),
    }
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
