//! Dynamic gRPC calls: messages are built from the descriptors, so that any method can be called by name without generated code.

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, MethodDescriptor};
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

use crate::api::DESCRIPTORS;

/// The descriptors of Deskhand's services and of the gRPC health service.
pub fn pool() -> anyhow::Result<DescriptorPool> {
    let mut pool = DescriptorPool::decode(DESCRIPTORS)?;
    pool.decode_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)?;
    Ok(pool)
}

/// Finds `SERVICE/METHOD`; the service's package may be left out.
pub fn method(pool: &DescriptorPool, name: &str) -> Option<MethodDescriptor> {
    let name = name.trim_start_matches('/');
    let (service, method) = name.split_once('/').or_else(|| name.rsplit_once('.'))?;
    let service = pool.services().find(|known| known.full_name() == service || known.name() == service)?;
    service.methods().find(|known| known.name() == method)
}

/// Every method's name, for the error about an unknown one.
pub fn method_names(pool: &DescriptorPool) -> Vec<String> {
    let mut names = Vec::new();
    for service in pool.services() {
        names.extend(service.methods().map(|method| format!("{}/{}", service.name(), method.name())));
    }
    names
}

/// Encodes and decodes by descriptor.
#[derive(Clone)]
pub struct DynamicCodec {
    pub output: MessageDescriptor,
}

impl Codec for DynamicCodec {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = DynamicEncoder;
    type Decoder = DynamicCodec;

    fn encoder(&mut self) -> DynamicEncoder {
        DynamicEncoder
    }

    fn decoder(&mut self) -> DynamicCodec {
        self.clone()
    }
}

/// Encodes a message.
pub struct DynamicEncoder;

impl Encoder for DynamicEncoder {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, message: DynamicMessage, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        message.encode(buffer).map_err(|error| Status::internal(error.to_string()))
    }
}

impl Decoder for DynamicCodec {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        let decoded = DynamicMessage::decode(self.output.clone(), buffer);
        decoded.map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}
