//! How numbers, times and codes look to people, and how people's spelling is read back: exactly,
//! without floating point.

use crate::language::{Say, say};
use protocol::{Code, Digest, Reference, Timestamp};
use std::borrow::Borrow;

/// Largest exponent of a currency: 10^18 still fits an amount.
pub const EXPONENT_MAX: u8 = 18;

/// An amount in its major unit with all its decimals: `1,234.567890`.
pub fn amount(minor: i128, exponent: u8) -> String {
    let exponent = usize::from(exponent.min(EXPONENT_MAX));
    let digits = format!("{:0>width$}", minor.unsigned_abs(), width = exponent + 1);
    let (whole, fraction) = digits.split_at(digits.len() - exponent);
    let sign = if minor < 0 { "\u{2212}" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction}", grouped(whole))
}

/// A count with thousands apart: `12,345`.
pub fn count(number: impl Borrow<u64>) -> String {
    grouped(&number.borrow().to_string())
}

/// The same of a smaller number.
pub fn count32(number: impl Borrow<u32>) -> String {
    count(u64::from(*number.borrow()))
}

/// As [`duration`], of a smaller number.
pub fn duration32(seconds: impl Borrow<u32>) -> Say {
    duration(u64::from(*seconds.borrow()))
}

/// The short name of an order.
pub fn order(id: impl Borrow<Reference>) -> String {
    issuer::order::short(id.borrow())
}

fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Why a number was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberError {
    /// Not digits with at most one point.
    Spelling,
    /// More decimals than the unit has.
    TooFine,
    /// Outside the range.
    TooLarge,
}

impl NumberError {
    /// What to do about it.
    pub const fn sentence(self) -> Say {
        match self {
            Self::Spelling => say("Write digits with a decimal point, such as 12.50."),
            Self::TooFine => say("It has more decimals than this unit; nothing is rounded here."),
            Self::TooLarge => say("The number is out of range."),
        }
    }
}

/// Reads an unsigned decimal number into units of 10^-exponent. Commas between digits are
/// thousands marks only where they stand at thousands.
pub fn parse_decimal(text: &str, exponent: u8) -> Result<u64, NumberError> {
    let text = text.trim();
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return Err(NumberError::Spelling),
        None => (text, ""),
    };
    let whole = without_marks(whole).ok_or(NumberError::Spelling)?;
    if whole.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NumberError::Spelling);
    }
    let fraction = fraction.trim_end_matches('0');
    let missing = usize::from(exponent)
        .checked_sub(fraction.len())
        .ok_or(NumberError::TooFine)?;
    let zeros = "0".repeat(missing);
    whole
        .bytes()
        .chain(fraction.bytes())
        .chain(zeros.bytes())
        .try_fold(0u64, |sum, digit| {
            sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        })
        .ok_or(NumberError::TooLarge)
}

/// `1,234` and `1234`, but not `12,34`.
fn without_marks(whole: &str) -> Option<String> {
    let groups: Vec<&str> = whole.split(',').collect();
    let (first, rest) = groups.split_first()?;
    let digits = |group: &&str| group.bytes().all(|b| b.is_ascii_digit());
    let in_threes = rest.is_empty() || (1..=3).contains(&first.len());
    (groups.iter().all(digits) && in_threes && rest.iter().all(|group| group.len() == 3))
        .then(|| groups.concat())
}

/// `2026-11-22 13:31:05 UTC`.
pub fn time(time: impl Borrow<Timestamp>) -> String {
    let seconds = u64::from(time.borrow().0);
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// `2026-11-22 13:31 UTC`, for minutes since 1970.
pub fn minute(minutes: u64) -> String {
    let (year, month, day) = date(minutes / 1440);
    let (hour, minute) = (minutes / 60 % 24, minutes % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}

/// `2026-11-22T13:31`, as a date field of a form has it.
pub fn minute_field(minutes: u64) -> String {
    let (year, month, day) = date(minutes / 1440);
    let (hour, minute) = (minutes / 60 % 24, minutes % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}")
}

/// Reads `2026-11-22T13:31` or `2026-11-22 13:31` as UTC into minutes since 1970.
pub fn parse_minute(text: &str) -> Option<u64> {
    let (day, clock) = text.trim().split_once(['T', ' '])?;
    let mut day = day.splitn(3, '-').map(digits);
    let (year, month, dom) = (day.next()??, day.next()??, day.next()??);
    let mut clock = clock.splitn(3, ':').map(digits);
    let (hour, minute) = (clock.next()??, clock.next()??);
    if !(1970..=9999).contains(&year) || hour > 23 || minute > 59 {
        return None;
    }
    let days = days(year, month, dom)?;
    Some(days * 1440 + hour * 60 + minute)
}

fn digits(text: &str) -> Option<u64> {
    let fits = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar. The year is
/// taken to begin in March, so that the leap day comes last.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let from_march_year = year - u64::from(month <= 2);
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let (era, of_era) = (from_march_year / 400, from_march_year % 400);
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    let days = (era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year)
        .checked_sub(719_468)?;
    // The 31st of February comes out as another day.
    (date(days) == (year, month, day)).then_some(days)
}

/// A length of time in its two largest units: `2 d 3 h`.
pub fn duration(seconds: u64) -> Say {
    let units = [
        (say("{number} d"), 86_400),
        (say("{number} h"), 3600),
        (say("{number} min"), 60),
        (say("{number} s"), 1),
    ];
    let mut rest = seconds;
    let parts = units.into_iter().map(|(unit, size)| {
        let number = rest / size;
        rest %= size;
        (number > 0).then(|| unit.put("number", number))
    });
    let mut parts = parts.skip_while(Option::is_none).map_while(|part| part);
    match (parts.next(), parts.next()) {
        (Some(large), Some(small)) => say("{large} {small}")
            .put("large", large)
            .put("small", small),
        (Some(only), None) => only,
        (None, _) => say("{number} s").put("number", 0u32),
    }
}

/// The first and last groups of a code, for narrow columns: `1000-0008 ... 7K2M-XQ`.
pub fn short(code: &Code) -> String {
    let text = code.text();
    let text = text.as_str();
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
    // The tail begins at a group of the printed form, so that it can be found on a label.
    format!("{}\u{2026}{}-{}", part(0..4), part(28..32), part(32..34))
}

/// What somebody typed in place of a code, cut to `most` characters and set in groups of four where
/// it is made of letters and digits, so that it compares with a label.
pub fn typed(text: &str, most: usize) -> String {
    let bare: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
    if !bare.chars().all(|c| c.is_ascii_alphanumeric()) {
        return text.chars().take(most).collect();
    }
    let bare: Vec<char> = bare.to_ascii_uppercase().chars().take(most).collect();
    let groups = bare.chunks(4).map(|group| group.iter().collect::<String>());
    groups.collect::<Vec<_>>().join("-")
}

/// The first 16 hexadecimal digits of an identifier.
pub fn short_id(id: &Digest) -> String {
    let text = id.to_string();
    text.get(..16).unwrap_or_default().to_owned()
}

/// Reads 64 hexadecimal digits.
pub fn parse_id(text: &str) -> Option<Digest> {
    hex(text).and_then(|bytes| Digest::from_slice(&bytes))
}

/// Reads pairs of hexadecimal digits.
pub fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    text.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

/// As a value in the query of an address (RFC 3986, 2.3).
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// The host in an address.
pub fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

/// Bytes as lower-case hexadecimal digits.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_show_every_decimal_and_read_back() {
        for (minor, exponent, text) in [
            (0, 0, "0"),
            (0, 2, "0.00"),
            (5, 2, "0.05"),
            (-1234567, 2, "\u{2212}12,345.67"),
            (1_000_000, 0, "1,000,000"),
            (9_223_372_036_854_775_807, 6, "9,223,372,036,854.775807"),
        ] {
            assert_eq!(amount(minor, exponent), text);
            if let Ok(minor) = u64::try_from(minor) {
                assert_eq!(parse_decimal(text, exponent), Ok(minor));
            }
        }
    }

    #[test]
    fn only_exact_decimals_are_read() {
        assert_eq!(parse_decimal("12.5", 2), Ok(1250));
        assert_eq!(parse_decimal("12.500", 2), Ok(1250));
        assert_eq!(parse_decimal(" 007 ", 0), Ok(7));
        assert_eq!(parse_decimal("12.501", 2), Err(NumberError::TooFine));
        assert_eq!(
            parse_decimal("99999999999999999999", 0),
            Err(NumberError::TooLarge)
        );
        assert_eq!(
            parse_decimal("184467440737095516.16", 2),
            Err(NumberError::TooLarge)
        );
        for text in [
            "", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", "12,34.00", "1.2.3", "0x10", "١٢",
        ] {
            assert_eq!(
                parse_decimal(text, 2),
                Err(NumberError::Spelling),
                "{text:?}"
            );
        }
    }

    #[test]
    fn times_are_utc_and_read_back() {
        assert_eq!(time(Timestamp(0)), "1970-01-01 00:00:00 UTC");
        assert_eq!(time(Timestamp(951_782_400)), "2000-02-29 00:00:00 UTC");
        assert_eq!(time(Timestamp(u32::MAX)), "2106-02-07 06:28:15 UTC");
        for day in 0..50_000u64 {
            let minutes = day * 1440 + day % 1440;
            assert_eq!(parse_minute(&minute_field(minutes)), Some(minutes));
        }
        for text in [
            "",
            "2026-02-30T00:00",
            "2026-13-01T00:00",
            "2026-01-01T24:00",
            "2026-1-1",
            "1969-12-31T23:59",
            "x-y-zTa:b",
            "2026-00-10T00:00",
        ] {
            assert_eq!(parse_minute(text), None, "{text:?}");
        }
    }

    #[test]
    fn durations_have_two_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (3600, "1 h"),
            (3601, "1 h"),
            (90_061, "1 d 1 h"),
            (125, "2 min 5 s"),
        ] {
            assert_eq!(duration(seconds).to_string(), text);
        }
    }

    #[test]
    fn what_was_typed_is_grouped_only_where_it_could_be_a_code() {
        assert_eq!(typed("2000-0080 abcdef", 64), "2000-0080-ABCD-EF");
        assert_eq!(typed("<script>", 64), "<script>");
        assert_eq!(typed("abcdefgh", 6), "ABCD-EF");
        assert_eq!(typed("éé éé", 3), "éé ");
    }

    #[test]
    fn identifiers_read_back() {
        let id = Digest([0xa5; 32]);
        assert_eq!(parse_id(&id.to_string()), Some(id));
        for text in ["", "a5", &"g".repeat(64), &"a".repeat(63), &"é".repeat(32)] {
            assert_eq!(parse_id(text), None);
        }
    }
}
