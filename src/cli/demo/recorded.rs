//! A stream of a model that was recorded: without a model, it shows what agents would see. `sample-replies/recorded-draft.json` holds the
//! request, each delta with its time, and the end, as `deskhand call` printed them.

use std::time::{Duration, Instant};

use anyhow::Context;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::sleep;

use crate::{api::pb, cli::generate::Generated};

const RECORDING: &str = include_str!("../../../sample-replies/recorded-draft.json");
/// A terminal waits no longer than this for the next delta, though the model took its time.
const MAX_PAUSE: Duration = Duration::from_millis(400);

/// A recorded draft.
pub struct Recording {
    /// The model that wrote it, and the day.
    pub model: String,
    pub recorded_on: String,
    pub request: pb::DraftReplyRequest,
    deltas: Vec<RecordedDelta>,
    finished: pb::Finished,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordingFile {
    model: String,
    recorded_on: String,
    request: Value,
    deltas: Vec<RecordedDelta>,
    finished: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordedDelta {
    /// Milliseconds from the call.
    at_ms: u64,
    text: String,
}

impl Recording {
    pub fn read(contract: &DescriptorPool) -> anyhow::Result<Recording> {
        let RecordingFile { model, recorded_on, request, deltas, finished } =
            serde_json::from_str(RECORDING).context("the recorded stream is malformed")?;
        let request = decoded(contract, "deskhand.v1.DraftReplyRequest", request)?;
        let finished = decoded(contract, "deskhand.v1.Finished", finished)?;
        Ok(Recording { model, recorded_on, request, deltas, finished })
    }

    /// Hands each delta to `on_delta`; `paced`: about as fast as it came. The times returned are those of the recording.
    pub async fn play(self, paced: bool, mut on_delta: impl FnMut(&str)) -> Generated {
        let at = |delta: &RecordedDelta| Duration::from_millis(delta.at_ms);
        let mut last = self.deltas.first().map(at).unwrap_or_default();
        let mut due = Instant::now();
        for delta in &self.deltas {
            due += (at(delta) - last.min(at(delta))).min(MAX_PAUSE);
            last = at(delta);
            if paced {
                sleep(due.saturating_duration_since(Instant::now())).await;
            }
            on_delta(&delta.text);
        }
        let usage = self.finished.usage.unwrap_or_default();
        let measured = |milliseconds: i32| Duration::from_millis(u64::try_from(milliseconds).unwrap_or_default());
        Generated {
            streamed: self.deltas.iter().map(|delta| delta.text.as_str()).collect(),
            first_delta: Some(measured(usage.time_to_first_token_ms)),
            total: measured(usage.total_ms),
            end: Ok(self.finished),
        }
    }
}

/// Reads a message of the contract from its JSON.
pub fn decoded<T: Message + Default>(contract: &DescriptorPool, name: &str, json: Value) -> anyhow::Result<T> {
    let description = contract.get_message_by_name(name).with_context(|| format!("the contract has no {name}"))?;
    let message = DynamicMessage::deserialize(description, json).with_context(|| format!("it is not a valid {name}"))?;
    Ok(message.transcode_to()?)
}
