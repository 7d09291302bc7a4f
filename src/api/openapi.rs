//! The API as an OpenAPI 3.1 document, made from the descriptors: each RPC as it is called over HTTP with JSON.

use std::{collections::BTreeMap, sync::LazyLock};

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, ServiceDescriptor};
use prost_types::FileDescriptorProto;
use serde_json::{Map, Value, json};

use crate::api::rpc::{POOL, Rpc};

const ABOUT: &str = "The service behind a helpdesk's reply box. Every call is an RPC of the same name: this document is made from their \
                     descriptors, and says how they are called with JSON by the Connect protocol (https://connectrpc.com/docs/protocol). \
                     The same calls are served over gRPC and gRPC-Web on the same port. A field that is left out has its default. \
                     A field that a request does not have is an error. A reply has all its fields, but for messages that are not set.";
const STREAMED: &str = "Request and replies are enveloped: before each message stand a byte of flags and the message's length as four bytes, \
                        big-endian. The last envelope has the flag 2 and holds `{}`, or the error as `{\"error\": …}`; the HTTP status is 200 \
                        in either case.";
const HEALTH: &str = "grpc.health.v1.Health";

static DOCUMENT: LazyLock<String> = LazyLock::new(|| document().to_string());

/// The document.
pub fn openapi() -> &'static str {
    &DOCUMENT
}

fn document() -> Value {
    let mut schemas = Schemas::default();
    let (mut tags, mut paths) = (Vec::new(), Map::new());
    for service in POOL.services() {
        tags.push(json!({ "name": service.full_name(), "description": service_comment(&service) }));
        for method in service.methods() {
            paths.insert(format!("/{}/{}", service.full_name(), method.name()), operations(&method, &mut schemas));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Deskhand", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT, "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" } },
        "servers": [{ "url": "/" }],
        "security": [{ "key": [] }],
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer", "description": "A key of `deskhand keys create`." } },
            "parameters": {
                "version": { "name": "Connect-Protocol-Version", "in": "header", "schema": { "const": "1" } },
                "timeout": {
                    "name": "Connect-Timeout-Ms", "in": "header", "description": "The call's deadline, in milliseconds from now.",
                    "schema": { "type": "integer", "minimum": 0, "maximum": 9_999_999_999_u64 },
                },
            },
            "responses": { "error": { "description": "The call failed.", "content": { "application/json": { "schema": schema_ref("Error") } } } },
            "schemas": schemas.finish(),
        },
    })
}

/// The ways to call a method: POST, and GET if it only reads.
fn operations(method: &MethodDescriptor, schemas: &mut Schemas) -> Value {
    let rpc = Rpc(method.clone());
    let (request, reply) = (schemas.of_message(&method.input()), schemas.of_message(&method.output()));
    let content_type = if rpc.streams() { "application/connect+json" } else { "application/json" };
    let comment = comment(method.parent_file().file_descriptor_proto(), method.path());
    let description = if rpc.streams() { format!("{comment}\n\n{STREAMED}") } else { comment.clone() };
    let operation = |http: &str| {
        let mut operation = json!({
            "operationId": format!("{}.{}{http}", method.parent_service().name(), method.name()),
            "tags": [method.parent_service().full_name()],
            "summary": summary(&comment),
            "description": description,
            "responses": {
                "200": { "description": "The reply.", "content": { content_type: { "schema": reply } } },
                "default": { "$ref": "#/components/responses/error" },
            },
        });
        if method.parent_service().full_name() == HEALTH {
            operation["security"] = json!([]);
        }
        operation
    };
    let mut post = operation("");
    post["parameters"] = json!([{ "$ref": "#/components/parameters/version" }, { "$ref": "#/components/parameters/timeout" }]);
    post["requestBody"] = json!({ "required": true, "content": { content_type: { "schema": request } } });
    let mut operations = json!({ "post": post });
    if rpc.is_safe() {
        let mut get = operation(".get");
        get["parameters"] = json!([
            { "name": "connect", "in": "query", "schema": { "const": "v1" } },
            { "name": "encoding", "in": "query", "required": true, "schema": { "const": "json" } },
            { "name": "message", "in": "query", "required": true, "content": { "application/json": { "schema": request } } },
            { "$ref": "#/components/parameters/timeout" },
        ]);
        operations["get"] = get;
    }
    operations
}

/// The schemas of all messages and enums that were named.
#[derive(Default)]
struct Schemas(BTreeMap<String, Value>);

impl Schemas {
    fn of_message(&mut self, message: &MessageDescriptor) -> Value {
        let name = message.full_name();
        if name == "google.protobuf.Timestamp" {
            return json!({ "type": "string", "format": "date-time" });
        }
        if !self.0.contains_key(name) {
            // Held before its fields are looked at, which may be of its own type.
            self.0.insert(name.to_owned(), Value::Null);
            let mut properties = Map::new();
            for field in message.fields() {
                properties.insert(field.json_name().to_owned(), self.of_field(&field));
            }
            let description = comment(message.parent_file_descriptor_proto(), message.path());
            let schema = json!({ "type": "object", "description": description, "properties": properties, "additionalProperties": false });
            self.0.insert(name.to_owned(), schema);
        }
        schema_ref(name)
    }

    fn of_field(&mut self, field: &FieldDescriptor) -> Value {
        let mut description = comment(field.parent_message().parent_file_descriptor_proto(), field.path());
        if let Some(oneof) = field.containing_oneof().filter(|oneof| !oneof.is_synthetic()) {
            description = format!("{description}\n\nOnly one field of `{}` is set.", oneof.name());
        }
        let mut schema = match field.kind() {
            Kind::Message(entry) if field.is_map() => {
                json!({ "type": "object", "additionalProperties": self.of_kind(&entry.map_entry_value_field().kind()) })
            }
            kind if field.is_list() => json!({ "type": "array", "items": self.of_kind(&kind) }),
            kind => self.of_kind(&kind),
        };
        schema["description"] = Value::String(description);
        schema
    }

    fn of_kind(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::Message(message) => self.of_message(message),
            Kind::Enum(values) => self.of_enum(values),
            Kind::Double | Kind::Float => json!({ "type": "number" }),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 | Kind::Uint32 | Kind::Fixed32 => json!({ "type": "integer", "format": "int32" }),
            // As text, since JavaScript's numbers do not hold them all.
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64 => {
                json!({ "type": ["string", "integer"], "format": "int64" })
            }
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::String => json!({ "type": "string" }),
            Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
        }
    }

    fn of_enum(&mut self, values: &EnumDescriptor) -> Value {
        let file = values.parent_file_descriptor_proto();
        let lines = values.values().map(|value| format!("- `{}`: {}", value.name(), comment(file, value.path())));
        let description = format!("{}\n\n{}", comment(file, values.path()), lines.collect::<Vec<_>>().join("\n"));
        let names: Vec<String> = values.values().map(|value| value.name().to_owned()).collect();
        self.0.insert(values.full_name().to_owned(), json!({ "type": "string", "description": description, "enum": names }));
        schema_ref(values.full_name())
    }

    /// Adds what errors are made of.
    fn finish(mut self) -> BTreeMap<String, Value> {
        let codes = [
            "canceled",
            "unknown",
            "invalid_argument",
            "deadline_exceeded",
            "not_found",
            "already_exists",
            "permission_denied",
            "resource_exhausted",
            "failed_precondition",
            "aborted",
            "out_of_range",
            "unimplemented",
            "internal",
            "unavailable",
            "data_loss",
            "unauthenticated",
        ];
        let detail = json!({
            "type": "object",
            "description": "A message of google.rpc. Each error has an ErrorInfo, whose `reason` never changes its meaning, and a \
                            LocalizedMessage, which may be shown to the agent.",
            "properties": {
                "type": { "type": "string", "description": "Its type, such as `google.rpc.ErrorInfo`." },
                "value": { "type": "string", "description": "Encoded as protobuf, in base64 without padding." },
                "debug": { "description": "The same as JSON." },
            },
            "required": ["type", "value"],
        });
        let error = json!({
            "type": "object",
            "description": "Why a call failed.",
            "properties": {
                "code": { "type": "string", "enum": codes },
                "message": { "type": "string", "description": "What is wrong and what is allowed, for the operator, in English." },
                "details": { "type": "array", "items": schema_ref("ErrorDetail") },
            },
            "required": ["code"],
        });
        self.0.extend([("ErrorDetail".to_owned(), detail), ("Error".to_owned(), error)]);
        self.0
    }
}

fn schema_ref(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn service_comment(service: &ServiceDescriptor) -> String {
    comment(service.parent_file().file_descriptor_proto(), service.path())
}

/// The comment above what stands at a path of a file.
fn comment(file: &FileDescriptorProto, path: &[i32]) -> String {
    let locations = file.source_code_info.as_ref().map(|info| info.location.as_slice()).unwrap_or_default();
    let comment = locations.iter().find(|location| location.path == path).map(|location| location.leading_comments()).unwrap_or_default();
    comment.lines().map(str::trim).collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The first sentence of a comment.
fn summary(comment: &str) -> String {
    let line = comment.replace('\n', " ");
    line.split_inclusive(". ").next().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// All `$ref`s of a document.
    fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    found.insert(reference);
                }
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_schema_is_used() {
        let document = document();
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        for reference in &found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some_and(Value::is_object), "{reference}");
        }
        for name in document["components"]["schemas"].as_object().unwrap().keys() {
            assert!(found.contains(format!("#/components/schemas/{name}").as_str()), "{name} is not used");
        }
        let ids: Vec<&str> = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .flat_map(|path| path.as_object().unwrap().values())
            .map(|operation| operation["operationId"].as_str().unwrap())
            .collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "each operation has an id of its own");
    }

    #[test]
    fn fields_are_named_and_typed_as_in_json() {
        let document = document();
        let schema = |pointer: &str| document.pointer(&format!("/components/schemas/deskhand.v1.{pointer}")).unwrap().clone();
        assert_eq!(schema("GetChatRequest/properties/afterSequence/type"), json!(["string", "integer"]));
        assert_eq!(schema("Event/properties/at/format"), "date-time");
        assert_eq!(schema("Article/properties/tags/items/type"), "string");
        assert_eq!(schema("Tone/enum/0"), "TONE_UNSPECIFIED");
        assert_eq!(schema("Record/properties/values/additionalProperties/type"), "string");
        assert!(schema("Article/properties/id/description").as_str().unwrap().contains("1 to 200 bytes"));
        assert!(schema("Event/properties/message/description").as_str().unwrap().contains("Only one field of `body`"));
    }
}
