//! Tables as CSV.

use super::{check_folder, expect, ids, import_into, import_texts, read};

#[test]
fn tables_of_every_form_become_documents() {
    let folder = tempfile::tempdir().unwrap();
    let output = import_into("csv", &["csv/answers.csv", "csv/articles-semicolon.csv", "csv/latin1.csv"], folder.path(), &[]);
    expect(
        &output,
        1,
        &[
            "answers.csv:7: `selam` in tr came already",
            "answers.csv:8: the row has 3 cells, the header 10",
            "latin1.csv:2: the table is not UTF-8; save it as \"CSV UTF-8\"",
            "documents, new: 5",
            "drafts, left out: 1 (taslak)",
            "answers for colleagues, now articles for agents: 1 (kulanz)",
            "column `Votes`: 2",
            "broken: 3",
        ],
    );
    let answer = read(folder.path(), "canned-answers/tr/selam.md");
    assert!(answer.contains("tags: [\"giriş\", \"opener\"]") && answer.contains("shortcut: \"selam\""), "{answer}");
    assert!(read(folder.path(), "canned-answers/hu/koszonet.md").contains("hogy írt nekünk!\nHamarosan"));
    assert!(read(folder.path(), "articles/de/garantie.md").contains("Zwei Jahre; auf alles."));
    check_folder(folder.path(), &["Henüz bitmedi"], &["Nur für das Team.", "Bis zu **25 €**."]);
}

#[test]
fn a_row_is_public_only_by_a_word_that_is_known() {
    let table = "id,title,body,kind,status,published,draft\n\
        a,A,Text,article,published,,\n\
        b,B,Text,article,Published ,yes,no\n\
        c,C,Text,article,yayında,1,0\n\
        d,D,Text,article,közzétéve,true,\n\
        e,E,Text,article,Veröffentlicht,ja,nein\n\
        f,F,Text,article,publié,oui,non\n\
        g,G,Text,article,publicado,sí,no\n\
        h,H,Text,article,pending,yes,\n\
        i,I,Text,article,in review,yes,\n\
        j,J,Text,article,Entwurf,yes,\n\
        k,K,Text,article,TASLAK,yes,\n\
        l,L,Text,article,wip,yes,\n\
        m,M,Text,article,approved,yes,\n\
        n,N,Text,article,published,n,\n\
        o,O,Text,article,published,hayır,\n\
        p,P,Text,article,published,2999-01-01,\n\
        q,Q,Text,article,published,2020-01-01,\n\
        r,R,Text,article,published,yes,x\n\
        s,S,Text,article,,yes,\n\
        t,T,Text,article,2,yes,\n\
        u,U,Text,canned_answer,borrador,yes,\n";
    let (folder, output) = import_texts("csv", &[("a.csv", table)], &["--language", "en"]);
    // An empty cell of `published` does not say that the text is.
    expect(
        &output,
        0,
        &[
            "documents, new: 7",
            "drafts, left out: 8 (h, i, j)",
            "texts to be published later, left out: 1 (p)",
            "texts with `status` of `approved`, which is not known to mean public, left out: 1 (m)",
            "texts with `draft` of `x`, which is not known to mean public, left out: 1 (r)",
            "texts with an empty `status`, left out: 1 (s)",
            "texts with `status` of `2`, which is not known to mean public, left out: 1 (t)",
            "texts with an empty `published`, left out: 1 (a)",
        ],
    );
    assert_eq!(ids(folder.path()), ["b", "c", "d", "e", "f", "g", "q"]);
    // Of several columns each one can hide.
    let table = "title,body,audience,active,archived,archived_at,status,Status\n\
        One,Text,public,yes,no,,published,published\n\
        Two,Text,public,yes,yes,,published,published\n\
        Three,Text,public,yes,no,2020-01-01,published,published\n\
        Four,Text,public,yes,no,,published,draft\n\
        Five,Text,public,no,no,,published,published\n";
    let (folder, output) = import_texts("csv", &[("a.csv", table)], &["--language", "en"]);
    expect(&output, 0, &["documents, new: 1", "drafts, left out: 3 (two, four, five)", "expired or were archived, left out: 1 (three)"]);
    assert_eq!(ids(folder.path()), ["one"]);
}

#[test]
fn words_of_a_row_that_do_not_fit_are_listed() {
    let table = "id,title,body,kind,audience,internal,owner_group,owner_agent_id,shortcut,url\n\
        a,A,Text,article,vip,,,,,\n\
        b,B,Text,article,public,ja,,,,\n\
        c,C,Text,article,Öffentlich,nein,orders,selin,kurz,\n\
        d,D,Text,canned_answer,vip,,orders,selin,,https://shop.example/d\n\
        e,E,Text,spell,,,,,,\n";
    let (folder, output) = import_texts("csv", &[("a.csv", table)], &["--language", "en"]);
    expect(
        &output,
        0,
        &[
            "documents, new: 5",
            "audience `vip`, which is not known to be the public, now agents alone: 1 (a)",
            "`owner_group` of an article: 1 (c)",
            "`owner_agent_id` of an article: 1 (c)",
            "`shortcut` of an article: 1 (c)",
            "audience `vip` of a canned answer, which is for all agents or its owner: 1 (d)",
            "`owner_group` of a canned answer that is one agent's: 1 (d)",
            "`url` of a canned answer: 1 (d)",
            "kind `spell`, which is neither article nor canned_answer, taken as a canned answer: 1 (e)",
        ],
    );
    let into = folder.path().join("into");
    for (id, is_internal) in [("a", true), ("b", true), ("c", false)] {
        assert_eq!(read(&into, &format!("articles/en/{id}.md")).contains("\naudience: agents\n"), is_internal, "{id}");
    }
    assert!(read(&into, "canned-answers/en/d.md").contains("owner_agent_id: \"selin\""));
}
