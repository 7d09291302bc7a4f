//! The codec: prost's, except that a message that can't be decoded is the caller's error, and names the invalid field.

use std::marker::PhantomData;

use prost::Message;
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder},
};
use tonic_prost::{ProstCodec, ProstEncoder};

use crate::api::status;

/// The codec of every service.
#[derive(Debug, Clone)]
pub struct CheckedCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for CheckedCodec<T, U> {
    fn default() -> CheckedCodec<T, U> {
        CheckedCodec(PhantomData)
    }
}

impl<T, U> Codec for CheckedCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = CheckedDecoder<U>;

    fn encoder(&mut self) -> ProstEncoder<T> {
        ProstCodec::<T, U>::raw_encoder(tonic::codec::BufferSettings::default())
    }

    fn decoder(&mut self) -> CheckedDecoder<U> {
        CheckedDecoder(PhantomData)
    }
}

/// Decodes one message.
#[derive(Debug, Clone)]
pub struct CheckedDecoder<U>(PhantomData<U>);

impl<U: Message + Default> Decoder for CheckedDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        U::decode(buffer).map(Some).map_err(|error| {
            let (field, problem) = invalid_field(&error.to_string());
            status::invalid(&[(field, problem)], 0)
        })
    }
}

/// Reads the field's path from prost's error text, which names the innermost field first: `failed to decode Protobuf message: Inner.text:
/// Outer.field: invalid string value: …`.
fn invalid_field(error: &str) -> (String, String) {
    let error = error.strip_prefix("failed to decode Protobuf message: ").unwrap_or(error);
    let mut path = Vec::new();
    let mut rest = error;
    while let Some((head, tail)) = rest.split_once(": ") {
        match head.split_once('.') {
            Some((message, field)) if !message.contains(' ') && !field.contains(' ') => path.push(field),
            _ => break,
        }
        rest = tail;
    }
    path.reverse();
    let problem = if rest.contains("UTF-8") { "must be valid UTF-8".to_owned() } else { "is not a valid protobuf encoding".to_owned() };
    (path.join("."), problem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::pb;

    #[test]
    fn the_field_that_is_not_utf8_is_named() {
        // AppendEventsRequest { chat_id: "c", events: [Event { message: Message { text: <0xff> } }] }
        let bytes = [0x0a, 1, b'c', 0x12, 6, 0x5a, 4, 0x22, 2, b'a', 0xff];
        let error = pb::AppendEventsRequest::decode(&bytes[..]).unwrap_err();
        let (field, problem) = invalid_field(&error.to_string());
        assert!(field.starts_with("events"), "{field} of {error}");
        assert!(field.ends_with("text"), "{field} of {error}");
        assert_eq!(problem, "must be valid UTF-8");
    }
}
