//! FreeScout: saved replies.

use super::{check_folder, expect, import_into, import_texts, read};

#[test]
fn freescout_saved_replies_become_canned_answers() {
    let folder = tempfile::tempdir().unwrap();
    let output = import_into("freescout", &["freescout/saved_replies.json"], folder.path(), &[]);
    expect(
        &output,
        0,
        &[
            "documents, new: 2",
            "saved replies without a text, which are folders: 1 (1)",
            "saved reply.mailbox_id: 2 (2, 3)",
            "placeholder {%conversation.number%}",
        ],
    );
    let answer = read(folder.path(), "canned-answers/hu/freescout-2.md");
    assert!(answer.contains("Kedves {{customer.first_name}}!") && answer.contains("Üdvözlettel: {{agent.name}}"), "{answer}");
    check_folder(folder.path(), &[], &[]);
    let output = import_into("freescout", &["freescout/phpmyadmin.json"], folder.path(), &[]);
    expect(&output, 0, &["documents, unchanged: 1"]);
}

#[test]
fn replies_that_are_switched_off_are_left_out() {
    let rows = r#"[{"id": 1, "name": "A", "text": "<p>Text</p>"}, {"id": 2, "name": "B", "text": "<p>Hidden</p>", "active": 0}]"#;
    let (folder, output) = import_texts("freescout", &[("a.json", rows)], &["--language", "en"]);
    expect(&output, 0, &["documents, new: 1", "drafts, left out: 1 (2)"]);
    check_folder(&folder.path().join("into"), &["Hidden"], &[]);
}
