//! The language of what an agent reads when a call fails.

use std::sync::{Arc, OnceLock};

use http::{HeaderMap, header::ACCEPT_LANGUAGE};
use tonic::{Request, Status};

use crate::{api::status, text::Language};

/// Most languages of `accept-language` that are looked at.
const MAX_ACCEPTED: usize = 20;

/// The languages in which a call's error may be told, by preference: the agent's, which the request may name; those of the metadata
/// `accept-language`; the workspace's. The server adds it to the extensions of every request.
#[derive(Debug, Clone, Default)]
pub struct ErrorLanguage(Arc<Preferences>);

#[derive(Debug, Default)]
struct Preferences {
    agent: OnceLock<Language>,
    accepted: Vec<Language>,
    workspace: OnceLock<Language>,
    /// That of the default workspace, for calls that fail before their own is known.
    default: Option<Language>,
}

impl ErrorLanguage {
    /// The preferences of a call with these headers. `default`: the language of the default workspace.
    pub fn of(headers: &HeaderMap, default: Option<Language>) -> ErrorLanguage {
        ErrorLanguage(Arc::new(Preferences { accepted: accepted(headers), default, ..Preferences::default() }))
    }

    /// The language of the caller's workspace.
    pub fn set_workspace(&self, language: Option<&Language>) {
        language.map(|language| self.0.workspace.set(language.clone()));
    }

    /// The language of the agent that the request names.
    pub(crate) fn set_agent(&self, language: Option<&Language>) {
        language.map(|language| self.0.agent.set(language.clone()));
    }

    /// The same status with a text for the agent.
    pub fn tell(&self, status: &Status) -> Status {
        let Preferences { agent, accepted, workspace, default } = &*self.0;
        status::localized(status, agent.get().into_iter().chain(accepted).chain(workspace.get()).chain(default))
    }
}

/// The preferences of a request.
pub(crate) fn error_language<T>(request: &Request<T>) -> ErrorLanguage {
    request.extensions().get().cloned().unwrap_or_default()
}

/// The languages of `accept-language`, best first. What can't be read is left out.
fn accepted(headers: &HeaderMap) -> Vec<Language> {
    let ranges = headers.get_all(ACCEPT_LANGUAGE).into_iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let weighted = ranges.take(MAX_ACCEPTED).filter_map(|range| {
        let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
        let weight: f32 = weight.trim().strip_prefix("q=")?.parse().ok()?;
        (weight > 0.0).then_some((Language::parse(tag.trim()).ok()?, weight))
    });
    let mut weighted: Vec<(Language, f32)> = weighted.collect();
    weighted.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    weighted.into_iter().map(|(language, _)| language).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_languages_come_best_first() {
        for (value, languages) in [
            ("hu", &["hu"][..]),
            ("en;q=0.5, hu-HU, de;q=0.8", &["hu-HU", "de", "en"]),
            ("*, tr;q=0, fr;q=x, es ; q=0.1, x", &["es"]),
            ("de-AT,de;q=0.9,*;q=0.1", &["de-AT", "de"]),
            ("", &[]),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_LANGUAGE, value.parse().unwrap())]);
            let found: Vec<String> = accepted(&headers).iter().map(Language::to_string).collect();
            assert_eq!(found, languages, "{value}");
        }
    }
}
