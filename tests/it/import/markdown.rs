//! Trees of Markdown and HTML.

use super::{all_text, check_folder, expect, import_into, read, run, written};

#[test]
fn trees_of_markdown_and_html_become_articles() {
    let folder = tempfile::tempdir().unwrap();
    let roots = ["docusaurus", "jekyll", "hugo/content", "notion", "html"].map(|root| format!("markdown/{root}"));
    let roots: Vec<&str> = roots.iter().map(String::as_str).collect();
    let output = import_into("markdown", &roots, folder.path(), &["--picture-host", "cdn.kuzey.example"]);
    expect(
        &output,
        0,
        &[
            "documents, new: 7",
            "drafts, left out: 3",
            "folders of drafts, left out: 1 (_drafts)",
            "parts of other pages",
            "files that are neither Markdown nor HTML: 1 (docs/picture.bin)",
            "front matter.hide_table_of_contents: 1",
            "tags of a site generator: youtube: 1",
            "placeholder {{ site.phone }}",
            "links to files that are not in the tree, now text: 1",
            "pictures in the file or beside it, without an address: 1",
            "imports and exports of MDX: 1",
        ],
    );
    let article = read(folder.path(), "articles/en/returns-how.md");
    for part in [
        "title: \"How to return an item\"",
        "category: \"returns\"",
        "tags: [\"refund\", \"send back\"]",
        "updated_at: 2026-01-05T00:00:00Z",
        "## Within 14 days\n",
        "**Keep the box**",
        "[what it costs](costs.md#fees), or a page that is gone.",
        "Bold text.",
        "Inside the **box**",
        "![Label](https://cdn.kuzey.example/label.png)",
    ] {
        assert!(article.contains(part), "{part}: {article}");
    }
    assert!(read(folder.path(), "articles/tr/returns-how.md").contains("**14 gün**"));
    assert!(read(folder.path(), "articles/en/costs.md").contains("title: \"What a return costs\""));
    let hungarian = read(folder.path(), "articles/hu/szallitasi-ido.md");
    assert!(hungarian.contains("category: \"Szállítás\"") && hungarian.contains("updated_at: 2026-01-05T10:00:00Z"), "{hungarian}");
    assert!(read(folder.path(), "articles/en/notion-fedcba9876543210fedcba9876543210.md").contains("title: \"Gift cards\""));
    let html = read(folder.path(), "articles/en/warranty.md");
    assert!(html.contains("title: \"Warranty & repair\"") && html.contains("Two years on *everything*."), "{html}");
    // What is for an audience that we do not know is not published.
    check_folder(folder.path(), &["Nobody may see", "Nem publikus", "Még nincs", "Nicht fertig"], &["zwei Tage"]);
}

#[test]
fn a_page_that_its_site_would_not_show_is_left_out() {
    let notion = "0123456789abcdef0123456789abcdef";
    let notion_draft = format!("Plan {notion}.md");
    let notion_done = format!("Gift cards {}.md", notion.replace('0', "f"));
    let folder = tempfile::tempdir().unwrap();
    let pages: &[(&str, &str)] = &[
        ("site/shown.md", "---\ntitle: Shown\npublishDate: 2020-01-01\nexpiryDate: 2999-01-01\ndate: 2999-01-01\n---\nText.\n"),
        ("site/also.md", "---\ntitle: Also\ncategories: [One, Two]\nstatus: Published\npublished: true\nunlisted: false\n---\nText.\n"),
        ("site/expired.md", "---\ntitle: A\nexpiryDate: 2020-01-01\n---\nHidden.\n"),
        ("site/later.md", "---\ntitle: A\npublishDate: 2999-01-01\ndate: 2020-01-01\n---\nHidden.\n"),
        ("site/dated.md", "+++\ntitle = \"A\"\ndate = 2999-01-01T00:00:00Z\n+++\nHidden.\n"),
        ("site/2999-01-01-post.md", "Hidden.\n"),
        ("site/jekyll-date.md", "---\ndate: 2999-01-01 10:00:00 +0200\n---\nHidden.\n"),
        ("site/unlisted.mdx", "---\nunlisted: true\n---\nHidden.\n"),
        ("site/list.md", "---\nstatus: [draft]\n---\nHidden.\n"),
        ("site/vorlage.md", "---\nstatus: In Prüfung\n---\nHidden.\n"),
        ("site/no.md", "---\npublished: n\n---\nHidden.\n"),
        ("site/null.md", "---\npublished:\n---\nHidden.\n"),
        ("site/word.md", "---\ndraft: evet\n---\nHidden.\n"),
        ("site/built.md", "---\nbuild:\n  render: never\n---\nHidden.\n"),
        ("site/section/_index.md", "---\ntitle: S\ncascade:\n  draft: true\n---\nHidden.\n"),
        ("site/section/Page.md", "Hidden.\n"),
        ("site/_drafts/a.md", "Hidden.\n"),
        ("site/drafts/a.md", "Hidden.\n"),
        ("site/internal.md", "---\ntitle: Internal\ninternal: ja\n---\nFor us.\n"),
        ("site/vip.md", "---\ntitle: Vip\naudience: vip\n---\nFor some.\n"),
        (&format!("site/{notion_draft}"), "# Plan\n\nStatus: Draft\nOwner: Selin\n\nHidden.\n"),
        (&format!("site/{notion_done}"), "# Gift cards\n\nStatus: Published\n\nNote: three years.\n"),
    ];
    written(folder.path(), pages);
    let into = folder.path().join("into");
    let root = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let import =
        |name: &str| run(&["import", "markdown", &root(name), "--language", "en", "--into", into.to_str().unwrap()].map(str::to_owned));
    let output = import("site");
    expect(
        &output,
        0,
        &[
            "documents, new: 5",
            "texts that expired or were archived, left out: 1 (expired)",
            "texts to be published later, left out: 4",
            "texts with an empty `published`, left out: 1 (null)",
            "pages that are not built or not listed, left out: 1 (built)",
            "pages whose folder hides them by `cascade`, left out: 2",
            "folders of drafts, left out: 2 (_drafts, drafts)",
            "audience `vip`, which is not known to be the public, now agents alone: 1 (vip)",
            "drafts, left out: 6",
            "pages of several categories, now of the first: 1 (also)",
        ],
    );
    check_folder(&into, &["Hidden"], &["For us.", "For some."]);
    // Neither by its own name.
    expect(&import("site/_drafts"), 0, &["folders of drafts, left out: 1"]);
    expect(&import("site/_drafts/a.md"), 0, &["folders of drafts, left out: 1"]);
    assert!(!all_text(&into).contains("Hidden"));
}
