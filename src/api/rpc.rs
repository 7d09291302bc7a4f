//! RPCs by their descriptors, and their messages in protobuf's JSON mapping.

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor, MethodDescriptor, SerializeOptions};
use prost_types::method_options::IdempotencyLevel;
use serde::Serialize;
use tonic::Status;

use crate::api::{DESCRIPTORS, status};

/// Most characters of a JSON problem that are told: it may quote the whole value.
const MAX_PROBLEM: usize = 300;

/// The descriptors of the services that are served as JSON: Deskhand's own, and health.
pub(super) static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let mut pool = DescriptorPool::decode(DESCRIPTORS).expect("the build's descriptors are valid");
    pool.decode_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET).expect("the health service's descriptors are valid");
    pool
});

/// Whether a path is of a service that is served as JSON, whether or not it has such a method.
pub fn is_of_service(path: &str) -> bool {
    path.strip_prefix('/').and_then(|path| path.split_once('/')).is_some_and(|(service, _)| POOL.get_service_by_name(service).is_some())
}

/// An RPC.
#[derive(Debug, Clone)]
pub struct Rpc(pub(super) MethodDescriptor);

impl Rpc {
    /// Returns the RPC at a path, `/SERVICE/METHOD`.
    pub fn at(path: &str) -> Option<Rpc> {
        let (service, method) = path.strip_prefix('/')?.split_once('/')?;
        POOL.get_service_by_name(service)?.methods().find(|known| known.name() == method).map(Rpc)
    }

    /// Its path.
    pub fn path(&self) -> String {
        format!("/{}/{}", self.0.parent_service().full_name(), self.0.name())
    }

    /// Whether it changes nothing (`NO_SIDE_EFFECTS`), so that it may be called with GET.
    pub fn is_safe(&self) -> bool {
        let options = self.0.method_descriptor_proto().options.as_ref();
        options.is_some_and(|options| options.idempotency_level() == IdempotencyLevel::NoSideEffects)
    }

    /// Whether it replies with a stream.
    pub fn streams(&self) -> bool {
        self.0.is_server_streaming()
    }

    /// Encodes a request that came as JSON. A field that the request does not have is an error.
    pub fn request_of_json(&self, json: &[u8]) -> Result<Vec<u8>, Status> {
        Ok(message_of_json(self.0.input(), json).map_err(|error| json_refused(&error))?.encode_to_vec())
    }

    /// Writes an encoded reply as JSON; defaults are written, too.
    pub fn reply_to_json(&self, reply: &[u8]) -> Result<Vec<u8>, Status> {
        let message = DynamicMessage::decode(self.0.output(), reply).map_err(|_| status::broken(false))?;
        let mut json = Vec::with_capacity(2 * reply.len());
        let mut writer = serde_json::Serializer::new(&mut json);
        message.serialize_with_options(&mut writer, &all_fields()).map_err(|_| status::broken(false))?;
        Ok(json)
    }
}

/// Writes fields with their defaults, too: who reads a reply by hand finds each of them.
pub(super) fn all_fields() -> SerializeOptions {
    SerializeOptions::new().skip_default_fields(false)
}

/// Reads one message of JSON, and nothing after it.
pub(super) fn message_of_json(descriptor: MessageDescriptor, json: &[u8]) -> Result<DynamicMessage, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let message = DynamicMessage::deserialize_with_options(descriptor, &mut reader, &options)?;
    reader.end().map(|()| message)
}

/// A message of any type as JSON.
pub(super) fn json_of(message: &DynamicMessage) -> Option<serde_json::Value> {
    message.serialize(serde_json::value::Serializer).ok()
}

/// The status of a request that is not its message in JSON. A field that there is not is named.
fn json_refused(error: &serde_json::Error) -> Status {
    let problem: String = error.to_string().chars().take(MAX_PROBLEM).collect();
    let unknown = problem.strip_prefix("unrecognized field name '").and_then(|rest| rest.rsplit_once("' at "));
    let (field, problem) = match unknown {
        Some((field, place)) => (field.to_owned(), format!("is not a field of this message ({place})")),
        None => ("request".to_owned(), format!("is not this call's message in JSON: {problem}")),
    };
    status::invalid(&[(field, problem)], 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tonic::Code;
    use tonic_types::StatusExt;

    use super::*;
    use crate::api::pb;

    fn rpc(name: &str) -> Rpc {
        Rpc::at(&format!("/deskhand.v1.{name}")).unwrap()
    }

    fn field_of(status: &Status) -> String {
        assert_eq!(status.code(), Code::InvalidArgument);
        status.get_error_details().bad_request().unwrap().field_violations[0].field.clone()
    }

    proptest! {
        /// What was encoded from JSON is written as the same JSON.
        #[test]
        fn json_comes_back(chat_id in ".{0,20}", after in any::<i64>(), page_size in any::<i32>()) {
            let rpc = rpc("ChatService/GetChat");
            let json = serde_json::json!({ "chatId": chat_id, "afterSequence": after.to_string(), "pageSize": page_size });
            let encoded = rpc.request_of_json(json.to_string().as_bytes()).unwrap();
            let expected = pb::GetChatRequest { chat_id, after_sequence: after, page_size };
            prop_assert_eq!(encoded, expected.encode_to_vec());
        }

        #[test]
        fn any_bytes_are_a_message_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let rpc = rpc("ReplyService/DraftReply");
            if let Err(status) = rpc.request_of_json(&bytes) {
                prop_assert_eq!(status.code(), Code::InvalidArgument);
            }
        }
    }

    #[test]
    fn a_field_that_there_is_not_is_named() {
        let search = rpc("KnowledgeService/Search");
        assert_eq!(field_of(&search.request_of_json(br#"{"query": "a", "querry": "b"}"#).unwrap_err()), "querry");
        let append = rpc("ChatService/AppendEvents");
        let nested = append.request_of_json(br#"{"chatId": "c", "events": [{"message": {"txt": "a"}}]}"#).unwrap_err();
        assert_eq!(field_of(&nested), "txt");
        for not_json in ["", "{", "[]", "{} {}", r#"{"limit": "many"}"#, r#"{"query": 1}"#] {
            assert_eq!(field_of(&search.request_of_json(not_json.as_bytes()).unwrap_err()), "request", "{not_json}");
        }
        // Both names of a field are read.
        assert_eq!(append.request_of_json(br#"{"chat_id": "c"}"#).unwrap(), append.request_of_json(br#"{"chatId": "c"}"#).unwrap());
    }

    #[test]
    fn a_long_value_is_not_told_back_whole() {
        let long = format!(r#"{{"limit": "{}"}}"#, "x".repeat(100_000));
        let refused = rpc("KnowledgeService/Search").request_of_json(long.as_bytes()).unwrap_err();
        assert!(refused.message().len() < 1_000, "{}", refused.message().len());
    }

    #[test]
    fn calls_that_only_read_may_be_made_with_get() {
        let safe: Vec<String> = POOL
            .services()
            .flat_map(|service| service.methods().collect::<Vec<_>>())
            .map(Rpc)
            .filter(Rpc::is_safe)
            .map(|rpc| rpc.0.name().to_owned())
            .collect();
        assert_eq!(
            safe,
            [
                "GetChat",
                "ListChats",
                "ListPromises",
                "ExportTranscript",
                "Search",
                "GetArticle",
                "ListArticles",
                "ListCannedAnswers",
                "GetSearchReport",
                "GetHelpReport",
                "GetVoice",
                "ListGlossaryTerms",
                "ListSynonyms",
                "GetReplyReport"
            ]
        );
    }
}
