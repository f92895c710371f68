//! The style sheet, the scripts and the icon, inside the program.

use axum::http::header;
use axum::response::IntoResponse;

/// What never changes under its address.
const KEEP: &str = "public, max-age=31536000, immutable";

/// A file that pages ask for; its address carries a number that changes with its content, so it can
/// be kept for ever.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    path: &'static str,
    media_type: &'static str,
    text: &'static str,
    version: u32,
}

impl Asset {
    const fn new(path: &'static str, media_type: &'static str, text: &'static str) -> Self {
        // FNV-1a.
        let (mut version, mut rest) = (0x811c_9dc5_u32, text.as_bytes());
        while let [byte, others @ ..] = rest {
            version = (version ^ *byte as u32).wrapping_mul(0x0100_0193);
            rest = others;
        }
        Self {
            path,
            media_type,
            text,
            version,
        }
    }

    /// Where pages find it.
    pub fn address(&self) -> String {
        format!("{}?v={:08x}", self.path, self.version)
    }

    fn answer(&self) -> impl IntoResponse + use<> {
        let headers = [
            (header::CONTENT_TYPE, self.media_type),
            (header::CACHE_CONTROL, KEEP),
        ];
        (headers, self.text)
    }
}

/// How pages look.
pub const STYLE: Asset = Asset::new(
    "/assets/style.css",
    "text/css; charset=utf-8",
    include_str!("../assets/style.css"),
);
/// Checks the proof of a code in the browser.
pub const PROOF: Asset = Asset::new(
    "/assets/proof.js",
    "text/javascript; charset=utf-8",
    include_str!("../assets/proof.js"),
);
/// Draws the map.
pub const MAP: Asset = Asset::new(
    "/assets/map.js",
    "text/javascript; charset=utf-8",
    include_str!("../assets/map.js"),
);
/// Keeps pages up to date.
pub const LIVE: Asset = Asset::new(
    "/assets/live.js",
    "text/javascript; charset=utf-8",
    include_str!("../assets/live.js"),
);
/// The coastlines of the map, made by `admin/outline`.
pub const OUTLINE: Asset = Asset::new(
    "/assets/outline.txt",
    "text/plain; charset=utf-8",
    include_str!("../assets/outline.txt"),
);

const ICON: &str = include_str!("../assets/icon.svg");

pub async fn style() -> impl IntoResponse {
    STYLE.answer()
}

pub async fn proof() -> impl IntoResponse {
    PROOF.answer()
}

pub async fn map() -> impl IntoResponse {
    MAP.answer()
}

pub async fn live() -> impl IntoResponse {
    LIVE.answer()
}

pub async fn outline() -> impl IntoResponse {
    OUTLINE.answer()
}

pub async fn icon() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "image/svg+xml"),
        (header::CACHE_CONTROL, "public, max-age=86400"),
    ];
    (headers, ICON)
}
