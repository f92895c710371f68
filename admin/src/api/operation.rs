//! What every call has the same shape: who asks, what the address says, what is asked or told, and
//! an answer. From the types of a handler come both the service and its line in the document, so
//! that neither says what the other does not.

use super::keyed::{self, Again};
use crate::door::{Actor, BODY_MAX, Caller, Who};
use crate::language::Say;
use crate::portal::{Random, Shared};
use crate::refusal::Refusal;
use axum::body::{self, Bytes, to_bytes};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::{Method, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get, post};
use ledger::people::{KeptAnswer, Part, Roles, Scope};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::marker::PhantomData;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{IntoParams, ToSchema};

/// JSON.
pub const JSON: &str = "application/json";

/// A call, by the time it reaches its handler.
pub struct Call {
    /// The portal.
    pub portal: Shared,
    /// Who calls, from where and when; a call that is taken up again keeps its time.
    pub actor: Actor,
    /// Where its secrets come from; a call that is taken up again draws the same.
    pub draw: Box<Random>,
}

impl Call {
    /// A call that comes once.
    pub fn fresh(portal: Shared, actor: Actor) -> Self {
        let from = portal.clone();
        let draw = Box::new(move |out: &mut [u8]| (from.random)(out));
        Self {
            portal,
            actor,
            draw,
        }
    }
}

/// What an address says.
pub trait Params: DeserializeOwned + IntoParams + Send + 'static {}

impl<T: DeserializeOwned + IntoParams + Send + 'static> Params for T {}

/// Nothing is said.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

impl IntoParams for Nothing {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        Vec::new()
    }
}

/// Schemas with their names.
pub type Schemas = Vec<(String, RefOr<Schema>)>;
/// A media type and what it looks like.
pub type Medium = (&'static str, RefOr<Schema>);

/// What a call brings along.
pub trait Brings: Sized + Send + 'static {
    /// Its media type.
    const KIND: &'static str;

    /// As it came in, before anybody reads it.
    type Held: Send + 'static;

    /// What it looks like.
    fn schema(schemas: &mut Schemas) -> RefOr<Schema>;

    /// Takes it in; all of its bytes go through `hash`, too, which tells one call from another.
    fn take_in(
        portal: &Shared,
        body: body::Body,
        hash: &mut Sha256,
    ) -> impl Future<Output = Result<Self::Held, Refusal>> + Send;

    /// Reads it.
    fn read(held: Self::Held) -> Result<Self, Refusal>;
}

impl<B: Body> Brings for B {
    const KIND: &'static str = B::KIND;

    type Held = Bytes;

    fn schema(schemas: &mut Schemas) -> RefOr<Schema> {
        B::schema(schemas)
    }

    async fn take_in(_: &Shared, body: body::Body, hash: &mut Sha256) -> Result<Bytes, Refusal> {
        let bytes = to_bytes(body, B::BYTES_MAX).await;
        let bytes = bytes.map_err(|_| Refusal::TooLarge)?;
        hash.update(&bytes);
        Ok(bytes)
    }

    fn read(held: Bytes) -> Result<Self, Refusal> {
        B::read(&held)
    }
}

/// What a call brings along and memory holds.
pub trait Body: Sized + Send + 'static {
    /// Its media type.
    const KIND: &'static str;
    /// Its largest size.
    const BYTES_MAX: usize;

    /// What it looks like.
    fn schema(schemas: &mut Schemas) -> RefOr<Schema>;

    /// Reads it.
    fn read(bytes: &[u8]) -> Result<Self, Refusal>;
}

/// A body of JSON.
pub struct Told<T>(pub T);

impl<T: DeserializeOwned + ToSchema + Send + 'static> Body for Told<T> {
    const KIND: &'static str = JSON;
    const BYTES_MAX: usize = BODY_MAX;

    fn schema(schemas: &mut Schemas) -> RefOr<Schema> {
        named::<T>(schemas)
    }

    fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let read = serde_json::from_slice(bytes);
        read.map(Self)
            .map_err(|error| Refusal::Unfit(Say::plain(format!("The body: {error}."))))
    }
}

/// A schema under its name, and those it names.
pub fn named<T: ToSchema>(schemas: &mut Schemas) -> RefOr<Schema> {
    schemas.push((T::name().into_owned(), T::schema()));
    T::schemas(schemas);
    Ref::from_schema_name(T::name()).into()
}

/// What a call is answered.
pub trait Answer: Send + 'static {
    /// What it may look like.
    fn media(schemas: &mut Schemas) -> Vec<Medium>;

    /// The answer.
    fn respond(self) -> Result<Response, Refusal>;
}

/// An answer that can be kept with the key of its call.
pub trait Keep: Answer {
    /// All of it.
    fn kept(self) -> Result<KeptAnswer, Refusal>;
}

/// An answer in JSON.
pub struct Shown<T>(pub T);

impl<T: Serialize + ToSchema + Send + 'static> Answer for Shown<T> {
    fn media(schemas: &mut Schemas) -> Vec<Medium> {
        vec![(JSON, named::<T>(schemas))]
    }

    fn respond(self) -> Result<Response, Refusal> {
        self.kept().map(given)
    }
}

impl<T: Serialize + ToSchema + Send + 'static> Keep for Shown<T> {
    fn kept(self) -> Result<KeptAnswer, Refusal> {
        let body = serde_json::to_vec(&self.0).map_err(|error| {
            tracing::error!(%error, "an answer cannot be written");
            Refusal::Broken
        })?;
        let kind = JSON.to_owned();
        Ok(KeptAnswer { kind, body })
    }
}

/// A kept answer, as it is given.
pub fn given(answer: KeptAnswer) -> Response {
    ([(header::CONTENT_TYPE, answer.kind)], answer.body).into_response()
}

/// Which files an answer may be.
pub trait Files: Send + 'static {
    /// Their media types.
    const KINDS: &'static [&'static str];
}

/// A file.
pub struct File<F>(pub Response, PhantomData<F>);

impl<F> From<Response> for File<F> {
    fn from(response: Response) -> Self {
        Self(response, PhantomData)
    }
}

impl<F: Files> Answer for File<F> {
    fn media(_: &mut Schemas) -> Vec<Medium> {
        let bytes = |kind: &&'static str| {
            let bytes = ObjectBuilder::new().schema_type(Type::String);
            (*kind, bytes.content_media_type(*kind).into())
        };
        F::KINDS.iter().map(bytes).collect()
    }

    fn respond(self) -> Result<Response, Refusal> {
        Ok(self.0)
    }
}

/// One line of the table.
pub struct Operation {
    /// GET or POST.
    pub method: Method,
    /// As axum writes it.
    pub path: &'static str,
    /// For whom.
    pub who: Who,
    /// What runs.
    pub handler: MethodRouter<Shared>,
    /// What the document says.
    pub told: Description,
}

/// What the document says about an operation.
pub struct Description {
    /// What it does.
    pub summary: &'static str,
    /// Which roles, and which scope.
    pub takes: (Roles, Scope),
    /// What stands in the address.
    pub parameters: Vec<Parameter>,
    /// What it brings along.
    pub body: Option<Medium>,
    /// What it is answered.
    pub answers: Vec<Medium>,
    /// What these name.
    pub schemas: Schemas,
}

fn unfit(text: String) -> Refusal {
    Refusal::Unfit(Say::plain(text))
}

/// What a path says.
pub fn in_path<P>(path: Result<Path<P>, PathRejection>) -> Result<P, Refusal> {
    let Path(path) = path.map_err(|error| unfit(error.body_text()))?;
    Ok(path)
}

/// A call that looks at something.
pub fn read<P, Q, A, F>(
    path: &'static str,
    part: Part,
    roles: Roles,
    summary: &'static str,
    handler: impl Fn(Call, P, Q) -> F + Clone + Send + Sync + 'static,
) -> Operation
where
    P: Params,
    Q: Params,
    A: Answer,
    F: Future<Output = Result<A, Refusal>> + Send + 'static,
{
    type Asked<Q> = Result<Query<Q>, QueryRejection>;
    type Named<P> = Result<Path<P>, PathRejection>;
    let run =
        move |State(portal): State<Shared>, caller: Caller, path: Named<P>, asked: Asked<Q>| {
            let handler = handler.clone();
            async move {
                let Query(asked) = asked.map_err(|error| unfit(error.body_text()))?;
                let call = Call::fresh(portal, caller.actor);
                handler(call, in_path(path)?, asked).await?.respond()
            }
        };
    let mut schemas = Schemas::new();
    let mut parameters = P::into_params(|| Some(ParameterIn::Path));
    parameters.extend(Q::into_params(|| Some(ParameterIn::Query)));
    let scope = Scope::read(part);
    Operation {
        method: Method::GET,
        path,
        who: Who::Tokens(roles, scope),
        handler: get(run),
        told: Description {
            summary,
            takes: (roles, scope),
            parameters,
            body: None,
            answers: A::media(&mut schemas),
            schemas,
        },
    }
}

/// A call that changes something.
pub fn write<P, B, A, F>(
    path: &'static str,
    part: Part,
    roles: Roles,
    summary: &'static str,
    again: Again,
    handler: impl Fn(Call, P, B) -> F + Clone + Send + Sync + 'static,
) -> Operation
where
    P: Params,
    B: Brings,
    A: Keep,
    F: Future<Output = Result<A, Refusal>> + Send + 'static,
{
    type Named<P> = Result<Path<P>, PathRejection>;
    let run =
        move |State(portal): State<Shared>, caller: Caller, path: Named<P>, request: Request| {
            let handler = handler.clone();
            async move {
                let path = in_path(path)?;
                keyed::carry_out(portal, caller, again, request, move |call, body| {
                    handler(call, path, body)
                })
                .await
            }
        };
    let mut schemas = Schemas::new();
    let mut parameters = P::into_params(|| Some(ParameterIn::Path));
    parameters.push(keyed::parameter());
    let scope = Scope::write(part);
    Operation {
        method: Method::POST,
        path,
        who: Who::Tokens(roles, scope),
        handler: post(run),
        told: Description {
            summary,
            takes: (roles, scope),
            parameters,
            body: Some((B::KIND, B::schema(&mut schemas))),
            answers: A::media(&mut schemas),
            schemas,
        },
    }
}
