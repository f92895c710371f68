//! What wallet classes may do, from settings: the usual terms, and currencies with their own.
//!
//! ```text
//! wallet.terms = "EUR allowance=5000 payment=2000 holding=100000 daily=20000; KWH payment=50"
//! ```

use ledger::bounds::CURRENCY_TERMS_MOST;
use ledger::{ClassTerms, Classes};
use protocol::{AmountMinor, Currency};

/// Terms of currencies that have their own.
pub type Own = [Option<(Currency, Classes)>; CURRENCY_TERMS_MOST];

/// How many times the terms of the least class the three classes have, such as `1,5,20`.
pub fn factors(text: &str) -> Option<[u32; 3]> {
    let mut parts = text.split(',').map(|part| part.trim().parse().ok());
    let factors = [parts.next()??, parts.next()??, parts.next()??];
    (parts.next().is_none() && factors.iter().all(|factor| *factor > 0)).then_some(factors)
}

/// The same terms for every class, each amount so many times. What leaves the range is as much as
/// there can be.
pub fn classes(least: ClassTerms, factors: [u32; 3]) -> Classes {
    factors.map(|factor| {
        let times = |amount: AmountMinor| {
            let product = amount.get().saturating_mul(u64::from(factor));
            AmountMinor::new(product.min(protocol::units::AMOUNT_MAX)).unwrap_or(amount)
        };
        ClassTerms {
            holding: times(least.holding),
            allowance: times(least.allowance),
            per_payment: times(least.per_payment),
            daily: times(least.daily),
            hops: least.hops,
            guarantee: times(least.guarantee),
            early_release: times(least.early_release),
        }
    })
}

/// Reads the currencies with terms of their own; what a currency does not name is as usual. The
/// error says which part does not read.
pub fn currencies(
    text: &str,
    issuer: u32,
    usual: ClassTerms,
    factors: [u32; 3],
) -> Result<Own, String> {
    let mut own = [None; CURRENCY_TERMS_MOST];
    let parts = text
        .split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let mut places = own.iter_mut();
    for part in parts {
        let place = places
            .next()
            .ok_or_else(|| format!("more than {CURRENCY_TERMS_MOST} currencies"))?;
        let (currency, terms) = one(part, issuer, usual)?;
        *place = Some((currency, classes(terms, factors)));
    }
    Ok(own)
}

fn one(part: &str, issuer: u32, usual: ClassTerms) -> Result<(Currency, ClassTerms), String> {
    let mut words = part.split_whitespace();
    let name = words.next().unwrap_or_default();
    let currency = name.as_bytes().try_into().ok();
    let currency = currency.and_then(|name| Currency::new(issuer, name));
    let currency = currency.ok_or_else(|| format!("`{name}` is no currency such as EUR"))?;
    let mut terms = usual;
    for word in words {
        let wrong = || format!("`{word}` of {name}: wants such as payment=2000");
        let (key, value) = word.split_once('=').ok_or_else(wrong)?;
        let number: u64 = value.parse().map_err(|_| wrong())?;
        let amount = AmountMinor::new(number).ok_or_else(wrong)?;
        match key {
            "allowance" => terms.allowance = amount,
            "payment" => terms.per_payment = amount,
            "holding" => terms.holding = amount,
            "daily" => terms.daily = amount,
            "guarantee" => terms.guarantee = amount,
            "early_release" => terms.early_release = amount,
            "hops" => terms.hops = u32::try_from(number).map_err(|_| wrong())?,
            _ => return Err(wrong()),
        }
    }
    Ok((currency, terms))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(minor: u64) -> AmountMinor {
        AmountMinor::new(minor).unwrap()
    }

    #[test]
    fn a_currency_has_its_own_terms_and_the_usual_ones_beside() {
        let usual = ClassTerms::offline(amount(100), amount(10));
        let text = "EUR allowance=7 hops=2;KWH daily=9 ;";
        let own = currencies(text, 1, usual, [1, 5, 20]).unwrap();
        let (currency, [least, _, most]) = own[0].unwrap();
        assert_eq!(currency, Currency::new(1, *b"EUR").unwrap());
        assert_eq!(
            (least.allowance, least.per_payment),
            (amount(7), amount(10))
        );
        assert_eq!((most.allowance, most.hops), (amount(140), 2));
        assert_eq!(most.holding, amount(protocol::units::AMOUNT_MAX));
        let (_, [least, ..]) = own[1].unwrap();
        assert_eq!((least.daily, least.allowance), (amount(9), amount(100)));
        assert_eq!(own[2], None);
    }

    #[test]
    fn terms_that_do_not_read_are_named() {
        let usual = ClassTerms::offline(amount(100), amount(10));
        for (text, part) in [
            ("eur payment=1", "`eur`"),
            ("EUR payment", "`payment`"),
            ("EUR payment=x", "`payment=x`"),
            ("EUR paymnt=1", "`paymnt=1`"),
        ] {
            let error = currencies(text, 1, usual, [1; 3]).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(factors("1, 5,20"), Some([1, 5, 20]));
        for text in ["", "1,2", "1,2,3,4", "0,1,1", "a,b,c"] {
            assert_eq!(factors(text), None);
        }
    }
}
