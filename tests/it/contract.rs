//! The contract as served: reflection, health, and the implemented methods.

use tokio_stream::StreamExt;
use tonic::{Code, Status};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_reflection::pb::{v1, v1alpha};

use crate::support::desk::{Desk, eventually, refused};

/// Every RPC of the contract.
const METHODS: &[&str] = &[
    "ChatService/AppendEvents",
    "ChatService/EraseCustomer",
    "ChatService/ExportCustomer",
    "ChatService/ExportTranscript",
    "ChatService/GetChat",
    "ChatService/ListChats",
    "ChatService/ListPromises",
    "ChatService/Watch",
    "KeyService/MintAgentKey",
    "KnowledgeService/CheckDocuments",
    "KnowledgeService/DeleteArticles",
    "KnowledgeService/DeleteCannedAnswers",
    "KnowledgeService/DeleteGlossaryTerms",
    "KnowledgeService/DeleteSynonyms",
    "KnowledgeService/GetArticle",
    "KnowledgeService/GetHelpReport",
    "KnowledgeService/GetSearchReport",
    "KnowledgeService/GetVoice",
    "KnowledgeService/ListArticles",
    "KnowledgeService/ListCannedAnswers",
    "KnowledgeService/ListGlossaryTerms",
    "KnowledgeService/ListSynonyms",
    "KnowledgeService/PutArticles",
    "KnowledgeService/PutCannedAnswers",
    "KnowledgeService/PutGlossaryTerms",
    "KnowledgeService/PutSynonyms",
    "KnowledgeService/PutVoice",
    "KnowledgeService/RateArticle",
    "KnowledgeService/RecordOpen",
    "KnowledgeService/Search",
    "ReplyService/CheckReply",
    "ReplyService/CorrectReply",
    "ReplyService/DraftReply",
    "ReplyService/GetReplyReport",
    "ReplyService/RecordOutcome",
    "ReplyService/RetoneReply",
    "ReplyService/SuggestAnswers",
    "ReplyService/SummarizeChat",
    "ReplyService/TranslateReply",
];

#[test]
fn every_method_is_there_and_everything_is_commented() {
    let pool = prost_reflect::DescriptorPool::decode(deskhand::api::DESCRIPTORS).unwrap();
    let mut methods: Vec<String> = Vec::new();
    for service in pool.services() {
        methods.extend(service.methods().map(|method| format!("{}/{}", service.name(), method.name())));
    }
    methods.sort();
    assert_eq!(methods, METHODS);

    for file in pool.files().filter(|file| file.package_name() == "deskhand.v1") {
        let info = file.file_descriptor_proto().source_code_info.as_ref().unwrap();
        let commented: std::collections::HashSet<&[i32]> =
            info.location.iter().filter(|location| location.leading_comments.is_some()).map(|location| location.path.as_slice()).collect();
        for location in &info.location {
            // Messages, enums and services; their fields, oneofs, values and methods; nested likewise.
            let item = matches!(location.path.as_slice(), [4..=6, _] | [4, _, 2 | 8, _] | [5, _, 2, _] | [6, _, 2, _]);
            // The entry message of a map is the compiler's.
            let generated = location.span.is_empty();
            assert!(
                !item || generated || commented.contains(location.path.as_slice()),
                "{} {:?} has no comment",
                file.name(),
                location.path
            );
        }
    }
}

#[tokio::test]
async fn reflection_lists_the_services_in_both_versions() {
    let desk = Desk::empty().await;
    let expected = ["deskhand.v1.ChatService", "deskhand.v1.KnowledgeService", "deskhand.v1.ReplyService", "grpc.health.v1.Health"];

    let mut client = v1::server_reflection_client::ServerReflectionClient::new(desk.channel.clone());
    let request = v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1::server_reflection_request::MessageRequest::ListServices(String::new())),
    };
    let reply = client.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner().next().await.unwrap().unwrap();
    let Some(v1::server_reflection_response::MessageResponse::ListServicesResponse(list)) = reply.message_response else {
        panic!("{reply:?}")
    };
    let names: Vec<String> = list.service.into_iter().map(|service| service.name).collect();
    assert!(expected.iter().all(|name| names.contains(&(*name).to_owned())), "{names:?}");

    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(desk.channel.clone());
    let request = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol("deskhand.v1.ChatService".into())),
    };
    let reply = client.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner().next().await.unwrap().unwrap();
    assert!(matches!(reply.message_response, Some(v1alpha::server_reflection_response::MessageResponse::FileDescriptorResponse(_))));
    desk.close().await;
}

#[tokio::test]
async fn health_reports_each_service() {
    let desk = Desk::empty().await;
    for service in ["", "deskhand.v1.ReplyService", "deskhand.v1.ChatService", "deskhand.v1.KnowledgeService"] {
        eventually("every service comes to serve", || {
            let mut client = HealthClient::new(desk.channel.clone());
            async move {
                let reply = client.check(HealthCheckRequest { service: service.into() }).await;
                reply.is_ok_and(|reply| reply.into_inner().status() == ServingStatus::Serving)
            }
        })
        .await;
    }
    let mut client = HealthClient::new(desk.channel.clone());
    let status = client.check(HealthCheckRequest { service: "no.such.Service".into() }).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    desk.close().await;
}

/// By gRPC's health protocol.
#[tokio::test]
async fn watching_an_unknown_service_reports_it_and_waits() {
    let desk = Desk::empty().await;
    let mut client = HealthClient::new(desk.channel.clone());
    let mut watched = client.watch(HealthCheckRequest { service: "no.such.Service".into() }).await.unwrap().into_inner();
    let first = watched.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::ServiceUnknown);
    let next = tokio::time::timeout(std::time::Duration::from_millis(300), watched.message()).await;
    assert!(next.is_err(), "it stays open, and says nothing new: {next:?}");
    let mut watched = client.watch(HealthCheckRequest { service: "deskhand.v1.ReplyService".into() }).await.unwrap().into_inner();
    while watched.message().await.unwrap().unwrap().status() != ServingStatus::Serving {}
    desk.close().await;
}

#[tokio::test]
async fn a_request_that_is_no_whole_message_is_the_callers_fault() {
    let desk = Desk::empty().await;
    let whole = b"\0\0\0\0\x03\x0a\x01c".to_vec();
    for (what, body) in [
        ("nothing", Vec::new()),
        ("half a head", whole[..3].to_vec()),
        ("half a message", whole[..7].to_vec()),
        ("a frame of no kind", [&[7][..], &whole[1..]].concat()),
    ] {
        for method in ["ChatService/GetChat", "ReplyService/DraftReply", "KnowledgeService/Search"] {
            let result = Status::from_header_map(&desk.post_grpc(&format!("deskhand.v1.{method}"), &[], body.clone()).await).unwrap();
            assert_eq!(result.code(), Code::InvalidArgument, "{what} to {method}: {result:?}");
            refused(&result, Code::InvalidArgument, "INVALID_FIELD");
        }
    }
    let result = Status::from_header_map(&desk.post_grpc("deskhand.v1.ChatService/GetChat", &[], whole).await).unwrap();
    refused(&result, Code::NotFound, "CHAT_NOT_FOUND");
    desk.close().await;
}

#[tokio::test]
async fn unsupported_compression_is_rejected_with_the_supported_ones() {
    let desk = Desk::empty().await;
    for coding in ["gzip", "deflate", "zstd"] {
        let headers = desk.post_grpc("deskhand.v1.ChatService/GetChat", &[("grpc-encoding", coding)], vec![1, 0, 0, 0, 0]).await;
        refused(&Status::from_header_map(&headers).unwrap(), Code::Unimplemented, "COMPRESSION_UNKNOWN");
        assert_eq!(headers["grpc-accept-encoding"], "identity", "{coding}");
    }
    desk.close().await;
}

#[tokio::test]
async fn an_unknown_method_is_named_so() {
    let desk = Desk::empty().await;
    let mut client = tonic::client::Grpc::new(desk.channel.clone());
    client.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    let path = http::uri::PathAndQuery::from_static("/deskhand.v1.ChatService/DropEverything");
    let status = client.unary(tonic::Request::new(()), path, codec).await.unwrap_err();
    refused(&status, Code::Unimplemented, "METHOD_UNKNOWN");
    desk.close().await;
}
