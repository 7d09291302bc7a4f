//! Voice, glossary and synonyms, between a server and a folder.

use std::collections::{BTreeMap, HashSet};

use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{
    api::pb,
    cli::{
        call::describe,
        connection::Connection,
        import::account::{Account, Place, is_fatal},
    },
    knowledge::{FolderWording, Term, Voice},
    text::fingerprint,
};

/// Most entries of one call and of a page: the API's limit.
const MAX_ENTRIES: usize = 1000;

/// Returns what the server has.
pub async fn fetch(connection: &Connection) -> Result<FolderWording, Status> {
    let call = async |request| connection.knowledge().get_voice(request).await;
    let voice = connection.send(pb::GetVoiceRequest {}, call).await?.voice.unwrap_or_default();
    let voice = Voice { text: voice.text, several_messages: voice.several_messages, sign_off: voice.sign_off };
    let mut wording = FolderWording { voice: (voice != Voice::default()).then_some(voice), ..FolderWording::default() };
    let mut page_token = String::new();
    loop {
        let call = async |request| connection.knowledge().list_glossary_terms(request).await;
        let page = connection.send(pb::ListGlossaryTermsRequest { page_size: MAX_ENTRIES as i32, page_token }, call).await?;
        let term = |pb::GlossaryTerm { term, keep, words, .. }: pb::GlossaryTerm| Term { term, keep, words: words.into_iter().collect() };
        wording.glossary.extend(page.terms.into_iter().map(term));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    for pb::SynonymGroup { language, words, .. } in groups(connection).await? {
        // A region's synonyms serve its whole language.
        let language = language.split('-').next().unwrap_or_default().to_owned();
        wording.synonyms.entry(language).or_default().push(words);
    }
    // The same groups make the same file, whatever their ids are.
    wording.synonyms.values_mut().for_each(|groups| groups.sort());
    Ok(wording)
}

async fn groups(connection: &Connection) -> Result<Vec<pb::SynonymGroup>, Status> {
    let (mut groups, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListSynonymsRequest { page_size: MAX_ENTRIES as i32, page_token, ..pb::ListSynonymsRequest::default() };
        let call = async |request| connection.knowledge().list_synonyms(request).await;
        let page = connection.send(request, call).await?;
        groups.extend(page.groups);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(groups);
        }
    }
}

/// Sends what a folder has; what the server reads from a folder of its own stays, and is told. The error says why the run can't go on.
pub async fn put(connection: &Connection, wording: FolderWording, place: &Place, account: &mut Account) -> Result<(), Status> {
    let FolderWording { voice, glossary, synonyms } = wording;
    if let Some(Voice { text, several_messages, sign_off }) = voice {
        let voice = pb::Voice { text, sign_off, several_messages, ..pb::Voice::default() };
        let call = async |request| connection.knowledge().put_voice(request).await;
        let sent = connection.send(pb::PutVoiceRequest { voice: Some(voice) }, call).await;
        settle(sent.map(|reply| vec![reply.status()]), "voice.md", place, account)?;
    }
    let term =
        |Term { term, keep, words }| pb::GlossaryTerm { term, keep, words: words.into_iter().collect(), ..pb::GlossaryTerm::default() };
    let terms: Vec<pb::GlossaryTerm> = glossary.into_iter().map(term).collect();
    for terms in terms.chunks(MAX_ENTRIES) {
        let call = async |request| connection.knowledge().put_glossary_terms(request).await;
        let sent = connection.send(pb::PutGlossaryTermsRequest { terms: terms.to_vec() }, call).await;
        settle(sent.map(|reply| statuses(&reply.results)), "glossary.toml", place, account)?;
    }
    let groups = new_groups(synonyms, &groups(connection).await?, account);
    for groups in groups.chunks(MAX_ENTRIES) {
        let call = async |request| connection.knowledge().put_synonyms(request).await;
        let sent = connection.send(pb::PutSynonymsRequest { groups: groups.to_vec() }, call).await;
        settle(sent.map(|reply| statuses(&reply.results)), "synonyms", place, account)?;
    }
    Ok(())
}

/// The groups that the server does not have under any id. A file has no ids: each is made from the group's words.
fn new_groups(synonyms: BTreeMap<String, Vec<Vec<String>>>, known: &[pb::SynonymGroup], account: &mut Account) -> Vec<pb::SynonymGroup> {
    let mut known: HashSet<(&str, &[String])> =
        known.iter().map(|group| (group.language.split('-').next().unwrap_or_default(), group.words.as_slice())).collect();
    let mut groups = Vec::new();
    for (language, words) in synonyms.iter().flat_map(|(language, groups)| groups.iter().map(move |words| (language, words))) {
        if known.insert((language, words)) {
            let id = format!("{language}:{}", fingerprint(words.join(",")));
            groups.push(pb::SynonymGroup { id, language: language.clone(), words: words.clone(), ..pb::SynonymGroup::default() });
        } else {
            account.count("voice, terms and synonyms, unchanged", 1);
        }
    }
    groups
}

fn statuses(results: &[pb::PutResult]) -> Vec<pb::PutStatus> {
    results.iter().map(pb::PutResult::status).collect()
}

fn settle(sent: Result<Vec<pb::PutStatus>, Status>, name: &str, place: &Place, account: &mut Account) -> Result<(), Status> {
    match sent {
        Ok(statuses) => {
            for status in statuses {
                let what = match status {
                    pb::PutStatus::Created => "voice, terms and synonyms, new",
                    pb::PutStatus::Updated => "voice, terms and synonyms, changed",
                    _ => "voice, terms and synonyms, unchanged",
                };
                account.count(what, 1);
            }
        }
        Err(status) if is_of_folder(&status) => println!("not sent, as a server reads it from its own folder: {name}"),
        Err(status) if is_fatal(&status) => return Err(status),
        Err(status) => account.broken(place, format!("{name}: {}", describe(&status))),
    }
    Ok(())
}

fn is_of_folder(status: &Status) -> bool {
    let reason = status.get_error_details().error_info().map(|info| info.reason.clone());
    status.code() == Code::FailedPrecondition && reason.as_deref() == Some("FOLDER_WORDING")
}
