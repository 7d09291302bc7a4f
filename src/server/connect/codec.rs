//! How messages of the Connect protocol are encoded: JSON or protobuf.

use bytes::Bytes;
use http::HeaderValue;
use tonic::Status;

use crate::{api::Rpc, task};

/// A larger message is transcoded off the threads that serve, in bytes.
const MAX_INLINE: usize = 16 << 10;

/// How messages are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Json,
    Proto,
}

impl Codec {
    pub const ALL: [Codec; 2] = [Codec::Json, Codec::Proto];

    /// The codec of a content type that fits the RPC; parameters such as `charset` change nothing.
    pub fn of_type(content_type: Option<&HeaderValue>, rpc: &Rpc) -> Option<Codec> {
        let content_type = content_type?.to_str().ok()?.split(';').next()?.trim();
        Codec::ALL.into_iter().find(|codec| codec.content_type(rpc).eq_ignore_ascii_case(content_type))
    }

    /// The content type of requests and replies.
    pub fn content_type(self, rpc: &Rpc) -> &'static str {
        match (self, rpc.streams()) {
            (Codec::Json, false) => "application/json",
            (Codec::Proto, false) => "application/proto",
            (Codec::Json, true) => "application/connect+json",
            (Codec::Proto, true) => "application/connect+proto",
        }
    }
}

/// Transcodes a message.
pub(super) async fn transcoded(
    message: Bytes,
    transcode: impl FnOnce(&[u8]) -> Result<Vec<u8>, Status> + Send + 'static,
) -> Result<Bytes, Status> {
    let transcoded = match message.len() > MAX_INLINE {
        true => task::blocking("transcoding", move || transcode(&message)).await?,
        false => transcode(&message),
    };
    transcoded.map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_codec_fits_its_rpc() {
        let (search, draft) =
            (Rpc::at("/deskhand.v1.KnowledgeService/Search").unwrap(), Rpc::at("/deskhand.v1.ReplyService/DraftReply").unwrap());
        let of = |content_type: &'static str, rpc: &Rpc| Codec::of_type(Some(&HeaderValue::from_static(content_type)), rpc);
        assert_eq!(of("application/json", &search), Some(Codec::Json));
        assert_eq!(of("Application/JSON; charset=utf-8", &search), Some(Codec::Json));
        assert_eq!(of("application/proto", &search), Some(Codec::Proto));
        assert_eq!(of("application/connect+json", &draft), Some(Codec::Json));
        for (content_type, rpc) in
            [("application/connect+json", &search), ("application/json", &draft), ("application/jsonp", &search), ("", &search)]
        {
            assert_eq!(of(content_type, rpc), None, "{content_type}");
        }
        assert_eq!(Codec::of_type(None, &search), None);
    }
}
