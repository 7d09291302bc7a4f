//! What the transport needs to know about each method: its largest request, and whether it streams.

/// For health and reflection, which need no key, in bytes.
const MAX_KEYLESS_BYTES: usize = 4 << 10;
/// For methods that help pages call with a publishable key, in bytes.
const MAX_PUBLIC_BYTES: usize = 64 << 10;
const MAX_REQUEST_BYTES: usize = 4 << 20;
pub(crate) const MAX_PUT_BYTES: usize = 8 << 20;

/// Returns the largest request message of a method, in bytes, by the method's path.
pub fn max_request_bytes(method: &str) -> usize {
    let name = method.strip_prefix("/deskhand.v1.").map(|rest| rest.rsplit('/').next().unwrap_or(rest));
    match name {
        None => MAX_KEYLESS_BYTES,
        Some("Search" | "GetArticle" | "RecordOpen" | "RateArticle") => MAX_PUBLIC_BYTES,
        Some("PutArticles" | "PutCannedAnswers") => MAX_PUT_BYTES,
        Some(_) => MAX_REQUEST_BYTES,
    }
}

/// Whether a method replies with a stream.
pub fn answers_with_stream(method: &str) -> bool {
    let name = method.rsplit('/').next().unwrap_or(method);
    matches!(name, "DraftReply" | "CorrectReply" | "RetoneReply" | "TranslateReply" | "SummarizeChat" | "Watch" | "ServerReflectionInfo")
}

/// Whether a method's request is a stream.
pub fn takes_stream(method: &str) -> bool {
    method.ends_with("/ServerReflectionInfo")
}

#[cfg(test)]
mod tests {
    use prost_reflect::DescriptorPool;

    use super::*;

    #[test]
    fn streams_match_the_descriptors() {
        let mut pool = DescriptorPool::decode(crate::api::DESCRIPTORS).unwrap();
        for set in [tonic_health::pb::FILE_DESCRIPTOR_SET, tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET] {
            pool.decode_file_descriptor_set(set).unwrap();
        }
        for service in pool.services() {
            for method in service.methods() {
                let path = format!("/{}/{}", service.full_name(), method.name());
                assert_eq!(answers_with_stream(&path), method.is_server_streaming(), "{path}");
                assert_eq!(takes_stream(&path), method.is_client_streaming(), "{path}");
            }
        }
    }

    #[test]
    fn less_trusted_callers_may_send_less() {
        for (method, limit) in [
            ("/grpc.health.v1.Health/Check", 4 << 10),
            ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", 4 << 10),
            ("/deskhand.v1.KnowledgeService/Search", 64 << 10),
            ("/deskhand.v1.KnowledgeService/RateArticle", 64 << 10),
            ("/deskhand.v1.ChatService/AppendEvents", 4 << 20),
            ("/deskhand.v1.KnowledgeService/PutArticles", 8 << 20),
        ] {
            assert_eq!(max_request_bytes(method), limit, "{method}");
        }
    }
}
