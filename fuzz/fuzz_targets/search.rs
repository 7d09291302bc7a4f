//! Whatever is typed into a search box or said in a chat is answered: analyzer, query, ranking and snippets over the sample shop.
//!
//! The first byte chooses the language, the rest is what was typed.
#![no_main]

use std::{path::Path, sync::LazyLock};

use deskhand::{
    config::FolderWatch,
    ids::Workspace,
    knowledge::{
        Conversation, FolderSettings, Kind, Knowledge, KnowledgeBases, MassDelete, QueryKind, Reader, Search, SuggestionQuery, Utterance,
    },
    spelling::Dictionaries,
    store::Store,
    text::Language,
};
use libfuzzer_sys::fuzz_target;

const LANGUAGES: [&str; 8] = ["tr", "hu", "de", "en", "zh", "th", "ar", "und"];
const MAX_BYTES: usize = 2000;

struct Desk {
    knowledge: Knowledge,
    _runtime: tokio::runtime::Runtime,
    _data: tempfile::TempDir,
}

static DESK: LazyLock<Desk> = LazyLock::new(|| {
    let data = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let folder = FolderSettings {
        root: Path::new(env!("CARGO_MANIFEST_DIR")).join("../knowledge-base"),
        watch: FolderWatch::Poll,
        mass_delete: MassDelete::Refuse,
    };
    let knowledge = runtime.block_on(async {
        let store = Store::open(&Store::sqlite_url(data.path())).await.expect("a database");
        let bases = KnowledgeBases::start(
            store,
            vec![(Workspace::default(), Some(folder))],
            data.path(),
            1 << 20,
            &Dictionaries::new(data.path().into()),
        )
        .await
        .expect("a knowledge base");
        bases.of(&Workspace::default()).clone()
    });
    Desk { knowledge, _runtime: runtime, _data: data }
});

fuzz_target!(|input: &[u8]| {
    let Some((first, rest)) = input.split_first() else { return };
    let text: String = String::from_utf8_lossy(rest).chars().take(MAX_BYTES).collect();
    let language = Language::parse(LANGUAGES[usize::from(*first) % LANGUAGES.len()]).expect("a tag");
    let search = Search {
        query: text.clone(),
        language: language.clone(),
        category: String::new(),
        tags: Vec::new(),
        limit: 10,
        offset: 0,
        reader: Reader::public(),
        meaning: None,
    };
    let hits = DESK.knowledge.search(&search).expect("it is answered");
    for hit in &hits.hits {
        assert!((0.0..=1.0).contains(&hit.score));
        let title: String = hit.title.iter().map(|segment| segment.text.as_str()).collect();
        assert_eq!(title, hit.document.title);
    }
    let said = Conversation { pieces: vec![Utterance { text, burst: Some(0), recent: 1.0, whole: 0.5 }], ..Conversation::default() };
    let query = SuggestionQuery {
        query_kind: QueryKind::Conversation(said),
        kinds: vec![Kind::Article, Kind::CannedAnswer],
        language,
        reader: Reader::public(),
        limit: 5,
        meaning: None,
        threshold: 0.0,
    };
    let offers = DESK.knowledge.suggestions(&query).expect("it is answered");
    assert!(offers.windows(2).all(|pair| pair[0].score >= pair[1].score));
});
