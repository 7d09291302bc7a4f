//! What every model's text passes after its last token, before the checks of its task: in this order for drafts, rewrites, translations and
//! summaries. Thoughts, tokens and marks were taken care of while it streamed.

use crate::{
    chats::Channel,
    replies::{
        checks::leaks::LeakCheck,
        draft::channel::fitted,
        stream::{GeneratedText, filter::FilteredText, invented_data, unwrap::unwrapped},
    },
};

/// The way out of a text.
pub struct Exit {
    /// The text that a rewrite was made from; empty for others.
    pub original: String,
    /// Where it is to be sent: it then has only what that channel can show. `None` for what stays inside, and for a text whose form is its
    /// writer's.
    pub channel: Option<Channel>,
    /// What it must not repeat.
    pub secrets: LeakCheck,
}

impl Exit {
    /// Takes the wrapping off, fits it to its channel, and takes out what leaked; each with its warnings.
    pub fn pass(&self, mut generated: GeneratedText, filtered: &FilteredText) -> GeneratedText {
        generated.warnings.extend(invented_data(filtered));
        let mut text = unwrapped(&generated.text, &self.original);
        if let Some(channel) = self.channel {
            let (fits, truncated) = fitted(&text, channel);
            text = fits;
            generated.warnings.extend(truncated);
        }
        if let Some((purged, leak)) = self.secrets.purged(&text) {
            text = purged;
            generated.warnings.push(leak);
        }
        GeneratedText { text, ..generated }
    }
}
