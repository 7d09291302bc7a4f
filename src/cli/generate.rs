//! Calls of the methods that generate a text: its deltas as they arrive, then its end.

use std::time::{Duration, Instant};

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, Value};
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codegen::http::uri::PathAndQuery,
    transport::{Channel, Endpoint},
};

use crate::{
    api::pb,
    cli::dynamic::{self, DynamicCodec, pool},
};

/// A client of the generating methods, which differ in their requests alone.
pub struct Generator {
    contract: DescriptorPool,
    channel: Channel,
}

/// What came of a call.
pub struct Generated {
    /// The deltas, joined.
    pub streamed: String,
    /// From the call to its first delta; `None` if there was none.
    pub first_delta: Option<Duration>,
    /// From the call to its end.
    pub total: Duration,
    pub end: Result<pb::Finished, Status>,
}

impl Generator {
    pub fn new(channel: Channel) -> anyhow::Result<Generator> {
        Ok(Generator { contract: pool()?, channel })
    }

    /// Calls a method of ReplyService by its name, and hands each delta to `on_delta` as it arrives.
    pub async fn call(&self, method: &str, request: &impl Message, deadline: Duration, mut on_delta: impl FnMut(&str)) -> Generated {
        let started = Instant::now();
        let (mut streamed, mut first_delta) = (String::new(), None);
        let show = |delta: &str| {
            first_delta.get_or_insert_with(|| started.elapsed());
            streamed.push_str(delta);
            on_delta(delta);
        };
        let end = self.stream(method, request, deadline, show).await.map_err(|status| timely(status, deadline));
        Generated { streamed, first_delta, total: started.elapsed(), end }
    }

    async fn stream(
        &self,
        method: &str,
        request: &impl Message,
        deadline: Duration,
        mut on_delta: impl FnMut(&str),
    ) -> Result<pb::Finished, Status> {
        let method =
            dynamic::method(&self.contract, &format!("ReplyService/{method}")).ok_or_else(|| Status::internal("no such method"))?;
        let malformed = |error: prost::DecodeError| Status::internal(error.to_string());
        let request = DynamicMessage::decode(method.input(), request.encode_to_vec().as_slice()).map_err(malformed)?;
        let path = PathAndQuery::try_from(format!("/{}/{}", method.parent_service().full_name(), method.name()));
        let path = path.map_err(|error| Status::internal(error.to_string()))?;
        let mut request = Request::new(request);
        request.set_timeout(deadline);
        let mut client = Grpc::new(self.channel.clone());
        client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let mut stream = client.server_streaming(request, path, DynamicCodec { output: method.output() }).await?.into_inner();
        let mut end = None;
        while let Some(message) = stream.message().await? {
            match (message.get_field_by_name("delta").as_deref(), message.get_field_by_name("finished").as_deref()) {
                (_, Some(Value::Message(finished))) if message.has_field_by_name("finished") => {
                    end = Some(finished.transcode_to::<pb::Finished>().map_err(malformed)?);
                }
                (Some(Value::String(delta)), _) => on_delta(delta),
                _ => {}
            }
        }
        end.ok_or_else(|| Status::internal("the stream ended without `finished`"))
    }
}

/// Connects to a server of ours.
pub async fn connect(address: std::net::SocketAddr) -> anyhow::Result<Channel> {
    Ok(Endpoint::from_shared(format!("http://{address}"))?.connect().await?)
}

/// A status as the server means it: the client has the same deadline, and may tell of it first, by another code.
fn timely(status: Status, deadline: Duration) -> Status {
    if status.code() == Code::Cancelled && status.details().is_empty() {
        return Status::deadline_exceeded(format!("the call took longer than its deadline of {} s", deadline.as_secs()));
    }
    status
}
