//! Whole lists as lines of JSON, put together while they are read: a registry is larger than memory
//! should be.

use super::bulk::{LINES, line, lines};
use super::codes::ThingShown;
use super::operation::{Answer, Call, Medium, Nothing, Schemas};
use super::payments::PaymentShown;
use crate::desk::Pending;
use crate::portal::Shared;
use crate::refusal::Refusal;
use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::try_unfold;
use ledger::bounds::PAGE_MOST;
use ledger::views::{Cursor, Listing, Page, PaymentQuery, ThingQuery};
use serde::Serialize;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use utoipa::ToSchema;

/// A list as lines.
pub struct Export<T>(Response, PhantomData<T>);

impl<T: ToSchema + Send + 'static> Answer for Export<T> {
    fn media(schemas: &mut Schemas) -> Vec<Medium> {
        vec![(LINES, lines::<T>(schemas))]
    }

    fn respond(self) -> Result<Response, Refusal> {
        Ok(self.0)
    }
}

impl<T> From<Response> for Export<T> {
    fn from(response: Response) -> Self {
        Self(response, PhantomData)
    }
}

/// Where a file goes on.
enum At {
    After(Option<Cursor>),
    End,
}

/// The lines of one page, and where the next begins.
type Piece = Pending<Result<(Vec<u8>, Option<Cursor>), Refusal>>;

/// All pages, one after the other. What breaks off ends without its last piece, and the connection
/// with it.
fn whole<T>(call: Call, page: fn(Shared, Page) -> Piece) -> Export<T> {
    let begin = (call.portal, At::After(None));
    let pieces = try_unfold(begin, move |(portal, at)| async move {
        let At::After(after) = at else {
            return Ok::<_, io::Error>(None);
        };
        let most = PAGE_MOST;
        let piece = page(Arc::clone(&portal), Page { after, most });
        let broken = |refusal: Refusal| io::Error::other(refusal.sentence().to_string());
        let (piece, next) = piece.await.map_err(broken)?;
        let at = next.map_or(At::End, |next| At::After(Some(next)));
        Ok(Some((piece, (portal, at))))
    });
    let kind = [(header::CONTENT_TYPE, LINES)];
    Export(
        (kind, Body::from_stream(pieces)).into_response(),
        PhantomData,
    )
}

fn lines_of<R, T: Serialize>(
    listing: Listing<R>,
    show: impl Fn(R) -> T,
) -> Result<(Vec<u8>, Option<Cursor>), Refusal> {
    let mut piece = Vec::new();
    for row in listing.rows {
        line(&show(row), &mut piece)?;
    }
    Ok((piece, listing.next))
}

/// All things, the newest first.
pub async fn codes(call: Call, _: Nothing, _: Nothing) -> Result<Export<ThingShown>, Refusal> {
    Ok(whole(call, |portal, page| {
        Box::pin(async move {
            let all = ThingQuery::default();
            let listing = portal.ledger.things(&all, &page).await?;
            lines_of(listing, |thing| ThingShown::of(&portal, &thing))
        })
    }))
}

/// All payments, the newest first.
pub async fn payments(call: Call, _: Nothing, _: Nothing) -> Result<Export<PaymentShown>, Refusal> {
    Ok(whole(call, |portal, page| {
        Box::pin(async move {
            let all = PaymentQuery::default();
            let listing = portal.ledger.payments(&all, &page).await?;
            lines_of(listing, PaymentShown::from)
        })
    }))
}
