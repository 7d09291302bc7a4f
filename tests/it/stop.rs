//! The server stops in time, whatever its clients do, and says so to those whose calls it ends.

use std::time::Duration;

use deskhand::api::pb::{self, reply_service_client::ReplyServiceClient};
use tonic::{Code, transport::Endpoint};

use crate::support::{
    desk::refused,
    process::Process,
    raw_client::{RawHttp2, says},
    raw_model::{RawModel, Step},
};

/// How often it is stopped; more with `DESKHAND_TEST_STOPS`.
const STOPS: usize = 3;
const DRAIN: &str = "500ms";
/// The drain, a second, and what a busy machine takes.
const PATIENCE: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_in_time_whatever_its_clients_do() {
    let stops = std::env::var("DESKHAND_TEST_STOPS").ok().and_then(|stops| stops.parse().ok());
    // A thorough run is made on an idle machine, where a second is enough.
    let patience = if stops.is_some() { Duration::from_millis(1500) } else { PATIENCE };
    for _ in 0..stops.unwrap_or(STOPS) {
        stop_once(patience).await;
    }
}

async fn stop_once(patience: Duration) {
    let half = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"Half\"}}]}\n\n";
    let model = RawModel::start(vec![vec![Step::Write(half.into()), Step::Hang]]).await;
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start_with(&folder.path().join("data"), &model.base_url(), &[("DESKHAND_DRAIN_TIMEOUT", DRAIN)]).await;

    let retone = pb::RetoneReplyRequest { text: "Wait.".into(), tone: pb::Tone::Formal.into(), ..Default::default() };
    let mut streaming = ReplyServiceClient::new(server.channel.clone()).retone_reply(retone.clone()).await.unwrap().into_inner();
    assert!(streaming.message().await.unwrap().is_some());
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
    let stuck_channel = endpoint.initial_stream_window_size(0).connect().await.unwrap();
    let stuck = ReplyServiceClient::new(stuck_channel).retone_reply(retone).await.unwrap();
    let silent = says(&server.address, b"").await;
    let half_said = says(&server.address, b"GET /help HTTP/1.1\r\n").await;
    let idle = RawHttp2::connect([127, 0, 0, 1], &server.address, 1 << 20).await;

    let ended = tokio::spawn(server.terminate(patience));
    let status = streaming.message().await.unwrap_err();
    refused(&status, Code::Unavailable, "SERVER_STOPPING");
    let exit = ended.await.unwrap().expect("it ends in time");
    assert!(exit.success(), "{exit}");
    drop((stuck, silent, half_said, idle));
}
