//! The help center's pages: who sees what, at which host, in which language; what is escaped; what is kept.

use deskhand::{
    api::pb,
    config::{Config, HelpCenterConfig, TokenLimits, WorkspaceConfig},
    ids::Workspace,
    keys::{NewKey, Scope},
};
use reqwest::{Client, Method, Response, StatusCode, header};

use crate::support::desk::{Desk, Opening, eventually};

const HELP: &str = "help.shop.example";

fn article(id: &str, language: &str, title: &str, body: &str) -> pb::Article {
    pb::Article { id: id.into(), language: language.into(), title: title.into(), body: body.into(), ..pb::Article::default() }
}

async fn put(desk: &mut Desk, articles: Vec<pb::Article>) {
    desk.knowledge.put_articles(pb::PutArticlesRequest { articles }).await.unwrap();
}

async fn ask(desk: &Desk, method: Method, path: &str, headers: &[(&str, &str)], form: Option<&str>) -> Response {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    // A path as it is: a URL would take dots and encodings out of it.
    let mut request = client.request(method, format!("http://{}{path}", desk.address()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(form) = form {
        request = request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned());
    }
    request.send().await.unwrap()
}

async fn get(desk: &Desk, path: &str) -> Response {
    ask(desk, Method::GET, path, &[], None).await
}

async fn page(desk: &Desk, path: &str) -> String {
    let response = get(desk, path).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    response.text().await.unwrap().replace("&#x2f;", "/")
}

fn of(response: &Response, name: &str) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

fn empty(set: impl FnOnce(&mut Config)) -> impl Future<Output = Desk> {
    Opening { with_model: false, with_shop: false, change: |_| {} }.open_set(set)
}

fn published(address: &str) -> HelpCenterConfig {
    HelpCenterConfig { address: Some(address.to_owned()), theme: None }
}

fn search_key() -> NewKey {
    NewKey {
        workspace: Workspace::default(),
        scopes: vec![Scope::Search],
        origins: Vec::new(),
        calls_per_second: None,
        token_limits: TokenLimits::default(),
    }
}

#[tokio::test]
async fn articles_are_pages_in_their_languages() {
    let desk = Desk::without_model().await;
    let index = page(&desk, "/help/en").await;
    for part in
        ["<html lang=\"en\" dir=\"ltr\">", "<h1>Help center</h1>", "href=\"/help/tr\" lang=\"tr\"", "Can I cancel or change my order?"]
    {
        assert!(index.contains(part), "{part} in {index}");
    }
    let origin = format!("http://{}", desk.address());
    let shown = page(&desk, "/help/en/cancel-or-change-order").await;
    for part in [
        "<title>Can I cancel or change my order? – Help center</title>".to_owned(),
        "<meta name=\"description\" content=\"Yes, as long as the order is not yet".to_owned(),
        format!("<link rel=\"canonical\" href=\"{origin}/help/en/cancel-or-change-order\">"),
        format!("<link rel=\"alternate\" hreflang=\"de\" href=\"{origin}/help/de/cancel-or-change-order\">"),
        "<meta property=\"og:title\" content=\"Can I cancel or change my order?\">".to_owned(),
        "<time datetime=\"2026-10-05\">5 October 2026</time>".to_owned(),
        "<h2 id=\"cancel-it-yourself\">Cancel it yourself</h2>".to_owned(),
        "href=\"/help/en/categories/account\"".to_owned(),
        "Related articles".to_owned(),
    ] {
        assert!(shown.contains(&part), "{part} in {shown}");
    }
    assert!(page(&desk, "/help/tr/cancel-or-change-order").await.contains("3 Ekim 2026"));
    assert!(page(&desk, "/help/en/categories/account").await.contains("How do I delete my account?"));
    assert!(!shown.contains("I pressed buy too early"), "how customers ask is not shown");
    let data = shown.split_once("<script type=\"application/ld+json\">").unwrap().1.split_once("</script>").unwrap().0;
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["@graph"][0]["headline"], "Can I cancel or change my order?");
    assert_eq!(data["@graph"][1]["itemListElement"][2]["position"], 3);
    // Every link to a page of the help center leads to one.
    let links: std::collections::BTreeSet<&str> =
        shown.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).filter(|link| link.starts_with("/help/")).collect();
    assert!(links.len() > 10, "{links:?}");
    for link in links {
        assert_eq!(get(&desk, link).await.status(), StatusCode::OK, "{link}");
    }
    desk.close().await;
}

#[tokio::test]
async fn what_the_public_may_not_read_is_not_there() {
    let mut desk = empty(|config| {
        let workspace = |name: &str, config: &Config| WorkspaceConfig {
            name: Workspace::new(name).unwrap(),
            knowledge_base: None,
            desk: config.desk.clone(),
            models: None,
            embedding: config.embedding.clone(),
        };
        config.workspaces.push(workspace("rose", config));
    })
    .await;
    let secret = pb::Article {
        audience: pb::Audience::Agents.into(),
        category: "inside".into(),
        ..article("secret", "en", "Nightingale", "Margin 41.")
    };
    put(&mut desk, vec![article("open", "en", "Open", "See [it](secret.md) and [it](open.md)."), secret.clone()]).await;
    let rose = desk.make_key(NewKey { workspace: Workspace::new("rose").unwrap(), scopes: vec![Scope::Author], ..search_key() }).await;
    // From here on there are keys, so nothing is shown without publishing.
    for path in ["/help/en", "/help/en/open", "/help/sitemap.xml", "/robots.txt", "/help/en/search?q=open", "/help/center.css"] {
        assert_eq!(get(&desk, path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    drop(rose);
    let kept = desk.close_and_keep().await;
    let opening = Opening { with_model: false, with_shop: false, change: |_| {} };
    let desk = opening
        .open_with(kept, |config| {
            config.help_centers.insert(Workspace::default(), published("https://help.shop.example"));
            let rose = WorkspaceConfig {
                name: Workspace::new("rose").unwrap(),
                knowledge_base: None,
                desk: config.desk.clone(),
                models: None,
                embedding: config.embedding.clone(),
            };
            config.workspaces.push(rose);
            config.help_centers.insert(Workspace::new("rose").unwrap(), published("https://rose.example"));
        })
        .await;
    let at = async |host: &str, path: &str| ask(&desk, Method::GET, path, &[("host", host)], None).await;
    for path in ["/help/en", "/help/en/open", "/help/en/search?q=nightingale+margin", "/help/sitemap.xml", "/help/featured?language=en"] {
        let response = at(HELP, path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let text = response.text().await.unwrap();
        assert!(!text.contains("secret") && !text.contains("Nightingale") && !text.contains("Margin 41"), "{path}: {text}");
    }
    for (host, path) in [
        (HELP, "/help/en/secret"),
        (HELP, "/help/en/categories/inside"),
        ("rose.example", "/help/en/open"),
        ("127.0.0.1", "/help/en/open"),
        ("evil.example", "/help/en"),
        ("help.shop.example.evil.example", "/help/en"),
        ("help.shop.example:8080", "/help/en"),
    ] {
        assert_eq!(at(host, path).await.status(), StatusCode::NOT_FOUND, "{path} at {host}");
    }
    assert_eq!(at("rose.example", "/help/en").await.status(), StatusCode::OK, "an empty one");
    assert_eq!(at("Help.Shop.Example:443", "/help/en/open").await.status(), StatusCode::OK, "the same host");
    let root = at(HELP, "/").await;
    assert_eq!((root.status(), of(&root, "location")), (StatusCode::FOUND, "/help/en".into()));
    let robots = at(HELP, "/robots.txt").await.text().await.unwrap();
    assert!(robots.contains("Sitemap: https://help.shop.example/help/sitemap.xml"), "{robots}");

    // The search box needs no key there, and other sites' pages can't use it.
    assert_eq!(at(HELP, "/help/search?q=open&language=en").await.status(), StatusCode::OK);
    assert_eq!(at("evil.example", "/help/search?q=open&language=en").await.status(), StatusCode::UNAUTHORIZED);
    let foreign = [("host", HELP), ("origin", "https://evil.example")];
    assert_eq!(ask(&desk, Method::GET, "/help/search?q=open", &foreign, None).await.status(), StatusCode::FORBIDDEN);
    // What needs more than the scope `search` still needs a key.
    let listed = desk.post_grpc("deskhand.v1.KnowledgeService/ListArticles", &[("host", HELP)], vec![0; 5]).await;
    assert_eq!(tonic::Status::from_header_map(&listed).unwrap().code(), tonic::Code::Unauthenticated);
    desk.close().await;
}

#[tokio::test]
async fn an_article_that_is_hidden_or_deleted_is_gone_at_once() {
    let mut desk = Desk::empty().await;
    put(&mut desk, vec![article("a", "en", "Towels", "Soft."), article("b", "en", "Sheets", "Cool.")]).await;
    assert!(page(&desk, "/help/en").await.contains("Towels"));
    put(&mut desk, vec![pb::Article { audience: pb::Audience::Agents.into(), ..article("a", "en", "Towels", "Soft.") }]).await;
    desk.knowledge.delete_articles(pb::DeleteArticlesRequest { ids: vec!["b".into()], language: String::new() }).await.unwrap();
    let index = page(&desk, "/help/en").await;
    assert!(!index.contains("Towels") && !index.contains("Sheets"), "{index}");
    for path in ["/help/en/a", "/help/en/b"] {
        assert_eq!(get(&desk, path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    desk.close().await;
}

#[tokio::test]
async fn nothing_that_is_written_becomes_markup() {
    let mut desk = Desk::empty().await;
    let hostile = "</script></title><script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let body = format!(
        "{hostile}\n\n# {hostile}\n\n[x](javascript:alert(1)) ![x](javascript:alert(1)) [y](https://evil.example/\"onclick=\"x)\n\n|{hostile}|\n|-|\n|{hostile}|"
    );
    let hostile_article = pb::Article { category: hostile.into(), tags: vec!["featured".into()], ..article("h", "en", hostile, &body) };
    put(&mut desk, vec![hostile_article, pb::Article { category: hostile.into(), ..article("i", "en", hostile, "x") }]).await;
    let category = "/help/en/categories/%3C%2Fscript%3E%3C%2Ftitle%3E%3Cscript%3Ealert%281%29%3C%2Fscript%3E%22%27%3E%3Cimg%20src%3Dx%20onerror%3Dalert%281%29%3E";
    let query = "/help/en/search?q=%3C/script%3E%3Cscript%3Ealert(1)%3C/script%3E%22onfocus=alert(1)";
    for path in ["/help/en", "/help/en/h", "/help/en/search?q=alert", query, category] {
        let shown = page(&desk, path).await;
        let tags: Vec<&str> = shown.split('<').skip(1).filter_map(|tag| tag.split('>').next()).collect();
        let scripts: Vec<&&str> = tags.iter().filter(|tag| tag.starts_with("script")).collect();
        assert!(
            scripts.iter().all(|tag| ["script type=\"application/ld+json\"", "script src=\"/help/search.js\" defer"].contains(tag)),
            "{path}: {scripts:?}"
        );
        let bad =
            tags.iter().find(|tag| tag.starts_with("img") || tag.contains("javascript:") || (tag.contains(" on") && !tag.contains('"')));
        assert_eq!(bad, None, "{path}");
        // Within quotes an attribute may hold anything but a quote.
        let outside: String = tags.iter().map(|tag| tag.split('"').step_by(2).collect::<String>()).collect();
        assert!(!outside.contains("onerror") && !outside.contains("onclick") && !outside.contains("onfocus"), "{path}: {outside}");
        if let Some((_, data)) = shown.split_once("ld+json\">") {
            let data: serde_json::Value = serde_json::from_str(data.split_once("</script>").unwrap().0).unwrap();
            assert!(data.to_string().contains("schema.org"));
        }
    }
    let policy = of(&get(&desk, "/help/en/h").await, "content-security-policy");
    assert!(policy.contains("script-src 'self';") && policy.contains("style-src 'self';") && !policy.contains("unsafe"), "{policy}");
    desk.close().await;
}

#[tokio::test]
async fn an_article_in_another_language_is_led_to_and_what_is_none_is_a_page_that_says_so() {
    let mut desk = Desk::empty().await;
    put(
        &mut desk,
        vec![article("a", "tr", "Havlu", "Yumuşak."), article("a", "de", "Handtuch", "Weich."), article("b", "ar", "منشفة", "ناعمة.")],
    )
    .await;
    for (path, code, to) in [
        ("/help/de-AT/a", 302, "/help/de/a"),
        ("/help/fr/b", 302, "/help/ar/b"),
        ("/help/de-CH", 302, "/help/de"),
        ("/help/DE/a", 301, "/help/de/a"),
        ("/help/tr/", 301, "/help/tr"),
        ("/help/TR/search?q=x", 301, "/help/tr/search?q=x"),
        ("/help/de/a/", 404, ""),
        ("/help/de/none", 404, ""),
        ("/help/fr", 404, ""),
        ("/help/de/categories/none", 404, ""),
        ("/help/de/categories?page=2", 404, ""),
        ("/help/de/%ff", 404, ""),
        ("/help/de/%00", 404, ""),
        ("/help/de/%2e%2e%2f%2e%2e%2fetc%2fpasswd", 404, ""),
        ("/help/de/a/b", 404, ""),
        ("/help/sitemap-1.xml", 404, ""),
        ("/help/xyzw", 404, ""),
    ] {
        let response = get(&desk, path).await;
        assert_eq!((response.status().as_u16(), of(&response, "location").as_str()), (code, to), "{path}");
    }
    let long = format!("/help/de/{}", "x".repeat(3000));
    let missing = get(&desk, &long).await;
    assert_eq!((missing.status(), of(&missing, "cache-control")), (StatusCode::NOT_FOUND, "no-store".into()));
    let said = missing.text().await.unwrap();
    assert!(said.contains("Diese Seite gibt es nicht") && said.contains("noindex") && said.contains("<html lang=\"de\""), "{said}");
    let arabic = page(&desk, "/help/ar/b").await;
    assert!(arabic.contains("<html lang=\"ar\" dir=\"rtl\">") && arabic.contains("<header lang=\"en\" dir=\"ltr\">"), "{arabic}");
    let post = ask(&desk, Method::POST, "/help/de", &[], Some("helpful=yes")).await;
    assert_eq!(post.status(), StatusCode::METHOD_NOT_ALLOWED);
    // Fixed names win, and articles of such names are still read.
    for (id, path) in [
        ("search", "/help/de/%73earch"),
        ("categories", "/help/de/%63ategories"),
        ("Größe & Maß/50% +?#", "/help/de/Gr%C3%B6%C3%9Fe%20%26%20Ma%C3%9F%2F50%25%20%2B%3F%23"),
    ] {
        put(&mut desk, vec![article(id, "de", &format!("Titel {}", id.len()), "Text.")]).await;
        assert!(page(&desk, path).await.contains(&format!("<h1>Titel {}</h1>", id.len())), "{path}");
        assert!(page(&desk, "/help/de").await.contains(&format!("href=\"{path}\"")), "{path}");
    }
    desk.close().await;
}

#[tokio::test]
async fn the_sitemap_has_every_public_article_with_its_versions() {
    let mut desk = Desk::empty().await;
    let hostile = article("a&b<\"'>", "en", "Odd", "x");
    put(&mut desk, vec![article("a", "en", "A", "x"), article("a", "de", "A", "x"), hostile]).await;
    put(&mut desk, vec![pb::Article { audience: pb::Audience::Agents.into(), ..article("secret", "en", "S", "x") }]).await;
    let origin = format!("http://{}", desk.address());
    let text = get(&desk, "/help/sitemap.xml").await.text().await.unwrap();
    let xml = roxmltree::Document::parse(&text).unwrap();
    let locations = |xml: &roxmltree::Document| -> Vec<String> {
        xml.descendants().filter(|node| node.has_tag_name("loc")).map(|node| node.text().unwrap().replace(&origin, "")).collect()
    };
    let mut found = locations(&xml);
    found.sort();
    assert_eq!(found, ["/help/de", "/help/de/a", "/help/en", "/help/en/a", "/help/en/a%26b%3C%22%27%3E"]);
    let alternates = xml.descendants().filter(|node| node.has_tag_name("link")).map(|node| node.attribute("hreflang").unwrap());
    assert_eq!(alternates.collect::<Vec<_>>(), ["de", "en", "de", "en", "de", "en", "de", "en"]);

    // More than a file takes are parts.
    for thousand in 0..3 {
        let many = (0..1000).map(|number| article(&format!("n-{thousand}-{number}"), "en", "N", "x"));
        put(&mut desk, many.collect()).await;
    }
    let text = get(&desk, "/help/sitemap.xml").await.text().await.unwrap();
    let parts = locations(&roxmltree::Document::parse(&text).unwrap());
    assert_eq!(parts, ["/help/sitemap-1.xml", "/help/sitemap-2.xml"]);
    let mut all = std::collections::BTreeSet::new();
    for part in &parts {
        let text = get(&desk, part).await.text().await.unwrap();
        all.extend(locations(&roxmltree::Document::parse(&text).unwrap()));
    }
    assert_eq!(all.len(), 3005);
    assert_eq!(get(&desk, "/help/sitemap-3.xml").await.status(), StatusCode::NOT_FOUND);
    // A long category is shown in pages, which lead to one another.
    let first = page(&desk, "/help/en/categories").await;
    assert!(first.contains("rel=\"next\" href=\"/help/en/categories?page=2\"") && first.matches("<li>").count() < 80, "{first}");
    assert!(page(&desk, "/help/en/categories?page=2").await.contains("rel=\"prev\" href=\"/help/en/categories\""));
    desk.close().await;
}

#[tokio::test]
async fn a_page_is_sent_again_only_when_it_changed() {
    let mut desk = Desk::empty().await;
    put(&mut desk, vec![article("a", "en", "Towels", &"Soft. ".repeat(300))]).await;
    let first = get(&desk, "/help/en/a").await;
    let tag = of(&first, "etag");
    assert_eq!((of(&first, "cache-control").as_str(), of(&first, "x-content-type-options").as_str()), ("public, max-age=60", "nosniff"));
    let with = async |name: &str, value: &str| ask(&desk, Method::GET, "/help/en/a", &[(name, value)], None).await;
    let again = with("if-none-match", &tag).await;
    assert_eq!((again.status(), of(&again, "etag")), (StatusCode::NOT_MODIFIED, tag.clone()));
    assert!(again.bytes().await.unwrap().is_empty());
    // A time is told as soon as nothing can change within its second any more.
    eventually("the page has a time", || async { !of(&get(&desk, "/help/en/a").await, "last-modified").is_empty() }).await;
    let modified = of(&get(&desk, "/help/en/a").await, "last-modified");
    assert_eq!(with("if-modified-since", &modified).await.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(with("if-modified-since", "Sat, 01 Jan 2000 00:00:00 GMT").await.status(), StatusCode::OK);
    let packed = with("accept-encoding", "gzip").await;
    assert_eq!(of(&packed, "content-encoding"), "gzip");
    let head = ask(&desk, Method::HEAD, "/help/en/a", &[], None).await;
    assert_eq!((head.status(), of(&head, "etag")), (StatusCode::OK, tag.clone()));
    assert!(head.bytes().await.unwrap().is_empty());
    put(&mut desk, vec![article("a", "en", "Towels and sheets", "Soft.")]).await;
    for (name, value) in [("if-none-match", tag.as_str()), ("if-modified-since", modified.as_str())] {
        let response = ask(&desk, Method::GET, "/help/en/a", &[(name, value)], None).await;
        assert_eq!(response.status(), StatusCode::OK, "{name}");
    }
    let address = page(&desk, "/help/en").await.split_once("rel=\"stylesheet\" href=\"").unwrap().1.split('"').next().unwrap().to_owned();
    let style = get(&desk, &address).await;
    assert_eq!(of(&style, "cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(of(&get(&desk, "/help/center.css?v=other").await, "cache-control"), "no-cache");
    desk.close().await;
}

#[tokio::test]
async fn an_article_is_searched_opened_and_rated_without_scripts() {
    let desk = Desk::without_model().await;
    let results = page(&desk, "/help/en/search?q=cancel+order").await;
    assert!(results.contains("<mark>") && results.contains("noindex") && results.contains("value=\"cancel order\""), "{results}");
    let link = results.split("href=\"").find(|link| link.starts_with("/help/en/cancel-or-change-order?search=")).unwrap();
    let link = link.split('"').next().unwrap().to_owned();
    assert_eq!(get(&desk, &link).await.status(), StatusCode::OK);
    assert!(page(&desk, "/help/en/search?q=xqzwv").await.contains("Nothing found for “xqzwv”"));
    assert!(page(&desk, "/help/en/search").await.contains("<form action=\"/help/en/search\">"));

    let path = "/help/en/cancel-or-change-order";
    let own = format!("http://{}", desk.address());
    let first = ask(&desk, Method::POST, path, &[("origin", &own)], Some("helpful=no")).await;
    assert_eq!(first.status(), StatusCode::SEE_OTHER);
    let led = of(&first, "location");
    let thanks = page(&desk, led.split('#').next().unwrap()).await;
    assert!(thanks.contains("Thank you!") && thanks.contains("name=\"reason\""), "{thanks}");
    let rating = thanks.split_once("name=\"rating\" value=\"").unwrap().1.split('"').next().unwrap().to_owned();
    let form = format!("rating={rating}&helpful=no&reason=no+word+on+%22gifts%22");
    let second = ask(&desk, Method::POST, path, &[("origin", &own)], Some(&form)).await;
    assert_eq!(second.status(), StatusCode::SEE_OTHER);
    assert!(!page(&desk, of(&second, "location").split('#').next().unwrap()).await.contains("name=\"reason\""));
    eventually("what was done is in the report", || {
        let mut knowledge = desk.knowledge.clone();
        async move {
            let report = knowledge.get_search_report(pb::GetSearchReportRequest::default()).await.unwrap().into_inner();
            let is_rated = report.ratings.iter().any(|rating| rating.reasons == ["no word on \"gifts\""] && rating.unhelpful == 1);
            is_rated && report.opens.iter().any(|open| open.id == "cancel-or-change-order")
        }
    })
    .await;
    for (headers, form, code) in [
        (vec![("origin", "https://evil.example")], "helpful=no", 403),
        (vec![("origin", "null")], "helpful=no", 403),
        (vec![], "helpful=maybe", 400),
        (vec![], "", 400),
        (vec![("content-type", "text/plain")], "helpful=no", 400),
    ] {
        let response = if headers.first().is_some_and(|(name, _)| *name == "content-type") {
            let client = Client::new().post(format!("{own}{path}")).header("content-type", "text/plain");
            client.body(form).send().await.unwrap()
        } else {
            ask(&desk, Method::POST, path, &headers, Some(form)).await
        };
        assert_eq!(response.status().as_u16(), code, "{headers:?} {form}");
    }
    let large = ask(&desk, Method::POST, path, &[], Some(&format!("helpful=no&reason={}", "x".repeat(20_000)))).await;
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let agents = ask(&desk, Method::POST, "/help/en/goodwill-vouchers", &[], Some("helpful=yes")).await;
    assert_eq!(agents.status(), StatusCode::NOT_FOUND);
    desk.close().await;
}

#[tokio::test]
async fn a_visitor_of_a_published_help_center_has_a_rate() {
    let desk = empty(|config| {
        config.help_centers.insert(Workspace::default(), published("https://help.shop.example"));
        config.limits.calls_per_visitor = 1;
    })
    .await;
    let mut codes = Vec::new();
    for _ in 0..6 {
        let response = ask(&desk, Method::GET, "/help/en", &[("host", HELP)], None).await;
        codes.push((response.status().as_u16(), of(&response, "retry-after")));
    }
    assert!(codes.contains(&(429, "1".into())) && codes[0].0 == 200, "{codes:?}");
    desk.close().await;
}

#[tokio::test]
async fn a_theme_is_what_its_file_says_and_a_wrong_one_is_told_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("theme.toml");
    std::fs::write(
        &file,
        "title = \"Rose & <Oak>\"\nhome = \"https://rose.example/?a=1&b=2\"\nlogo = \"https://rose.example/logo.svg\"\npicture_hosts = [\"cdn.rose.example\"]\n\
         [[footer]]\ntext = \"Imprint\"\naddress = \"https://rose.example/imprint\"\n[light]\naccent = \"#a1003c\"\n",
    )
    .unwrap();
    let theme = HelpCenterConfig { address: None, theme: Some(file.clone()) };
    let mut desk = empty(|config| drop(config.help_centers.insert(Workspace::default(), theme))).await;
    put(&mut desk, vec![article("a", "en", "A", "![p](https://cdn.rose.example/p.png) ![q](https://evil.example/q.png)")]).await;
    let shown = page(&desk, "/help/en/a").await;
    for part in [
        "<title>A – Rose &amp; &lt;Oak&gt;</title>",
        "href=\"https://rose.example/?a=1&amp;b=2\"",
        "<img src=\"https://rose.example/logo.svg\" alt=\"\">",
        ">Imprint</a>",
        "<img src=\"https://cdn.rose.example/p.png\" alt=\"p\" loading=\"lazy\">",
        "<a href=\"https://evil.example/q.png\" rel=\"noopener noreferrer nofollow\">q</a>",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let policy = of(&get(&desk, "/help/en/a").await, header::CONTENT_SECURITY_POLICY.as_str());
    assert!(policy.contains("img-src 'self' data: https://cdn.rose.example https://rose.example;"), "{policy}");
    assert!(get(&desk, "/help/center.css").await.text().await.unwrap().starts_with(":root{--accent:#a1003c;"));
    desk.close().await;

    let start = async |file: &std::path::Path| {
        let command = tokio::process::Command::new(env!("CARGO_BIN_EXE_deskhand"))
            .args(["serve", "--listen", "127.0.0.1:0", "--knowledge-base=", "--help-center-theme"])
            .arg(file)
            .args(["--data", folder.path().join("data").to_str().unwrap()])
            .output();
        let ended = command.await.unwrap();
        (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
    };
    let (code, said) = start(&folder.path().join("none.toml")).await;
    assert!(code == Some(2) && said.contains("`help_center_theme`") && said.contains("can't be read"), "{code:?} {said}");
    std::fs::write(&file, format!("title = \"{}\"", "x".repeat(70_000))).unwrap();
    let (code, said) = start(&file).await;
    assert!(code == Some(2) && said.contains("larger than 64 KiB"), "{code:?} {said}");
    std::fs::write(&file, "[light]\naccent = \"#eee\"\n").unwrap();
    let (code, said) = start(&file).await;
    assert!(code == Some(2) && said.contains("`light.accent`") && said.contains("contrast"), "{code:?} {said}");
}

#[tokio::test]
async fn readers_are_shown_first_what_is_featured_and_then_what_is_opened() {
    let mut desk = Desk::empty().await;
    let of_category =
        |id: &str, category: &str| pb::Article { category: category.into(), ..article(id, "en", &format!("Title {id}"), "Text.") };
    let featured = pb::Article { tags: vec!["featured".into()], ..of_category("z", "two") };
    put(&mut desk, vec![of_category("a", "one"), of_category("b", "one"), of_category("c", "two"), featured]).await;
    let ids = async |desk: &Desk, language: &str| {
        let shown: serde_json::Value = get(desk, &format!("/help/featured?language={language}")).await.json().await.unwrap();
        shown["articles"].as_array().unwrap().iter().map(|article| article["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&desk, "en-GB").await, ["z", "a"], "what is featured, then one of each other category");
    assert!(ids(&desk, "tr").await.is_empty());
    assert_eq!(get(&desk, "/help/featured?language=%00").await.status(), StatusCode::BAD_REQUEST);
    let chips = page(&desk, "/help/en").await;
    assert!(chips.contains("<ul class=\"chips\">\n<li><a href=\"/help/en/z\">Title z</a></li>"), "{chips}");
    desk.close().await;
}
