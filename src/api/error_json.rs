//! Errors in JSON: one shape for all calls that are not gRPC, that of the Connect protocol.

use std::{sync::LazyLock, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use http::StatusCode;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::api::{rpc::json_of, status};

/// The descriptors of what errors carry.
static DETAILS: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(tonic_types::pb::FILE_DESCRIPTOR_SET).expect("the descriptors of google.rpc are valid"));

/// An error as the Connect protocol has it: code, message, and each detail as protobuf and, to be read by people and by clients without
/// protobuf, as JSON (`debug`).
pub fn error_json(status: &Status) -> Value {
    let mut error = json!({ "code": connect_code(status.code()), "message": status.message() });
    let details = tonic_types::pb::Status::decode(status.details()).map(|status| status.details).unwrap_or_default();
    if !details.is_empty() {
        error["details"] = details.iter().map(detail_json).collect();
    }
    error
}

fn detail_json(detail: &prost_types::Any) -> Value {
    let name = detail.type_url.rsplit('/').next().unwrap_or_default();
    let mut json = json!({ "type": name, "value": STANDARD_NO_PAD.encode(&detail.value) });
    let decoded = DETAILS.get_message_by_name(name).and_then(|known| DynamicMessage::decode(known, detail.value.as_slice()).ok());
    if let Some(debug) = decoded.as_ref().and_then(json_of) {
        json["debug"] = debug;
    }
    json
}

/// The same error for help pages, which read `error`: it has the reason and the fields in short. Details are in JSON alone.
pub fn help_error_json(status: &Status) -> Value {
    let details = status.get_error_details();
    let fields = details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default();
    let fields: Vec<Value> = fields.iter().map(|bad| json!({ "field": bad.field, "problem": bad.description })).collect();
    let reason = reason(status);
    let mut short = json!({ "code": status::code_name(status.code()), "reason": reason, "message": status.message(), "fields": fields });
    if let Some(wait) = retry_after(status) {
        short["retryAfterSeconds"] = json!(wait.as_secs_f64().ceil());
    }
    let mut error = error_json(status);
    // They have no protobuf.
    let details = error.get_mut("details").and_then(Value::as_array_mut);
    details.into_iter().flatten().filter_map(Value::as_object_mut).for_each(|detail| {
        detail.remove("value");
    });
    error["error"] = short;
    error
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map_or_else(String::new, |info| info.reason.clone())
}

/// The retry delay of a status, if it has one.
pub fn retry_after(status: &Status) -> Option<Duration> {
    status.get_error_details().retry_info().and_then(|retry| retry.retry_delay)
}

/// The name of a code in the Connect protocol.
fn connect_code(code: Code) -> String {
    match code {
        Code::Cancelled => "canceled".to_owned(),
        code => status::code_name(code).to_ascii_lowercase(),
    }
}

/// The HTTP status of an error of a help page.
pub fn help_http_code(status: &Status) -> StatusCode {
    if reason(status) == "REQUEST_TOO_LARGE" { StatusCode::PAYLOAD_TOO_LARGE } else { http_code(status) }
}

/// The HTTP status that the Connect protocol has for a status. Of a method that there is not, it is 404, as for any other path.
pub fn http_code(status: &Status) -> StatusCode {
    match status.code() {
        Code::Unimplemented if reason(status) == "METHOD_UNKNOWN" => StatusCode::NOT_FOUND,
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        Code::InvalidArgument | Code::OutOfRange | Code::FailedPrecondition => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of gRPC and of the Connect protocol, and the latter's HTTP status.
    #[test]
    fn every_code_has_its_names_and_its_http_status() {
        let codes = [
            ("CANCELLED", "canceled", 499),
            ("UNKNOWN", "unknown", 500),
            ("INVALID_ARGUMENT", "invalid_argument", 400),
            ("DEADLINE_EXCEEDED", "deadline_exceeded", 504),
            ("NOT_FOUND", "not_found", 404),
            ("ALREADY_EXISTS", "already_exists", 409),
            ("PERMISSION_DENIED", "permission_denied", 403),
            ("RESOURCE_EXHAUSTED", "resource_exhausted", 429),
            ("FAILED_PRECONDITION", "failed_precondition", 400),
            ("ABORTED", "aborted", 409),
            ("OUT_OF_RANGE", "out_of_range", 400),
            ("UNIMPLEMENTED", "unimplemented", 501),
            ("INTERNAL", "internal", 500),
            ("UNAVAILABLE", "unavailable", 503),
            ("DATA_LOSS", "data_loss", 500),
            ("UNAUTHENTICATED", "unauthenticated", 401),
        ];
        for (number, (grpc, connect, http)) in (1..).zip(codes) {
            let status = Status::new(Code::from_i32(number), "x");
            let error = help_error_json(&status);
            assert_eq!((error["error"]["code"].as_str(), error["code"].as_str()), (Some(grpc), Some(connect)));
            assert_eq!(http_code(&status), http, "{grpc}");
        }
    }

    #[test]
    fn details_come_as_protobuf_and_as_json() {
        let error = error_json(&status::invalid(&[("query".to_owned(), "is required".to_owned())], 0));
        let details = error["details"].as_array().unwrap();
        let of = |name: &str| details.iter().find(|detail| detail["type"] == name).unwrap();
        assert_eq!(of("google.rpc.ErrorInfo")["debug"], json!({ "reason": "INVALID_FIELD", "domain": "deskhand" }));
        assert_eq!(of("google.rpc.BadRequest")["debug"]["fieldViolations"][0]["field"], "query");
        let value = STANDARD_NO_PAD.decode(of("google.rpc.ErrorInfo")["value"].as_str().unwrap()).unwrap();
        assert_eq!(tonic_types::pb::ErrorInfo::decode(value.as_slice()).unwrap().reason, "INVALID_FIELD");
        assert_eq!(http_code(&status::method_unknown()), StatusCode::NOT_FOUND);
        assert_eq!(help_http_code(&status::request_too_large(1 << 20)), StatusCode::PAYLOAD_TOO_LARGE);
    }
}
