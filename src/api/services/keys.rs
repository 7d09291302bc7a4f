//! Handlers of KeyService.

use std::time::Duration;

use tonic::{Request, Response};

use crate::{
    api::{
        Api, Reply, access,
        acting::acting,
        convert::{event::encode_time, fields::Fields},
        pb::{self, key_service_server::KeyService},
        services::replies::MAX_GROUPS,
    },
    keys::{KeyError, NewAgentKey},
};

/// Most chats of a key.
const MAX_CHATS: usize = 100;
const DEFAULT_LIFETIME: i32 = 3600;
const MAX_LIFETIME: i32 = 12 * 3600;

#[tonic::async_trait]
impl KeyService for Api {
    async fn mint_agent_key(&self, request: Request<pb::MintAgentKeyRequest>) -> Reply<pb::MintAgentKeyResponse> {
        acting(&request).must_not_be_an_agent("make keys")?;
        let parent = access(&request).key.clone();
        let pb::MintAgentKeyRequest { agent_id, name, groups, chat_ids, lifetime_seconds } = request.into_inner();
        let mut fields = Fields::default();
        let new = NewAgentKey {
            agent_id: fields.id("agent_id", agent_id).to_string(),
            name: fields.id("name", name).to_string(),
            groups: ids(&mut fields, "groups", groups, MAX_GROUPS),
            chat_ids: ids(&mut fields, "chat_ids", chat_ids, MAX_CHATS),
            lifetime: lifetime(&mut fields, lifetime_seconds),
        };
        fields.ok()?;
        let parent = parent.ok_or(KeyError::Missing)?;
        let Some((key, expires_at)) = self.minter.mint(&parent.key, new) else {
            fields.invalid("chat_ids", "and the other fields make the key longer than 4 KiB; name fewer, or none for all chats");
            return Err(fields.ok().expect_err("a violation was added"));
        };
        Ok(Response::new(pb::MintAgentKeyResponse { key, expires_at: Some(encode_time(expires_at)) }))
    }
}

fn ids(fields: &mut Fields, field: &str, ids: Vec<String>, max: usize) -> Vec<String> {
    if ids.len() > max {
        fields.invalid(field, format!("must have at most {max} entries"));
    }
    ids.into_iter().take(max).enumerate().map(|(index, id)| fields.id(&format!("{field}[{index}]"), id).to_string()).collect()
}

fn lifetime(fields: &mut Fields, seconds: i32) -> Duration {
    if !(0..=MAX_LIFETIME).contains(&seconds) {
        fields.invalid("lifetime_seconds", format!("must be from 0 to {MAX_LIFETIME} seconds; 0 is {DEFAULT_LIFETIME}"));
    }
    let seconds = if seconds == 0 { DEFAULT_LIFETIME } else { seconds };
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}
