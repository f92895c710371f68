//! Lists in pages: the newest first, from an opaque cursor on. A cursor holds the number of the last
//! row that was shown, so that rows which come in meanwhile neither move a page nor repeat on it.

use super::words::Limit;
use crate::language::Say;
use crate::refusal::Refusal;
use crate::show::{hex, to_hex};
use ledger::views::{Cursor, Listing, Page};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Bytes that tie a cursor to its list.
const TIE_BYTES: usize = 4;

/// Which list a cursor is of: its name and what it was filtered by.
pub struct Of<'a>(pub &'a str, pub &'a [&'a str]);

impl Of<'_> {
    fn tie(&self) -> Vec<u8> {
        let mut hash = Sha256::new();
        for text in std::iter::once(&self.0).chain(self.1) {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hash.finalize().iter().copied().take(TIE_BYTES).collect()
    }

    /// The page that is asked for.
    pub fn page(&self, cursor: Option<&str>, limit: Option<Limit>) -> Result<Page, Refusal> {
        Ok(Page {
            after: cursor.map(|text| self.read(text)).transpose()?,
            most: limit.unwrap_or_default().0,
        })
    }

    fn read(&self, text: &str) -> Result<Cursor, Refusal> {
        let unfit = || {
            let sentence = "cursor: what `next` said in the page before, with the same filters";
            Refusal::Unfit(Say::plain(sentence))
        };
        let bytes = hex(text).ok_or_else(unfit)?;
        let number = bytes.strip_prefix(self.tie().as_slice());
        let number = number.and_then(|number| std::str::from_utf8(number).ok());
        number
            .and_then(|number| number.parse().ok())
            .ok_or_else(unfit)
    }

    /// A page as it is shown.
    pub fn shown<R, T>(&self, listing: Listing<R>, show: impl FnMut(R) -> T) -> List<T> {
        let next = listing.next.map(|next| {
            let mut bytes = self.tie();
            bytes.extend(next.to_string().into_bytes());
            to_hex(&bytes)
        });
        let items = listing.rows.into_iter().map(show).collect();
        List { items, next }
    }
}

/// A page of a list.
#[derive(Serialize)]
pub struct List<T> {
    /// Its rows.
    pub items: Vec<T>,
    /// What to send as `cursor` for the next page; none when this is the last.
    pub next: Option<String>,
}

impl<T> List<T> {
    /// A list that is short enough to be shown whole.
    pub fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

impl<T: ToSchema> PartialSchema for List<T> {
    fn schema() -> RefOr<Schema> {
        let next = ObjectBuilder::new()
            .schema_type(SchemaType::Array(vec![Type::String, Type::Null]))
            .description(Some(
                "What to send as cursor for the next page; null after the last.",
            ));
        let items = ArrayBuilder::new().items(Ref::from_schema_name(T::name()));
        let list = ObjectBuilder::new()
            .property("items", items)
            .required("items");
        list.property("next", next).required("next").into()
    }
}

impl<T: ToSchema> ToSchema for List<T> {
    fn name() -> Cow<'static, str> {
        format!("ListOf{}", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_list_and_filters_only() {
        let list = Of("codes", &["device", ""]);
        let listing = Listing {
            rows: vec![7],
            next: "41".parse().ok(),
        };
        let next = list.shown(listing, |row| row).next.unwrap();
        let page = list.page(Some(&next), None).unwrap();
        assert_eq!(page.after, "41".parse().ok());
        assert!(
            Of("codes", &["", "device"])
                .page(Some(&next), None)
                .is_err()
        );
        assert!(
            Of("grids", &["device", ""])
                .page(Some(&next), None)
                .is_err()
        );
        for text in ["", "41", "zz", &next[1..], &format!("{next}2d"), "\u{e9}"] {
            assert!(list.page(Some(text), None).is_err(), "{text}");
        }
    }
}
