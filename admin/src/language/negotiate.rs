//! Which language a browser asks for (RFC 9110, 12.5.4).

use super::Language;
use axum::http::{HeaderMap, header};

/// Ranges that are read; browsers send a handful.
const RANGES_MAX: usize = 16;

/// The language the browser likes best of those there are; English when it likes none.
pub fn accepted(headers: &HeaderMap) -> Language {
    let ranges = headers
        .get_all(header::ACCEPT_LANGUAGE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .take(RANGES_MAX);
    let mut best = (Language::English, 0);
    for range in ranges {
        let (tag, quality) = range.split_once(';').unwrap_or((range, "q=1"));
        let wanted = language(tag.trim()).zip(thousandths(quality.trim()));
        // The first of equals: whoever writes "zh, en" means it in that order.
        if let Some((language, quality)) = wanted
            && quality > best.1
        {
            best = (language, quality);
        }
    }
    best.0
}

/// By the first subtag: whoever reads any Chinese is better served by ours than by English.
fn language(tag: &str) -> Option<Language> {
    let primary = tag.split('-').next()?;
    if primary.eq_ignore_ascii_case("zh") {
        Some(Language::Chinese)
    } else if primary.eq_ignore_ascii_case("en") || primary == "*" {
        Some(Language::English)
    } else {
        None
    }
}

/// `q=0.8` as 800.
fn thousandths(quality: &str) -> Option<u32> {
    let (name, value) = quality.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, fraction) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{whole}{fraction:0<3}").parse().ok()?;
    (thousandths <= 1000).then_some(thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn the_best_liked_language_is_chosen() {
        for (sent, language) in [
            ("", Language::English),
            ("zh", Language::Chinese),
            ("ZH-hans-CN", Language::Chinese),
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese),
            ("en-GB,en;q=0.9,zh;q=0.8", Language::English),
            ("en;q=0.1, zh ; q=0.8", Language::Chinese),
            ("de, fr;q=0.9, zh;q=0.2", Language::Chinese),
            ("de, *;q=0.5, zh;q=0.2", Language::English),
            ("zh;q=0, en;q=0.001", Language::English),
            ("zh;q=0", Language::English),
            ("zh;q=1.001", Language::English),
            ("zh;q=x, zh;q=0.0001, zh;level=1", Language::English),
            ("zhx, x-zh", Language::English),
            ("en, zh", Language::English),
            ("zh, en", Language::Chinese),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(sent));
            assert_eq!(accepted(&headers), language, "{sent:?}");
        }
        assert_eq!(accepted(&HeaderMap::new()), Language::English);
    }

    #[test]
    fn a_flood_of_ranges_is_not_read_to_its_end() {
        let mut sent = "de,".repeat(RANGES_MAX);
        sent.push_str("zh");
        let mut headers = HeaderMap::new();
        headers.insert(
            header::ACCEPT_LANGUAGE,
            HeaderValue::from_str(&sent).unwrap(),
        );
        assert_eq!(accepted(&headers), Language::English);
    }
}
