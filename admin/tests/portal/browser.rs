//! A browser: keeps cookies, names its origin, finds the token in forms.

use crate::house::House;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, StatusCode, header};
use ledger::people::{Act, Role, Roles};
use protocol::Timestamp;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use tower::ServiceExt as _;

pub const NOW: Timestamp = Timestamp(1_795_348_800);
pub const HOST: &str = "portal.test";
pub const PASSWORD: &str = "correct horse battery";

/// An answer, read to its end.
pub struct Page {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub body: Vec<u8>,
}

impl Page {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn location(&self) -> &str {
        self.headers[header::LOCATION].to_str().unwrap()
    }

    /// Value of a hidden field.
    pub fn field(&self, name: &str) -> String {
        let text = self.text();
        let mark = format!("name=\"{name}\" value=\"");
        let at = text
            .find(&mark)
            .unwrap_or_else(|| panic!("no field {name} in {text}"));
        let rest = &text[at + mark.len()..];
        rest[..rest.find('"').unwrap()].to_owned()
    }
}

pub async fn send(app: &Router, request: Request<Body>) -> Page {
    let response: Response<Body> = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let kind = parts.headers.get(header::CONTENT_TYPE);
    let body = match kind.is_some_and(|kind| kind == "text/event-stream") {
        true => Vec::new(), // it has no end: see `live`
        false => to_bytes(body, 1 << 20).await.unwrap().to_vec(),
    };
    Page {
        status: parts.status,
        headers: parts.headers,
        body,
    }
}

/// Fields as a form sends them.
pub fn encoded(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| {
        text.bytes()
            .map(|b| format!("%{b:02X}"))
            .collect::<String>()
    };
    let pairs = fields
        .iter()
        .map(|(key, value)| format!("{}={}", encode(key), encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

#[derive(Clone)]
pub struct Browser {
    app: Router,
    pub cookies: BTreeMap<String, String>,
    pub origin: Option<String>,
    pub address: [u8; 4],
}

impl Browser {
    pub fn new(app: &Router) -> Self {
        Self {
            app: app.clone(),
            cookies: BTreeMap::new(),
            origin: Some(format!("http://{HOST}")),
            address: [127, 0, 0, 1],
        }
    }

    fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, HOST)
            .header(header::COOKIE, cookies.join("; "))
            .extension(ConnectInfo(SocketAddr::from((self.address, 40_000))))
    }

    async fn send(&mut self, request: Request<Body>) -> Page {
        let page = send(&self.app, request).await;
        for cookie in page.headers.get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        page
    }

    /// Opens a stream of events.
    pub async fn open(&self, path: &str) -> Response<Body> {
        let request = self.request("GET", path).body(Body::empty()).unwrap();
        self.app.clone().oneshot(request).await.unwrap()
    }

    pub async fn get(&mut self, path: &str) -> Page {
        let request = self.request("GET", path).body(Body::empty()).unwrap();
        self.send(request).await
    }

    /// Exactly these fields.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let mut request = self
            .request("POST", path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(origin) = &self.origin {
            request = request.header(header::ORIGIN, origin);
        }
        let request = request.body(Body::from(encoded(fields))).unwrap();
        self.send(request).await
    }

    /// A form with a file, in the order given; the file is the field with a name of its own.
    pub async fn upload(&mut self, path: &str, parts: &[(&str, Option<&str>, &str)]) -> Page {
        const MARK: &str = "----onecode-test";
        let mut body = String::new();
        for (name, file, content) in parts {
            body += &format!("--{MARK}\r\nContent-Disposition: form-data; name=\"{name}\"");
            if let Some(file) = file {
                body += &format!("; filename=\"{file}\"\r\nContent-Type: application/octet-stream");
            }
            body += &format!("\r\n\r\n{content}\r\n");
        }
        body += &format!("--{MARK}--\r\n");
        let kind = format!("multipart/form-data; boundary={MARK}");
        let mut request = self
            .request("POST", path)
            .header(header::CONTENT_TYPE, kind);
        if let Some(origin) = &self.origin {
            request = request.header(header::ORIGIN, origin);
        }
        let request = request.body(Body::from(body)).unwrap();
        self.send(request).await
    }

    /// The fields and the token of the form at `form`.
    pub async fn submit(&mut self, form: &str, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = self.get(form).await.field("form_token");
        let mut all = vec![("form_token", token.as_str())];
        all.extend_from_slice(fields);
        self.post(path, &all).await
    }

    pub async fn sign_in(&mut self, name: &str, password: &str) -> Page {
        let fields = [("name", name), ("password", password)];
        self.submit("/sign-in", "/sign-in", &fields).await
    }
}

/// A house with its portal and somebody of every role.
pub struct Scene {
    pub house: House,
    pub app: Router,
    _folder: tempfile::TempDir,
}

impl Scene {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let house = House::open(folder.path(), NOW).await;
        let app = admin::router(house.portal());
        Self {
            house,
            app,
            _folder: folder,
        }
    }

    pub fn browser(&self) -> Browser {
        Browser::new(&self.app)
    }

    /// Somebody with these roles, signed in. Quick: the account is made by the real link, once.
    pub async fn somebody(&self, roles: Roles) -> Browser {
        let mut secret = [0; 32];
        (self.house.draw())(&mut secret);
        let text: String = secret.iter().map(|b| format!("{b:02x}")).collect();
        let hash = admin::door::secret::hash(&text);
        let act = Act {
            who: "test",
            what: "link made",
            about: "",
            origin: "test",
        };
        let now = self.house.now();
        self.house
            .people
            .add_link(hash, roles, 3_600, &act, now)
            .await
            .unwrap();
        let mut browser = self.browser();
        let path = format!("/welcome/{text}");
        let name = format!("somebody {}", &text[..8]);
        let fields = [
            ("name", name.as_str()),
            ("password", PASSWORD),
            ("again", PASSWORD),
        ];
        let page = browser.submit(&path, &path, &fields).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text());
        browser
    }

    pub async fn owner(&self) -> Browser {
        self.somebody(Roles::of(&[Role::Owner])).await
    }
}
