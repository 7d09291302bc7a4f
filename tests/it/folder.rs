//! The knowledge base folder and the catalog: what a start imports, and what it leaves alone.

use std::{fs, path::Path};

use deskhand::{
    api::pb::{self, knowledge_service_client::KnowledgeServiceClient},
    config::Config,
    server::Server,
};
use tonic::transport::Channel;

use crate::support::{
    desk::{Opening, customer_says, eventually},
    model::Answer,
};

const BARE: Opening = Opening { with_model: false, with_shop: false, change: |_| {} };

fn write(root: &Path, articles: &[&str]) {
    let folder = root.join("articles/en");
    fs::create_dir_all(&folder).unwrap();
    for id in articles {
        fs::write(folder.join(format!("{id}.md")), format!("---\ntitle: {id}\n---\n\nAbout garden {id}.\n")).unwrap();
    }
}

async fn found(knowledge: &mut KnowledgeServiceClient<Channel>) -> i32 {
    let request = pb::SearchRequest { query: "garden".into(), language: "en".into(), ..Default::default() };
    knowledge.search(request).await.unwrap().into_inner().total
}

#[tokio::test]
async fn a_start_deletes_most_documents_only_if_it_may() {
    let desk = BARE.open_set(|config| write(config.knowledge_base.as_ref().unwrap(), &["chairs", "tables", "lamps", "tents"])).await;
    assert_eq!(found(&mut desk.knowledge.clone()).await, 4);
    let kept = desk.close_and_keep().await;
    let folder = kept.path().join("knowledge-base/articles/en");
    for id in ["chairs", "tables", "lamps"] {
        fs::remove_file(folder.join(format!("{id}.md"))).unwrap();
    }
    write(&kept.path().join("knowledge-base"), &["gnomes"]);

    let desk = BARE.open_in(kept).await;
    assert_eq!(found(&mut desk.knowledge.clone()).await, 4, "the last good state is served");
    assert!(desk.page("/metrics").await.contains("deskhand_folder_refused{workspace=\"default\"} 1"));
    let kept = desk.close_and_keep().await;

    let desk = BARE.open_with(kept, |config| config.allow_mass_delete = true).await;
    assert_eq!(found(&mut desk.knowledge.clone()).await, 2);
    // It holds for that start alone.
    fs::remove_dir_all(&folder).unwrap();
    let line = "deskhand_folder_refused{workspace=\"default\"} 1";
    eventually("the next one is refused", async || desk.page("/metrics").await.contains(line)).await;
    assert_eq!(found(&mut desk.knowledge.clone()).await, 2);
    desk.close().await;
}

#[tokio::test]
async fn a_server_without_a_folder_leaves_the_folders_documents_alone() {
    let desk = BARE.open_set(|config| write(config.knowledge_base.as_ref().unwrap(), &["chairs", "tables"])).await;
    let kept = desk.close_and_keep().await;
    let desk = BARE.open_with(kept, |config| config.knowledge_base = None).await;
    assert_eq!(found(&mut desk.knowledge.clone()).await, 2);
    desk.close().await;
}

#[tokio::test]
async fn showing_a_prompt_changes_no_document() {
    let mut desk = BARE.open_set(|config| write(config.knowledge_base.as_ref().unwrap(), &["chairs", "tables"])).await;
    desk.append("c", vec![customer_says("m", "Tell me about garden chairs, please")]).await.unwrap();
    let url = desk.database_url();
    let kept = desk.close_and_keep().await;
    let other = tempfile::tempdir().unwrap();
    write(other.path(), &["gnomes"]);
    fs::write(other.path().join("voice.md"), "---\nsign_off: Ann\n---\n\nWrite like a gardener.").unwrap();
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_deskhand"))
        .args(["prompt", "c", "--database-url", &url, "--data"])
        .arg(kept.path().join("data"))
        .arg("--knowledge-base")
        .arg(other.path())
        .current_dir(other.path())
        .output();
    let output = output.await.unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(printed.contains("About garden chairs") && printed.contains("Write like a gardener"), "{printed}");
    let desk = BARE.open_with(kept, |config| config.knowledge_base = None).await;
    let mut ids = desk.public_ids("garden").await;
    ids.sort();
    assert_eq!(ids, ["chairs", "tables"]);
    desk.close().await;
}

#[tokio::test]
async fn a_start_without_its_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data: folder.path().join("data"),
        knowledge_base: Some(missing.clone()),
        ..Config::default()
    };
    let error = Server::start(config).await.err().unwrap();
    assert!(error.is::<deskhand::config::ConfigError>() && error.to_string().contains(missing.to_str().unwrap()), "{error}");
}

#[tokio::test]
async fn two_servers_on_one_database_import_a_folder_once_and_one_without_it_deletes_nothing() {
    if !crate::support::postgres::wanted() {
        return;
    }
    let url = crate::support::postgres::new_database().await;
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("kb");
    let ids: Vec<String> = (0..300).map(|number| format!("chair-{number}")).collect();
    write(&root, &ids.iter().map(String::as_str).collect::<Vec<_>>());
    let config = |data: &str, folder: Option<&Path>| Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data: place.path().join(data),
        knowledge_base: folder.map(Path::to_owned),
        database_url: Some(url.clone()),
        ..Config::default()
    };
    let client = async |server: &Server| {
        let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
        KnowledgeServiceClient::new(endpoint.connect().await.unwrap())
    };
    // The schema is there before both start at once.
    Server::start(config("first", None)).await.unwrap().stop().await;

    let (one, two) = tokio::join!(Server::start(config("one", Some(&root))), Server::start(config("two", Some(&root))));
    let (one, two) = (one.unwrap(), two.unwrap());
    let mut clients = [client(&one).await, client(&two).await];
    for client in &mut clients {
        assert_eq!(found(client).await, 300);
    }
    let number: i64 = {
        use sqlx::{Connection, Row};
        let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
        let row = sqlx::query("SELECT number FROM document_counter").fetch_one(&mut connection).await.unwrap();
        row.get(0)
    };
    assert_eq!(number, 300, "each document was taken in once");

    let three = Server::start(config("three", None)).await.unwrap();
    assert_eq!(found(&mut client(&three).await).await, 300);
    for client in &mut clients {
        assert_eq!(found(client).await, 300);
    }
    // A folder that loses most is refused by both.
    fs::remove_dir_all(root.join("articles/en")).unwrap();
    let four = Server::start(config("four", Some(&root))).await.unwrap();
    assert_eq!(found(&mut client(&four).await).await, 300);
    for server in [one, two, three, four] {
        server.stop().await;
    }
}

#[tokio::test]
async fn comments_are_removed_from_documents_of_any_origin() {
    let mut desk = Opening { with_model: true, with_shop: false, change: |_| {} }.open().await;
    let body = "Lamps are shipped in two days. <!-- margin quicksilver -->\n\n<!--\nnever below\n\nwolfram percent -->\n\nTea &amp; cake.\n\n\
                `<!-- shown in code -->` Lamps <!-- cobalt";
    let folder = desk.folder.path().join("knowledge-base/articles/en");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("from-file.md"), format!("---\ntitle: Garden lamps\n---\n\n{body}")).unwrap();
    let put =
        pb::Article { id: "put".into(), language: "en".into(), title: "Garden lamps".into(), body: body.into(), ..Default::default() };
    desk.knowledge.put_articles(pb::PutArticlesRequest { articles: vec![put] }).await.unwrap();
    eventually("both are there", async || found(&mut desk.knowledge.clone()).await == 2).await;

    let secrets = ["quicksilver", "wolfram", "cobalt", "margin"];
    for secret in secrets {
        let found = desk.search(secret, "en").await;
        assert_eq!((found.total, found.corrected_query.as_str()), (0, ""), "{secret}");
    }
    let hidden = |text: &str| {
        for secret in secrets {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    };
    for id in ["put", "from-file"] {
        let get = pb::GetArticleRequest { id: id.into(), language: "en".into() };
        let article = desk.knowledge.get_article(get).await.unwrap().into_inner().article.unwrap();
        hidden(&article.body);
        assert!(article.body.contains("<!-- shown in code -->"), "{}", article.body);
        let page = desk.page(&format!("/help/articles/{id}?language=en")).await;
        hidden(&page);
        assert!(page.contains("Tea &amp; cake") && !page.contains("&amp;amp;"), "{page}");
    }
    hidden(&format!("{:?}", desk.search("lamps", "en").await));
    desk.append("c", vec![customer_says("m", "When are garden lamps shipped?")]).await.unwrap();
    let suggestions = desk.suggest(pb::SuggestAnswersRequest { chat_id: "c".into(), language: "en".into(), ..Default::default() }).await;
    assert!(!suggestions.is_empty());
    hidden(&format!("{suggestions:?}"));
    desk.model.will(Answer::says(&["In two days."]));
    desk.draft(pb::DraftReplyRequest { chat_id: "c".into(), language: "en".into(), ..Default::default() }).await.unwrap();
    let (system, user) = desk.model.last_messages();
    hidden(&system);
    hidden(&user);
    assert!(user.contains("shipped in two days") && user.contains("Tea & cake"), "{user}");

    // Its author gets it back as it was written.
    let listed = desk.knowledge.list_articles(pb::ListArticlesRequest::default()).await.unwrap().into_inner();
    assert!(listed.articles.iter().all(|article| article.body == body));
    desk.close().await;
}

#[tokio::test]
async fn synonyms_of_a_region_find_in_its_language() {
    let desk = BARE
        .open_set(|config| {
            let root = config.knowledge_base.as_ref().unwrap();
            fs::create_dir_all(root.join("articles/pt")).unwrap();
            fs::create_dir_all(root.join("synonyms")).unwrap();
            fs::write(root.join("articles/pt/frete.md"), "---\ntitle: Frete\n---\n\nO frete custa 5 €.").unwrap();
            fs::write(root.join("synonyms/pt-BR.txt"), "frete, remessa\n").unwrap();
        })
        .await;
    for language in ["pt", "pt-BR"] {
        let request = pb::SearchRequest { query: "remessa".into(), language: language.into(), ..Default::default() };
        assert_eq!(desk.knowledge.clone().search(request).await.unwrap().into_inner().total, 1, "{language}");
    }
    desk.close().await;
}
