//! What authors set through the API: voice, glossary and synonyms, when each is in force, what is refused; and what a check of documents says.

use std::{collections::BTreeSet, fs, time::Instant};

use deskhand::{
    api::pb::{self, FindingRule as Rule, PutStatus},
    config::Config,
    keys::Scope,
};
use prost::Message;
use sqlx::{AnyConnection, Connection};
use tonic::{Code, Status};

use crate::{
    keys::{key_for, three_workspaces},
    support::{
        command::{deskhand, text},
        desk::{Desk, Kept, Opening, customer_says, eventually, refused, refused_fields, selin},
        postgres::Postgres,
    },
};

fn opening(with_model: bool) -> Opening {
    Opening { with_model, with_shop: false, change: |_| {} }
}

fn article(id: &str, title: &str, body: &str) -> pb::Article {
    pb::Article { id: id.into(), language: "en".into(), title: title.into(), body: body.into(), ..pb::Article::default() }
}

fn answer(id: &str, body: &str) -> pb::CannedAnswer {
    pb::CannedAnswer { id: id.into(), language: "en".into(), title: id.into(), body: body.into(), ..pb::CannedAnswer::default() }
}

fn group(id: &str, words: &[&str]) -> pb::SynonymGroup {
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    pb::SynonymGroup { id: id.into(), language: "en".into(), words, ..pb::SynonymGroup::default() }
}

fn term(name: &str, words: &[(&str, &str)]) -> pb::GlossaryTerm {
    let words = words.iter().map(|(tag, word)| ((*tag).to_owned(), (*word).to_owned())).collect();
    pb::GlossaryTerm { term: name.into(), words, ..pb::GlossaryTerm::default() }
}

fn voice(text: &str) -> pb::Voice {
    pb::Voice { text: text.into(), ..pb::Voice::default() }
}

impl Desk {
    async fn put_groups(&mut self, groups: Vec<pb::SynonymGroup>) -> Result<Vec<pb::PutResult>, Status> {
        Ok(self.knowledge.put_synonyms(pb::PutSynonymsRequest { groups }).await?.into_inner().results)
    }

    async fn put_terms(&mut self, terms: Vec<pb::GlossaryTerm>) -> Result<Vec<pb::PutResult>, Status> {
        Ok(self.knowledge.put_glossary_terms(pb::PutGlossaryTermsRequest { terms }).await?.into_inner().results)
    }

    async fn put_voice(&mut self, voice: pb::Voice) -> Result<pb::PutVoiceResponse, Status> {
        Ok(self.knowledge.put_voice(pb::PutVoiceRequest { voice: Some(voice) }).await?.into_inner())
    }

    async fn voice(&mut self) -> pb::Voice {
        self.knowledge.get_voice(pb::GetVoiceRequest {}).await.unwrap().into_inner().voice.unwrap()
    }

    async fn terms(&mut self) -> Vec<pb::GlossaryTerm> {
        self.knowledge.list_glossary_terms(pb::ListGlossaryTermsRequest::default()).await.unwrap().into_inner().terms
    }

    async fn groups(&mut self) -> Vec<pb::SynonymGroup> {
        self.knowledge.list_synonyms(pb::ListSynonymsRequest::default()).await.unwrap().into_inner().groups
    }

    async fn put_article(&mut self, article: pb::Article) -> pb::PutResult {
        let put = self.knowledge.put_articles(pb::PutArticlesRequest { articles: vec![article] });
        put.await.unwrap().into_inner().results.remove(0)
    }

    async fn found(&mut self, query: &str) -> Vec<String> {
        self.search(query, "en").await.hits.into_iter().map(|hit| hit.id).collect()
    }

    async fn check(&mut self, request: pb::CheckDocumentsRequest) -> Result<pb::CheckDocumentsResponse, Status> {
        Ok(self.knowledge.check_documents(request).await?.into_inner())
    }
}

#[tokio::test]
async fn a_synonym_is_in_force_when_the_call_answers_and_no_longer_after_its_deletion() {
    let mut desk = opening(false).open().await;
    desk.put_article(article("couch", "How to clean the settee", "Use a soft brush and cold water.")).await;
    let answers = vec![answer("settee-late", "The settee is late. It comes next week."), answer("hello", "Hello, how can I help?")];
    desk.knowledge.put_canned_answers(pb::PutCannedAnswersRequest { canned_answers: answers }).await.unwrap();
    let suggested = async |desk: &mut Desk| {
        let events = vec![customer_says("1", "my chesterfield")];
        let request = pb::SuggestAnswersRequest { chat_id: "c".into(), events, agent: selin(), ..Default::default() };
        desk.suggest(request).await.into_iter().any(|suggestion| suggestion.id == "settee-late")
    };
    assert!(desk.found("chesterfield").await.is_empty() && !suggested(&mut desk).await);

    let results = desk.put_groups(vec![group("sofas", &["settee", "Chesterfield", "three seater"])]).await.unwrap();
    assert_eq!((results[0].status(), results[0].id.as_str(), results[0].language.as_str()), (PutStatus::Created, "sofas", "en"));
    assert_eq!(desk.found("chesterfield").await, ["couch"]);
    assert_eq!(desk.found("clean three seater").await, ["couch"], "a phrase finds it, too");
    assert!(suggested(&mut desk).await, "suggestions go by it");
    // It is listed as it was written.
    let listed = desk.groups().await;
    assert_eq!(listed[0].words, ["settee", "Chesterfield", "three seater"]);
    assert!(!listed[0].from_folder && listed[0].updated_at.is_some() && listed[0].etag == results[0].etag);

    let deletion = || pb::DeleteSynonymsRequest { ids: vec!["sofas".into(), "unknown".into()] };
    assert_eq!(desk.knowledge.delete_synonyms(deletion()).await.unwrap().into_inner().deleted, 1);
    assert!(desk.found("chesterfield").await.is_empty() && !suggested(&mut desk).await && desk.groups().await.is_empty());
    assert_eq!(desk.knowledge.delete_synonyms(deletion()).await.unwrap().into_inner().deleted, 0);
    desk.close().await;
}

#[tokio::test]
async fn voice_and_glossary_are_in_the_next_prompt_and_survive_a_restart() {
    let mut desk = opening(true).open().await;
    desk.model.answers_with(|_| "Die Bettwäsche ist unterwegs.".to_owned());
    let written = pb::Voice {
        sign_off: "Team Lamp".into(),
        several_messages: true,
        ..voice("Write like a lighthouse keeper. <!-- for us alone -->")
    };
    assert_eq!(desk.put_voice(written.clone()).await.unwrap().status(), PutStatus::Created);
    let keep = pb::GlossaryTerm { keep: true, ..term("Lamp & Co", &[]) };
    desk.put_terms(vec![term("duvet cover", &[("de", "Bettbezug"), ("pt-br", "capa")]), keep]).await.unwrap();

    let translate = pb::TranslateReplyRequest {
        source: Some(pb::translate_reply_request::Source::Text("The duvet cover is here.".into())),
        target_language: "de".into(),
        ..Default::default()
    };
    for round in 0..2 {
        desk.model.forget();
        desk.retone("We look into it, thank you.", pb::Tone::Formal).await.unwrap();
        let (system, user) = desk.model.last_messages();
        let prompt = format!("{system}{user}");
        assert!(prompt.contains("Write like a lighthouse keeper.") && !prompt.contains("for us alone"), "{round}: {prompt}");
        desk.translate(translate.clone()).await.unwrap();
        let (system, user) = desk.model.last_messages();
        assert!(format!("{system}{user}").contains("Bettbezug"), "{round}: {system}{user}");
        let events = vec![customer_says("1", "Where is the duvet cover?")];
        let request =
            pb::DraftReplyRequest { chat_id: format!("c{round}"), agent: selin(), events, language: "de".into(), ..Default::default() };
        let draft = desk.draft(request).await.unwrap();
        let receipt = draft.finished.context.unwrap();
        assert_eq!((receipt.voice.unwrap().used, receipt.glossary.unwrap().total), (1, 2), "{round}");
        let (system, user) = desk.model.last_messages();
        assert!(format!("{system}{user}").contains("Team Lamp"), "{round}: {system}{user}");
        if round == 0 {
            desk = opening(true).open_in(desk.close_and_keep().await).await;
            desk.model.answers_with(|_| "Die Bettwäsche ist unterwegs.".to_owned());
        }
    }
    let kept = desk.voice().await;
    assert_eq!((kept.text, kept.sign_off, kept.several_messages, kept.from_folder), (written.text, written.sign_off, true, false));
    let terms = desk.terms().await;
    assert_eq!(terms.iter().map(|term| term.term.as_str()).collect::<Vec<_>>(), ["Lamp & Co", "duvet cover"]);
    assert_eq!(terms[1].words["pt-BR"], "capa", "a tag in its usual case");

    // An empty voice is none.
    assert_eq!(desk.put_voice(pb::Voice::default()).await.unwrap().etag, "none");
    assert_eq!(desk.voice().await, pb::Voice { etag: "none".into(), ..pb::Voice::default() });
    let deletion = pb::DeleteGlossaryTermsRequest { terms: vec!["duvet cover".into()] };
    assert_eq!(desk.knowledge.delete_glossary_terms(deletion).await.unwrap().into_inner().deleted, 1);
    desk.translate(translate).await.unwrap();
    let (system, user) = desk.model.last_messages();
    assert!(!format!("{system}{user}").contains("Bettbezug"), "{system}{user}");
    desk.close().await;
}

#[tokio::test]
async fn all_servers_of_a_database_go_by_it_within_a_second() {
    let postgres = Postgres::start();
    let url = postgres.url("postgres");
    let open = async || opening(false).open_with(Kept::new(tempfile::tempdir().unwrap(), Some(url.clone())), |_: &mut Config| {}).await;
    let (mut one, mut other) = (open().await, open().await);
    let result = one.put_article(article("couch", "How to clean the settee", "Use a soft brush.")).await;
    assert_eq!(result.status(), PutStatus::Created);
    eventually("the other server has the article", async || {
        let request = pb::SearchRequest { query: "settee".into(), language: "en".into(), ..Default::default() };
        other.knowledge.clone().search(request).await.unwrap().into_inner().total == 1
    })
    .await;
    let mut slowest = 0.0_f64;
    for round in 0..5 {
        let word = format!("chesterfield{}", ["a", "b", "c", "d", "e"][round]);
        one.put_groups(vec![group("sofas", &["settee", &word])]).await.unwrap();
        one.put_voice(voice(&format!("Round {round}."))).await.unwrap();
        let began = Instant::now();
        eventually("the other server goes by it", async || {
            let request = pb::SearchRequest { query: word.clone(), language: "en".into(), ..Default::default() };
            let found = other.knowledge.clone().search(request).await.unwrap().into_inner().total == 1;
            let voice = other.knowledge.clone().get_voice(pb::GetVoiceRequest {}).await.unwrap().into_inner().voice.unwrap();
            found && voice.text == format!("Round {round}.")
        })
        .await;
        slowest = slowest.max(began.elapsed().as_secs_f64());
    }
    println!("the other server went by it after {slowest:.3} s at most");
    assert!(slowest < 1.5, "{slowest} s");

    // Two authors at two servers: whoever read the older version writes nothing.
    let (read, at_other) = (one.voice().await, other.voice().await);
    assert_eq!(read.etag, at_other.etag);
    let mine = pb::Voice { text: "Mine.".into(), ..read };
    assert_eq!(one.put_voice(mine).await.unwrap().status(), PutStatus::Updated);
    let theirs = pb::Voice { text: "Theirs.".into(), ..at_other };
    assert_eq!(other.put_voice(theirs).await.unwrap().status(), PutStatus::Stale);
    one.close().await;
    other.close().await;
}

#[tokio::test]
async fn what_somebody_else_changed_meanwhile_is_not_overwritten() {
    let mut desk = opening(false).open().await;
    // Terms, and groups alike.
    let first = desk.put_terms(vec![term("refund", &[("tr", "iade")])]).await.unwrap().remove(0);
    let with = |tr: &str, etag: &str| pb::GlossaryTerm { etag: etag.into(), ..term("refund", &[("tr", tr)]) };
    let second = desk.put_terms(vec![with("para iadesi", &first.etag)]).await.unwrap().remove(0);
    assert_eq!((second.status(), second.etag != first.etag), (PutStatus::Updated, true));
    for etag in [first.etag.as_str(), "none", "x"] {
        let stale = desk.put_terms(vec![with("geri ödeme", etag)]).await.unwrap().remove(0);
        assert_eq!((stale.status(), stale.etag.as_str()), (PutStatus::Stale, ""), "{etag}");
    }
    assert_eq!(desk.put_terms(vec![with("para iadesi", &first.etag)]).await.unwrap()[0].status(), PutStatus::Unchanged, "the same content");
    assert_eq!(desk.terms().await[0].words["tr"], "para iadesi");
    assert_eq!(desk.put_terms(vec![with("iade", "")]).await.unwrap()[0].status(), PutStatus::Updated, "whoever names none overwrites");
    let deletion = pb::DeleteGlossaryTermsRequest { terms: vec!["refund".into()] };
    desk.knowledge.delete_glossary_terms(deletion).await.unwrap();
    assert_eq!(desk.put_terms(vec![with("iade", &second.etag)]).await.unwrap()[0].status(), PutStatus::Stale, "it was deleted");
    assert_eq!(desk.put_terms(vec![with("iade", "none")]).await.unwrap()[0].status(), PutStatus::Created);

    // Documents.
    let new = pb::Article { etag: "none".into(), ..article("a", "Lamps", "Twenty lamps.") };
    let created = desk.put_article(new.clone()).await;
    assert_eq!(created.status(), PutStatus::Created);
    let taken = pb::Article { body: "Another.".into(), ..new };
    assert_eq!(desk.put_article(taken).await.status(), PutStatus::Stale);
    let list = pb::ListArticlesRequest::default();
    let listed = desk.knowledge.list_articles(list).await.unwrap().into_inner().articles.remove(0);
    assert_eq!((listed.etag.as_str(), listed.body.as_str()), (created.etag.as_str(), "Twenty lamps."));
    let edited = |body: &str| pb::Article { body: body.into(), updated_at: None, ..listed.clone() };
    let updated = desk.put_article(edited("Thirty lamps.")).await;
    assert_eq!(updated.status(), PutStatus::Updated);
    let stale = desk.put_article(edited("Forty lamps.")).await;
    assert_eq!((stale.status(), stale.etag.as_str()), (PutStatus::Stale, ""));
    let got = pb::GetArticleRequest { id: "a".into(), language: "en".into() };
    assert_eq!(desk.knowledge.get_article(got).await.unwrap().into_inner().article.unwrap().body, "Thirty lamps.");
    let next = pb::Article { etag: updated.etag, ..edited("Forty lamps.") };
    assert_eq!(desk.put_article(next).await.status(), PutStatus::Updated, "the etag of the result goes on");
    desk.close().await;
}

#[tokio::test]
async fn what_the_folder_has_is_changed_there() {
    let folder = tempfile::tempdir().unwrap();
    let shop = folder.path().join("knowledge-base");
    fs::create_dir_all(shop.join("synonyms")).unwrap();
    fs::write(shop.join("voice.md"), "---\nsign_off: Ann\n---\n\nWrite like a gardener.").unwrap();
    fs::write(shop.join("glossary.toml"), "[[term]]\nterm = \"refund\"\ntr = \"iade\"\n").unwrap();
    fs::write(shop.join("synonyms/en.txt"), "settee, Chesterfield\n").unwrap();
    let mut desk = opening(false).open_in(Kept::new(folder, None)).await;
    let listed = desk.voice().await;
    assert_eq!((listed.text.as_str(), listed.sign_off.as_str(), listed.from_folder), ("Write like a gardener.", "Ann", true));
    let status = desk.put_voice(voice("Mine.")).await.unwrap_err();
    refused(&status, Code::FailedPrecondition, "FOLDER_WORDING");
    assert!(status.message().contains("change `voice.md` there"), "{}", status.message());

    let status = desk.put_terms(vec![term("towel", &[("tr", "havlu")]), term("refund", &[("tr", "x")])]).await.unwrap_err();
    refused(&status, Code::FailedPrecondition, "FOLDER_WORDING");
    assert!(status.message().contains("`refund`") && status.message().contains("`glossary.toml`"), "{}", status.message());
    assert_eq!(desk.terms().await.len(), 1, "all or none");
    desk.put_terms(vec![term("towel", &[("tr", "havlu")])]).await.unwrap();
    let terms = desk.terms().await;
    assert_eq!(terms.iter().map(|term| (term.term.as_str(), term.from_folder)).collect::<Vec<_>>(), [("refund", true), ("towel", false)]);

    let of_folder = desk.groups().await.remove(0);
    assert_eq!((of_folder.words.as_slice(), of_folder.from_folder), (&["settee".to_owned(), "Chesterfield".to_owned()][..], true));
    for id in [of_folder.id.as_str(), "folder:mine"] {
        let status = desk.put_groups(vec![group(id, &["settee", "bench"])]).await.unwrap_err();
        refused(&status, Code::FailedPrecondition, "FOLDER_WORDING");
        let deletion = pb::DeleteSynonymsRequest { ids: vec![id.into()] };
        refused(&desk.knowledge.delete_synonyms(deletion).await.unwrap_err(), Code::FailedPrecondition, "FOLDER_WORDING");
    }

    // What is taken out of the folder may be set here, at once.
    fs::remove_file(desk.folder.path().join("knowledge-base/voice.md")).unwrap();
    let knowledge = desk.knowledge.clone();
    eventually("the folder's voice is gone", async || {
        let voice = knowledge.clone().get_voice(pb::GetVoiceRequest {}).await.unwrap().into_inner().voice.unwrap();
        !voice.from_folder
    })
    .await;
    assert_eq!(desk.put_voice(voice("Mine.")).await.unwrap().status(), PutStatus::Created);
    desk.close().await;
}

#[tokio::test]
async fn bad_fields_are_named_all_at_once_and_nothing_is_written() {
    let mut desk = opening(false).open().await;
    let no_voice = desk.knowledge.put_voice(pb::PutVoiceRequest { voice: None }).await.unwrap_err();
    refused_fields(&no_voice, &["voice"]);
    let bad = pb::Voice { sign_off: "s".repeat(1001), etag: "e".repeat(201), ..voice(&"v".repeat(20_001)) };
    refused_fields(&desk.put_voice(bad).await.unwrap_err(), &["voice.text", "voice.sign_off", "voice.etag"]);

    let bad = vec![
        term("good", &[("tr", "iyi")]),
        term("", &[("tr", " ")]),
        term("good", &[("tr", "a\nb")]),
        term("none", &[]),
        term(" x", &[("no such tag", "x")]),
    ];
    let fields =
        ["terms[1].term", "terms[1].words.tr", "terms[2].term", "terms[2].words.tr", "terms[3].words", "terms[4].term", "terms[4].words"];
    refused_fields(&desk.put_terms(bad).await.unwrap_err(), &fields);
    refused_fields(&desk.put_terms(Vec::new()).await.unwrap_err(), &["terms"]);
    refused_fields(
        &desk.put_terms((0..1001).map(|number| term(&number.to_string(), &[("tr", "x")])).collect()).await.unwrap_err(),
        &["terms"],
    );

    let nowhere = pb::SynonymGroup { language: "x".into(), ..group("b", &["one"]) };
    let bad = vec![group("a", &["settee", "a,b", " ", "one two three four five", "?"]), nowhere, group("a", &["x", "y"])];
    let fields = [
        "groups[0].words[1]",
        "groups[0].words[2]",
        "groups[0].words[3]",
        "groups[0].words[4]",
        "groups[1].language",
        "groups[1].words",
        "groups[2].id",
    ];
    refused_fields(&desk.put_groups(bad).await.unwrap_err(), &fields);
    let list = pb::ListSynonymsRequest { language: "?".into(), page_size: -1, page_token: "x".into() };
    refused_fields(&desk.knowledge.list_synonyms(list).await.unwrap_err(), &["language", "page_size", "page_token"]);
    assert!(desk.groups().await.is_empty() && desk.terms().await.is_empty() && desk.voice().await.etag == "none");

    // There is an end to it, and whoever is at it is told.
    for from in [0, 1000] {
        let many = (from..from + 1000).map(|number| group(&format!("g{number:04}"), &["settee", &format!("word{number}")])).collect();
        desk.put_groups(many).await.unwrap();
    }
    let status = desk.put_groups(vec![group("one more", &["settee", "bench"])]).await.unwrap_err();
    refused(&status, Code::ResourceExhausted, "WORDING_FULL");
    desk.put_groups(vec![group("g0001", &["settee", "bench"])]).await.unwrap();
    let (mut ids, mut page_token) = (Vec::new(), String::new());
    loop {
        let page = pb::ListSynonymsRequest { language: "en-GB".into(), page_size: 700, page_token };
        let page = desk.knowledge.list_synonyms(page).await.unwrap().into_inner();
        ids.extend(page.groups.into_iter().map(|group| group.id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!((ids.len(), ids.is_sorted()), (2000, true));
    desk.close().await;
}

#[tokio::test]
async fn only_authors_write_and_it_is_recorded() {
    let desk = three_workspaces().await;
    let console = desk.make_key(key_for("rose", &[Scope::Author, Scope::Agent])).await;
    let minted = pb::MintAgentKeyRequest { agent_id: "agent-selin".into(), name: "Selin".into(), ..Default::default() };
    let reply = desk.call("KeyService/MintAgentKey", &minted.encode_to_vec(), Some(&console)).await.unwrap();
    let agent = pb::MintAgentKeyResponse::decode(reply.as_slice()).unwrap().key;
    let put = pb::PutVoiceRequest { voice: Some(voice("Rose.")) }.encode_to_vec();
    let deletion = pb::DeleteSynonymsRequest { ids: vec!["a".into()] }.encode_to_vec();
    for (method, request) in [("PutVoice", &put), ("DeleteSynonyms", &deletion), ("CheckDocuments", &Vec::new())] {
        let status = desk.call(&format!("KnowledgeService/{method}"), request, Some(&agent)).await.unwrap_err();
        refused(&status, Code::PermissionDenied, "SCOPE_MISSING");
    }
    // An agent's console may show it.
    let of = async |key: &str| {
        let reply = desk.call("KnowledgeService/GetVoice", &[], Some(key)).await.unwrap();
        pb::GetVoiceResponse::decode(reply.as_slice()).unwrap().voice.unwrap().text
    };
    desk.call("KnowledgeService/PutVoice", &put, Some(&console)).await.unwrap();
    desk.call("KnowledgeService/DeleteSynonyms", &deletion, Some(&console)).await.unwrap();
    assert_eq!(of(&agent).await, "Rose.");
    let oak = desk.make_key(key_for("oak", &[Scope::Author])).await;
    assert_eq!(of(&oak).await, "", "a workspace has its own");

    let url = desk.database_url();
    let run = move || deskhand(&["audit", "--json", "--database-url", &url, "--workspace", "rose"], "");
    let printed = text(&tokio::task::spawn_blocking(run).await.unwrap().stdout);
    let entries: Vec<serde_json::Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<(&str, &str)> =
        entries.iter().map(|entry| (entry["action"].as_str().unwrap(), entry["subject"].as_str().unwrap())).collect();
    assert_eq!(told, [("change_wording", "voice"), ("change_wording", "synonyms:a")]);

    // The same as JSON over plain HTTP.
    let client = reqwest::Client::new();
    let url = format!("http://{}/deskhand.v1.KnowledgeService/PutGlossaryTerms", desk.address());
    let body = serde_json::json!({"terms": [{"term": "refund", "words": {"tr": "iade"}, "etag": "none"}]});
    let reply = client.post(&url).bearer_auth(&console).json(&body).send().await.unwrap();
    let reply: serde_json::Value = reply.json().await.unwrap();
    assert_eq!(reply["results"][0]["status"], "PUT_STATUS_CREATED", "{reply}");
    desk.close().await;
}

#[tokio::test]
async fn a_check_says_of_documents_what_the_command_says_of_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let shop = folder.path().join("knowledge-base");
    for (name, text) in [
        ("articles/en/a/one.md", "---\ntitle: One\n---\n\nSee [two](two.md) and\n[three](../b/three.md#x)."),
        ("articles/en/a/two.md", "---\ntitle: Two\n---\n\n[one](./one.md) [web](https://x.example)\n\n<!-- open"),
        ("articles/tr/a/two.md", "---\ntitle: İki\n---\n\nMetin"),
        ("canned-answers/en/x.md", "---\ntitle: X\nshortcut: hi\n---\n\nHello\n{{customer.frist_name}}"),
        ("canned-answers/en/y.md", "---\ntitle: Y\nshortcut: /Hi\n---\n\nHello"),
    ] {
        let path = shop.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let path = shop.to_str().unwrap().to_owned();
    let printed = tokio::task::spawn_blocking(move || text(&deskhand(&["check", &path], "").stdout)).await.unwrap();
    // Of a file's line: its name and what is said, but for the shortcut, where the command names a file.
    let of_files: BTreeSet<(String, String)> = printed
        .lines()
        .filter_map(|line| {
            let (file, said) = line.split_once(".md:")?;
            let (_, message) = said.split_once(": ")?.1.split_once(": ").unwrap_or(("", said.split_once(": ")?.1));
            Some((file.rsplit('/').next()?.to_owned(), message.split(" is already used").next()?.to_owned()))
        })
        .collect();
    let mut desk = opening(false).open_in(Kept::new(folder, None)).await;
    let checked = desk.check(pb::CheckDocumentsRequest::default()).await.unwrap();
    let of_documents: BTreeSet<(String, String)> = (checked.findings.iter())
        .map(|finding| (finding.id.clone(), finding.message.split(" is already used").next().unwrap().to_owned()))
        .collect();
    assert_eq!(of_documents, of_files, "{printed}");
    assert_eq!((checked.documents, checked.errors, checked.warnings), (5, 4, 1));
    let rules: Vec<(Rule, &str, &str, i32)> =
        checked.findings.iter().map(|finding| (finding.rule(), finding.subject.as_str(), finding.field.as_str(), finding.line)).collect();
    let expected = [
        (Rule::MissingTranslation, "tr", "language", 1),
        (Rule::BrokenLink, "../b/three.md#x", "body", 2),
        (Rule::UnclosedComment, "", "body", 3),
        (Rule::UnknownPlaceholder, "customer.frist_name", "body", 2),
        (Rule::ShortcutTaken, "x", "shortcut", 1),
    ];
    for rule in expected {
        assert!(rules.contains(&rule), "{rule:?} in {rules:?}");
    }

    // One that is only written yet, against those that are there; nothing is stored.
    let draft = pb::CannedAnswer { shortcut: "HI".into(), ..answer("z", "Hello {{customer.name}} {{nobody}}, see [one](one.md).") };
    let checked = desk.check(pb::CheckDocumentsRequest { canned_answers: vec![draft.clone()], ..Default::default() }).await.unwrap();
    let rules: Vec<(Rule, &str)> = checked.findings.iter().map(|finding| (finding.rule(), finding.subject.as_str())).collect();
    assert_eq!((checked.documents, rules[0].0, &rules[1]), (1, Rule::ShortcutTaken, &(Rule::UnknownPlaceholder, "nobody")), "{rules:?}");
    let bad = pb::CannedAnswer { title: String::new(), when: vec!["record.order.status ==".into()], ..draft.clone() };
    let status = desk.check(pb::CheckDocumentsRequest { canned_answers: vec![bad], ..Default::default() }).await.unwrap_err();
    refused_fields(&status, &["canned_answers[0].when[0]", "canned_answers[0].title"]);
    let all = desk.check(pb::CheckDocumentsRequest::default()).await.unwrap();
    assert_eq!(all.documents, 5, "nothing was stored");
    // What an author is about to put is not held against documents that have nothing to do with it: one that can't be read stands in no way.
    let mut connection = AnyConnection::connect(&desk.database_url()).await.unwrap();
    let statement = "UPDATE document SET content = '' WHERE id = 'two' AND language = 'tr'";
    assert_eq!(sqlx::query(statement).execute(&mut connection).await.unwrap().rows_affected(), 1);
    connection.close().await.unwrap();
    let alone = pb::CheckDocumentsRequest { canned_answers: vec![draft.clone()], ..Default::default() };
    assert_eq!(desk.check(alone).await.unwrap(), checked);
    desk.check(pb::CheckDocumentsRequest::default()).await.unwrap_err();
    let linking = article("new", "New", "[two](../a/two.md), [x](x.md), [three](three)");
    let linked = desk.check(pb::CheckDocumentsRequest { articles: vec![linking], ..Default::default() }).await.unwrap();
    let rules: Vec<(Rule, &str)> = linked.findings.iter().map(|finding| (finding.rule(), finding.subject.as_str())).collect();
    // A canned answer is no article, and there are articles in Turkish.
    assert_eq!(rules, [(Rule::MissingTranslation, "tr"), (Rule::BrokenLink, "x.md"), (Rule::BrokenLink, "three")]);

    let many = (0..101).map(|number| article(&number.to_string(), "T", "B")).collect();
    let status = desk.check(pb::CheckDocumentsRequest { articles: many, ..Default::default() }).await.unwrap_err();
    refused_fields(&status, &["articles"]);
    desk.close().await;
}
