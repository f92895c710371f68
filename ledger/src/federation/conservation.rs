//! Whether money is conserved over all books together.

use super::store::credits;
use crate::error::Error;
use crate::handle::Ledger;
use crate::views::Conservation;
use protocol::Currency;
use std::collections::BTreeMap;

/// One currency over several books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Books {
    /// Which currency.
    pub currency: Currency,
    /// Loads minus redemptions, of all books.
    pub issued_minus_redeemed: i64,
    /// All purses, free and reserved.
    pub purses: i64,
    /// Payments that wait for their payee.
    pub in_transit: i64,
    /// Deposits, bonds, guarantees.
    pub funds: i64,
    /// On the way between books: what left some and has not come to others.
    pub clearing: i64,
    /// By the credits themselves: sent and not taken in; and what is put aside until a lost home has
    /// given account.
    pub in_flight: i64,
    /// Of lost homes: what went on without them, and they have not sent nor its purse paid since.
    pub ahead: i64,
    /// Whether every one of the books balances, and all of them together: purses + in transit +
    /// funds + clearing = issued - redeemed, and clearing is exactly what the credits say.
    pub holds: bool,
}

/// Sums several books. They are read one after the other: nothing may move meanwhile.
pub async fn conserved(ledgers: &[Ledger]) -> Result<Vec<Books>, Error> {
    let mut all: BTreeMap<Currency, Books> = BTreeMap::new();
    for ledger in ledgers {
        for own in ledger.conservation().await? {
            add(of(&mut all, own.currency), &own);
        }
        let sums = credits::sums(&mut *ledger.reader().await?).await?;
        for (currency, [gone, come, freed, paid]) in sums {
            let books = of(&mut all, currency);
            books.in_flight += gone - come;
            books.ahead += freed - paid;
        }
    }
    let mut all: Vec<Books> = all.into_values().collect();
    for books in &mut all {
        let held = books.purses + books.in_transit + books.funds + books.clearing;
        books.holds &= held == books.issued_minus_redeemed
            && books.clearing == books.in_flight - books.ahead
            && books.in_flight >= 0;
    }
    Ok(all)
}

fn of(all: &mut BTreeMap<Currency, Books>, currency: Currency) -> &mut Books {
    all.entry(currency).or_insert(Books {
        currency,
        issued_minus_redeemed: 0,
        purses: 0,
        in_transit: 0,
        funds: 0,
        clearing: 0,
        in_flight: 0,
        ahead: 0,
        holds: true,
    })
}

fn add(books: &mut Books, own: &Conservation) {
    books.issued_minus_redeemed += own.issued_minus_redeemed;
    books.purses += own.purses;
    books.in_transit += own.in_transit;
    books.funds += own.funds;
    // Nothing else is left of the accounts of one ledger.
    books.clearing += own.others;
    books.holds &= own.holds;
}
