//! The document of the API, OpenAPI 3.1, made from the table.

use super::operation::{JSON, Operation};
use super::problem::{self, PROBLEM, Problem};
use super::{table, words};
use crate::refusal::Refusal;
use axum::http::{Method, header};
use axum::response::{IntoResponse as _, Response};
use std::sync::OnceLock;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{OperationBuilder, PathItem, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{Components, ComponentsBuilder};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    HttpMethod, InfoBuilder, OpenApi, OpenApiBuilder, Ref, Required, ResponseBuilder,
    ResponsesBuilder,
};
use utoipa::{PartialSchema as _, ToSchema as _};

const TITLE: &str = "OneCode";
const ABOUT: &str = "Things and their codes, places, money and payments. Send a token as bearer; \
    amounts are in the smallest unit of their currency, times are seconds since 1970. Lists are \
    newest first, and `next` goes on as `cursor`. A call that changes something may carry an \
    Idempotency-Key. What is refused is answered by a problem document of a closed list of types.";
const TOKEN: &str = "token";

/// The document.
pub fn document() -> OpenApi {
    let mut paths = PathsBuilder::new();
    let mut components = ComponentsBuilder::new()
        .schema(Problem::name(), Problem::schema())
        .schemas_from_iter(words::schemas())
        .security_scheme(
            TOKEN,
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
        );
    for operation in table() {
        let method = match operation.method {
            Method::POST => HttpMethod::Post,
            _ => HttpMethod::Get,
        };
        for (name, schema) in &operation.told.schemas {
            components = components.schema(name, schema.clone());
        }
        let item = PathItem::new(method, described(&operation));
        paths = paths.path(operation.path, item);
    }
    let components: Components = components.build();
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title(TITLE)
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(ABOUT)),
        )
        .paths(paths)
        .components(Some(components))
        .security(Some([SecurityRequirement::new(TOKEN, [""; 0])]))
        .build()
}

fn described(operation: &Operation) -> utoipa::openapi::path::Operation {
    let told = &operation.told;
    let (roles, scope) = told.takes;
    let mut answers = ResponseBuilder::new().description("As asked.");
    for (kind, schema) in &told.answers {
        let content = ContentBuilder::new().schema(Some(schema.clone())).build();
        answers = answers.content(*kind, content);
    }
    let mut responses = ResponsesBuilder::new().response("200", answers.build());
    for (status, sentences) in statuses(operation) {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name())));
        let response = ResponseBuilder::new()
            .description(sentences)
            .content(PROBLEM, content.build());
        responses = responses.response(status.to_string(), response.build());
    }
    let body = told.body.as_ref().map(|(kind, schema)| {
        RequestBodyBuilder::new()
            .required(Some(Required::True))
            .content(
                *kind,
                ContentBuilder::new().schema(Some(schema.clone())).build(),
            )
            .build()
    });
    OperationBuilder::new()
        .operation_id(Some(name(operation)))
        .tag(scope.part.word())
        .summary(Some(told.summary))
        .description(Some(format!(
            "Takes one of the roles {roles}, and the scope {scope}."
        )))
        .parameters(Some(told.parameters.clone()))
        .request_body(body)
        .responses(responses)
        .build()
}

/// The problems that an operation may answer, by status.
fn statuses(operation: &Operation) -> Vec<(u16, String)> {
    let writes = operation.method == Method::POST;
    let mut statuses: Vec<(u16, String)> = Vec::new();
    for kind in problem::TYPES {
        let fits = match kind.status {
            405 => false,
            409 | 413 | 415 => writes,
            404 => writes || operation.path.contains('{'),
            _ => true,
        };
        match statuses
            .iter_mut()
            .find(|(status, _)| *status == kind.status)
        {
            Some((_, sentences)) if fits => {
                sentences.push(' ');
                sentences.push_str(kind.cause);
            }
            None if fits => statuses.push((kind.status, kind.cause.to_owned())),
            _ => {}
        }
    }
    statuses
}

/// `get_codes_code_life`.
fn name(operation: &Operation) -> String {
    let path = operation.path.strip_prefix(super::ROOT).unwrap_or_default();
    let words = path.split(|c: char| !c.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    let method = operation.method.as_str().to_ascii_lowercase();
    std::iter::once(method.as_str())
        .chain(words)
        .collect::<Vec<_>>()
        .join("_")
}

/// The document as a file.
pub async fn show() -> Result<Response, Refusal> {
    static TEXT: OnceLock<Option<String>> = OnceLock::new();
    let text = TEXT.get_or_init(|| document().to_json().ok());
    let text = text.as_deref().ok_or(Refusal::Broken)?;
    Ok(([(header::CONTENT_TYPE, JSON)], text).into_response())
}
