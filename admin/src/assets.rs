//! The style sheet and the icon, inside the program.

use axum::http::header;
use axum::response::IntoResponse;

/// Address of the style sheet; the number changes with its content, so it can be kept for ever.
pub const STYLE_PATH: &str = "/assets/style.css";

const STYLE: &str = include_str!("../assets/style.css");
const ICON: &str = include_str!("../assets/icon.svg");
const KEEP: &str = "public, max-age=31536000, immutable";

/// A number that changes when the style sheet does (FNV-1a).
pub const STYLE_VERSION: u32 = {
    let (mut hash, mut rest) = (0x811c_9dc5_u32, STYLE.as_bytes());
    while let [byte, others @ ..] = rest {
        hash = (hash ^ *byte as u32).wrapping_mul(0x0100_0193);
        rest = others;
    }
    hash
};

pub async fn style() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, KEEP),
    ];
    (headers, STYLE)
}

pub async fn icon() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "image/svg+xml"),
        (header::CACHE_CONTROL, "public, max-age=86400"),
    ];
    (headers, ICON)
}
