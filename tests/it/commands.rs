//! The binary's commands, as an operator runs them.

use std::{fs, path::Path};

use deskhand::api::pb;

use crate::support::{
    command::{deskhand, text},
    desk::{Desk, customer_says, shop},
    process::Process,
};

#[tokio::test]
async fn call_speaks_json_both_ways() {
    let desk = Desk::without_model().await;
    let address = desk.address();
    let call = async |method: &str, json: &str| {
        let (address, method, json) = (address.clone(), method.to_owned(), json.to_owned());
        tokio::task::spawn_blocking(move || deskhand(&["call", "--address", &address, &method], &json)).await.unwrap()
    };
    let output = call("KnowledgeService/Search", "{\"query\": \"refun\", \"limit\": 2}").await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let reply: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(reply["hits"].as_array().unwrap().len(), 2);

    let sample = fs::read_to_string(format!("{}/sample-chats/01-elif-web.json", env!("CARGO_MANIFEST_DIR"))).unwrap();
    assert!(call("deskhand.v1.ChatService/AppendEvents", &sample).await.status.success());
    let output = call("ReplyService/SummarizeChat", "{\"chatId\": \"chat-elif-web\", \"language\": \"en\"}").await;
    let lines: Vec<serde_json::Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "a delta and the end");
    assert!(lines[1]["finished"]["text"].as_str().unwrap().contains("KE-204815"));

    for (method, json, printed) in [
        ("ChatService/GetChat", "{\"chatId\": \"no-such\"}", "NOT_FOUND (CHAT_NOT_FOUND)"),
        ("ChatService/GetChat", "{\"chatIdd\": \"x\"}", "the JSON is not a valid GetChatRequest"),
        ("ChatService/GetChat", "nonsense", "the JSON is not a valid GetChatRequest"),
        ("ChatService/Nope", "{}", "ChatService/GetChat"),
        ("ChatService/GetChat", "{}", "chat_id: is required"),
    ] {
        let output = call(method, json).await;
        assert!(!output.status.success());
        assert!(text(&output.stderr).contains(printed), "{}", text(&output.stderr));
    }
    let output = deskhand(&["call", "--address", "127.0.0.1:1", "ChatService/GetChat"], "{}");
    assert!(text(&output.stderr).contains("no server listens on 127.0.0.1:1"), "{}", text(&output.stderr));
    desk.close().await;
}

#[test]
fn check_finds_nothing_wrong_with_the_sample_shop() {
    let output = deskhand(&["check", shop().to_str().unwrap()], "");
    assert!(output.status.success(), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains(" 0 errors"));
}

#[test]
fn check_names_file_and_line_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("canned-answers/en/hello.md");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "---\ntitle: Hello\n---\n\nHello {{customer.nickname}}").unwrap();
    let output = deskhand(&["check", folder.path().to_str().unwrap()], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("hello.md:5: error: unknown placeholder"), "{}", text(&output.stdout));
    let output = deskhand(&["check", "/no/such/folder"], "");
    assert!(text(&output.stderr).contains("`/no/such/folder` is not a folder"));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn check_reports_every_unread_file_and_every_problem_in_an_authors_terms() {
    let folder = tempfile::tempdir().unwrap();
    let good = "---\ntitle: T\n---\n\nText.";
    for (name, text) in [
        ("articles/en/one.MD", good),
        ("articles/en/two.markdown", good),
        ("articles/three.md", good),
        ("articles/en/four.md", "---\ntitle: T\naudience: Agents\n---\n\nText."),
        ("articles/en/five.md", "---\ntitle: T\ndraft: true\n---\n\nText."),
        ("articles/en/six.md", "---\ntitle: T\nurl: javascript:alert(1)\n---\n\nText."),
        ("articles/en/seven.md", "---\ntitle: Order #204815 is late\n---\n\nText."),
        ("articles/en/eight.md", "---\ntitle:\n---\n\nText."),
        ("articles/en/nine.md", "--- \ntitle: Fine\n--- \n\nText."),
        ("articles/en/ten.md", "---\ntitle: T\nwhen: channel = email\n---\n\nText."),
        ("canned-answers/en/shipped.md", "---\ntitle: T\nwhen:\n  - channel = email\n  - recrod.order.status = shipped\n---\n\nHi."),
        ("articles/en/picture.png", "x"),
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let output = deskhand(&["check", folder.path().to_str().unwrap()], "");
    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    for part in [
        "articles/en/one.MD:1: error: not read",
        "articles/en/two.markdown:1: error: not read",
        "articles/three.md:1: error: not read",
        "articles/en/four.md:3: error: `audience` must be `public` or `agents`",
        "articles/en/five.md:3: error: unknown key `draft`",
        "articles/en/six.md:3: error: `url` must begin with http:// or https://",
        "articles/en/seven.md:2: error: everything after ` #` is a comment, which leaves only `Order`",
        "articles/en/eight.md:2: error: `title` must be a text",
        "articles/en/ten.md:3: error: `when` is for canned answers",
        "canned-answers/en/shipped.md:5: error: `when`: `recrod.order.status` is not known; conditions are about record.SOURCE.KEY, form.KEY, \
         customer.attributes.KEY, channel, opening_hours",
        "articles/en/picture.png:1: warning: not read; not part",
        "10 errors, 1 warnings",
    ] {
        assert!(printed.contains(part), "{part} in {printed}");
    }
    assert!(!printed.contains("nine.md") && !printed.contains("Option<"), "{printed}");
}

#[test]
fn a_missing_knowledge_base_is_a_configuration_error() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let missing = folder.path().join("kb");
    for command in ["serve", "prompt"] {
        let mut arguments = vec![command];
        if command == "prompt" {
            arguments.push("some-chat");
        }
        arguments.extend(["--data", data.to_str().unwrap(), "--knowledge-base", missing.to_str().unwrap()]);
        let output = deskhand(&arguments, "");
        assert_eq!(output.status.code(), Some(2), "{command}: {}", text(&output.stderr));
        let printed = text(&output.stderr);
        for part in [missing.to_str().unwrap(), "--knowledge-base=", "DESKHAND_KNOWLEDGE_BASE"] {
            assert!(printed.contains(part), "{part} in {printed}");
        }
        assert!(!data.exists(), "nothing was made");
    }
    // The default folder is not there either; its absolute path is named.
    let output = deskhand(&["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()], "");
    let default = std::env::temp_dir().join("knowledge-base");
    assert!(output.status.code() == Some(2) && text(&output.stderr).contains(default.to_str().unwrap()), "{}", text(&output.stderr));
    // An open port without a key is one, too.
    let output = deskhand(&["serve", "--knowledge-base=", "--listen", "0.0.0.0:0", "--data", data.to_str().unwrap()], "");
    assert!(output.status.code() == Some(2) && text(&output.stderr).contains("there are no keys"), "{}", text(&output.stderr));
}

#[test]
fn every_configuration_problem_is_reported_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deskhand.toml");
    fs::write(&file, "listen = \"nowhere\"\ncontext_tokens = 3\nunknown = 1\n").unwrap();
    let output = deskhand(&["serve", "--config", file.to_str().unwrap(), "--language", "not a tag"], "");
    assert_eq!(output.status.code(), Some(2));
    let printed = text(&output.stderr);
    for part in
        ["4 problems", "`listen` is `nowhere`", "`context_tokens` is `3`", "unknown setting `unknown`", "`--language` is `not a tag`"]
    {
        assert!(printed.contains(part), "{part} in {printed}");
    }
}

#[tokio::test]
async fn a_data_folder_belongs_to_one_server() {
    let mut desk = Desk::without_model().await;
    let data = desk.folder.path().join("data");
    let output = deskhand(&["serve", "--knowledge-base=", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()], "");
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("another deskhand uses the data folder"), "{}", text(&output.stderr));
    fs::remove_file(data.join("lock")).unwrap();
    let output = deskhand(&["serve", "--knowledge-base=", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()], "");
    assert!(text(&output.stderr).contains("another deskhand uses the data folder"), "{}", text(&output.stderr));
    assert!(desk.search("refund", "en").await.total > 0, "the first one is unharmed");
    let address = desk.address();
    let other = desk.folder.path().join("other");
    let output = deskhand(&["serve", "--knowledge-base=", "--listen", &address, "--data", other.to_str().unwrap()], "");
    assert!(text(&output.stderr).contains("can't listen on"), "{}", text(&output.stderr));
    desk.close().await;
}

#[test]
fn prompt_shows_what_a_model_would_be_asked() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let output = deskhand(&["prompt", "no-such-chat", "--data", data, "--knowledge-base="], "");
    assert!(!output.status.success() && text(&output.stderr).contains("there is no database"), "{}", text(&output.stderr));
    // Whoever makes a key makes the database.
    assert!(deskhand(&["keys", "create", "--scope", "agent", "--data", data], "").status.success());
    let output = deskhand(&["prompt", "no-such-chat", "--data", data, "--knowledge-base", data], "");
    assert!(!output.status.success() && text(&output.stderr).contains("no-such-chat"), "{}", text(&output.stderr));
    let prompts = folder.path().join("prompts");
    fs::create_dir(&prompts).unwrap();
    fs::write(prompts.join("draft.md"), "{% for %}").unwrap();
    let output = deskhand(&["prompt", "c", "--data", data, "--knowledge-base", data, "--prompts", prompts.to_str().unwrap()], "");
    assert!(!output.status.success() && text(&output.stderr).contains("is not a valid template"), "{}", text(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn models_tries_each_model_out_and_says_what_to_do() {
    let server = crate::support::model::ScriptedModel::start().await;
    let url = server.base_url();
    let tried = move |arguments: &'static [&'static str]| {
        let url = url.clone();
        tokio::task::spawn_blocking(move || {
            let mut all = vec!["models", "--model", "scripted", "--model-base-url", &url, "--context-tokens", "600"];
            all.extend(arguments);
            let output = deskhand(&all, "");
            (output.status.success(), text(&output.stdout))
        })
    };
    use crate::support::model::Answer;
    server.will(Answer::says_and_counts(&["Monday\n", "Tuesday\n"], 20));
    server.will(Answer::refuses(404, "{\"error\":\"SECRET\"}"));
    server.will(Answer::says_and_counts(&["ready"], 640));
    let (passes, printed) = tried(&[]).await.unwrap();
    assert!(passes, "{printed}");
    for part in ["reachable  yes", "streams    yes, 2 chunks", "HTTP status 404", "takes a prompt of 640 tokens", "verdict    works"] {
        assert!(printed.contains(part), "{part} in {printed}");
    }
    assert!(!printed.contains("SECRET"));
    assert!(server.last_messages().1.len() > 1500, "the last prompt is a long one");

    // One that reads less than it is sent, as servers with a small window do without a word.
    for answer in [Answer::says_and_counts(&["Monday"], 20), Answer::says(&["ok"]), Answer::says_and_counts(&["ready"], 200)] {
        server.will(answer);
    }
    let (passes, printed) = tried(&[]).await.unwrap();
    assert!(!passes && printed.contains("it read 200 of about") && printed.contains("does not work as configured"), "{printed}");
    assert!(printed.contains("gets an answer all the same") && printed.contains("no: the answer came in one chunk"), "{printed}");

    server.always(Some(Answer::refuses(401, "")));
    let (passes, printed) = tried(&[]).await.unwrap();
    assert!(!passes && printed.contains("HTTP status 401; check `api_key`"), "{printed}");

    let output = tokio::task::spawn_blocking(|| deskhand(&["models"], "")).await.unwrap();
    assert!(!output.status.success() && text(&output.stderr).contains("no model is configured"), "{}", text(&output.stderr));
}

#[test]
fn keys_are_made_listed_and_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let keys = |arguments: &[&str]| deskhand(&[&["keys"], arguments, &["--data", data]].concat(), "");
    let made = keys(&["create", "--scope", "search", "--origin", "https://shop.example", "--tokens-per-day", "900"]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    // The key alone is on standard output, so that it can go into a file.
    let shown = text(&made.stdout).trim().to_owned();
    let key_id = shown.split('_').nth(1).unwrap();
    let secret = shown.rsplit('_').next().unwrap();
    assert!(shown.starts_with("dh_") && secret.len() * 4 >= 160, "{shown}");

    let listed = text(&keys(&["list"]).stdout);
    for part in [key_id, "default", "search", "50 calls/s", "900 tokens/day", "https://shop.example"] {
        assert!(listed.contains(part), "{part} in {listed}");
    }
    assert!(!listed.contains(secret));

    assert!(keys(&["revoke", &shown]).status.success(), "the whole key names it, too");
    assert!(text(&keys(&["list"]).stdout).contains("REVOKED"));
    for (arguments, printed) in [
        (&["revoke", key_id][..], "is already revoked"),
        (&["revoke", "nonsense"], "is unknown"),
        (&["revoke", "dha_x_y"], "revoke the key that made it"),
        (&["create", "--scope", "agent", "--workspace", "rose"], "unknown workspace `rose`"),
        (&["create", "--scope", "boss"], "a scope is one of search, agent, author, admin"),
        (&["create", "--scope", "search", "--origin", "shop.example"], "an origin is a scheme and a host"),
        (&["create", "--scope", "agent", "--rate", "0"], "0 is not in"),
        (&["create"], "--scope"),
    ] {
        let refused = keys(arguments);
        assert!(!refused.status.success() && refused.stdout.is_empty(), "{arguments:?}");
        assert!(text(&refused.stderr).contains(printed), "{printed} in {}", text(&refused.stderr));
    }
}

/// All that is in a folder, with the folder.
fn all_in(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let inner = entries.flat_map(|path| if path.is_dir() { all_in(&path) } else { vec![path] });
    std::iter::once(folder.to_owned()).chain(inner).collect()
}

#[tokio::test]
async fn stored_files_are_private_to_their_owner_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for _ in 0..2 {
        let server = Process::start_with_open_umask(&data).await;
        let request = pb::AppendEventsRequest { chat_id: "c".into(), events: vec![customer_says("e", "Hello")] };
        server.chats().append_events(request).await.unwrap();
        let all = all_in(&data);
        assert!(
            all.iter().any(|path| path.ends_with("erasures")) && all.iter().any(|path| path.ends_with("deskhand.sqlite-wal")),
            "{all:?}"
        );
        assert!(all.len() > 8, "{all:?}");
        for path in &all {
            let mode = fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{} is {mode:o}", path.display());
        }
        assert!(server.terminate(std::time::Duration::from_secs(30)).await.is_some(), "it does not stop");
        // As a former version left them.
        for path in all.iter().filter(|path| path.exists()) {
            fs::set_permissions(path, fs::Permissions::from_mode(if path.is_dir() { 0o755 } else { 0o644 })).unwrap();
        }
    }
}

#[test]
fn migrate_tells_what_is_pending_and_does_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let migrate = |more: &[&str]| deskhand(&[&["migrate", "--data", data.to_str().unwrap()], more].concat(), "");
    let plan = migrate(&["--plan"]);
    assert!(plan.status.success() && text(&plan.stdout).contains("there is no database"), "{plan:?}");
    assert!(!data.exists(), "a plan changes nothing");
    let done = migrate(&[]);
    assert!(done.status.success() && text(&done.stdout).contains("up to date"), "{done:?}");
    let plan = text(&migrate(&["--plan"]).stdout);
    assert!(plan.ends_with("0 are pending\n"), "{plan}");

    // As the version before left it.
    let database = data.join("deskhand.sqlite");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        use sqlx::{Connection, SqliteConnection};
        let mut connection = SqliteConnection::connect(&format!("sqlite:{}", database.display())).await.unwrap();
        let before = "DROP TABLE token_lease; DELETE FROM _sqlx_migrations WHERE version = 4";
        sqlx::raw_sql(before).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
    let plan = text(&migrate(&["--plan"]).stdout);
    assert!(plan.contains("1 are pending") && plan.contains("0004 expand token lease"), "{plan}");
    assert!(plan.contains("servers of the version before go on serving"), "{plan}");
    let done = text(&migrate(&[]).stdout);
    assert!(done.contains("0004 expand token lease: done"), "{done}");
    let both = migrate(&["--plan", "--contract"]);
    assert_eq!(both.status.code(), Some(2), "{both:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_server_writes_its_first_key_and_says_when_it_is_ready() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("first-key"));
    let port = crate::support::postgres::free_port();
    let listen = format!("127.0.0.1:{port}");
    let health = || deskhand(&["health", "--listen", &listen], "");
    let absent = health();
    assert_eq!((absent.status.code(), text(&absent.stderr).contains("no server answers")), (Some(1), true), "{absent:?}");
    let mut config = deskhand::config::Config {
        listen: listen.parse().unwrap(),
        data,
        knowledge_base: None,
        first_key_file: Some(file.clone()),
        ..deskhand::config::Config::default()
    };
    config.log = "off".into();
    let mut first = String::new();
    for start in 0..2 {
        let server = Box::pin(deskhand::server::Server::start(config.clone())).await.unwrap();
        assert!(server.needs_keys, "from the first key on every call needs one");
        let key = fs::read_to_string(&file).unwrap();
        assert!(key.starts_with("dh_"), "{key}");
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions()) & 0o777, 0o600);
        assert!(start == 0 || key == first, "a second start makes no other");
        first = key;
        let ready = || {
            let health = health();
            health.status.success() && text(&health.stdout) == "ready\n"
        };
        crate::support::desk::eventually("it is ready", async || tokio::task::block_in_place(ready)).await;
        let list = ["call", "KnowledgeService/ListArticles", "--data", "{}", "--address", &listen, "--key", &first];
        let listed = tokio::task::block_in_place(|| deskhand(&list, ""));
        assert!(listed.status.success(), "{listed:?}");
        server.stop().await;
    }
    let audit = tokio::task::block_in_place(|| deskhand(&["audit", "--data", config.data.to_str().unwrap()], ""));
    let made = format!("default  command  create_key  {}", first.split('_').nth(1).unwrap());
    assert_eq!(text(&audit.stdout).lines().map(|line| line.split_once("  ").unwrap().1.to_owned()).collect::<Vec<_>>(), [made]);
}
