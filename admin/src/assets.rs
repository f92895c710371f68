//! The style sheet, the scripts and the icon, inside the program.

use crate::language::say;
use crate::refusal::Refusal;
use axum::extract::Path;
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
        Self {
            path,
            media_type,
            text,
            version: hashed(0x811c_9dc5, text),
        }
    }

    /// A script that asks for others: its number changes with theirs, and they are asked for by the
    /// same number.
    const fn script(path: &'static str, text: &'static str, version: u32) -> Self {
        Self {
            path,
            media_type: "text/javascript; charset=utf-8",
            text,
            version,
        }
    }

    /// Where pages find it.
    pub fn address(&self) -> String {
        format!("{}?v={:08x}", self.path, self.version)
    }

    /// The same, with the number behind every script that it asks for.
    fn answer_script(&self) -> impl IntoResponse + use<> {
        let headers = [
            (header::CONTENT_TYPE, self.media_type),
            (header::CACHE_CONTROL, KEEP),
        ];
        let numbered = format!(".js?v={:08x}\";", self.version);
        (headers, self.text.replace(".js\";", &numbered))
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

const READER_TEXT: &str = include_str!("../assets/reader.js");
const LIVE_TEXT: &str = include_str!("../assets/live.js");
const READER_VERSION: u32 = hashed(hashed(0x811c_9dc5, READER_TEXT), LIVE_TEXT);

/// Puts pages as their readers have them.
pub const READER: Asset = Asset::script("/assets/reader.js", READER_TEXT, READER_VERSION);
/// Keeps pages up to date; asks for the one before.
pub const LIVE: Asset = Asset::script("/assets/live.js", LIVE_TEXT, READER_VERSION);

/// The coastlines of the map, made by `admin/outline`.
pub const OUTLINE: Asset = Asset::new(
    "/assets/outline.txt",
    "text/plain; charset=utf-8",
    include_str!("../assets/outline.txt"),
);

const OBJECTS_TEXT: &str = include_str!("../assets/wallet/objects.js");
const KEYS_TEXT: &str = include_str!("../assets/wallet/keys.js");
const PURSE_TEXT: &str = include_str!("../assets/wallet/purse.js");
const STORE_TEXT: &str = include_str!("../assets/wallet/store.js");
const TELLER_TEXT: &str = include_str!("../assets/wallet/teller.js");
const PAGE_TEXT: &str = include_str!("../assets/wallet/page.js");

const WALLET_VERSION: u32 = {
    let below = hashed(hashed(PROOF.version, OBJECTS_TEXT), KEYS_TEXT);
    let below = hashed(hashed(below, PURSE_TEXT), STORE_TEXT);
    hashed(hashed(below, TELLER_TEXT), PAGE_TEXT)
};

/// A person's wallet: its page, which asks for the other scripts.
pub const WALLET: Asset = Asset::script("/assets/wallet/page.js", PAGE_TEXT, WALLET_VERSION);

const WALLET_PARTS: [Asset; 6] = [
    WALLET,
    Asset::script("/assets/wallet/objects.js", OBJECTS_TEXT, WALLET_VERSION),
    Asset::script("/assets/wallet/keys.js", KEYS_TEXT, WALLET_VERSION),
    Asset::script("/assets/wallet/purse.js", PURSE_TEXT, WALLET_VERSION),
    Asset::script("/assets/wallet/store.js", STORE_TEXT, WALLET_VERSION),
    Asset::script("/assets/wallet/teller.js", TELLER_TEXT, WALLET_VERSION),
];

/// FNV-1a, going on from `version`.
const fn hashed(mut version: u32, text: &str) -> u32 {
    let mut rest = text.as_bytes();
    while let [byte, others @ ..] = rest {
        version = (version ^ *byte as u32).wrapping_mul(0x0100_0193);
        rest = others;
    }
    version
}

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
    LIVE.answer_script()
}

pub async fn reader() -> impl IntoResponse {
    READER.answer()
}

pub async fn outline() -> impl IntoResponse {
    OUTLINE.answer()
}

pub async fn wallet(Path(name): Path<String>) -> Result<impl IntoResponse, Refusal> {
    let named = |part: &&Asset| part.path.rsplit('/').next() == Some(name.as_str());
    let part = WALLET_PARTS.iter().find(named);
    part.map(Asset::answer_script).ok_or(Refusal::NotFound(say(
        "There is nothing under this address.",
    )))
}

pub async fn icon() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "image/svg+xml"),
        (header::CACHE_CONTROL, "public, max-age=86400"),
    ];
    (headers, ICON)
}
