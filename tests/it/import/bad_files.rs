//! Files that are broken, odd or hostile.

use std::fs;

use super::{expect, file, run};

#[test]
fn bad_files_are_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let long = format!(
        "{{\"macros\":[{{\"id\":1,\"title\":\"T\",\"actions\":[{{\"field\":\"comment_value\",\"value\":\"{}\"}}]}}]}}",
        "x".repeat(200_001)
    );
    let cases = [
        ("zendesk", path("empty.json", b""), "the file is empty; wanted is JSON of Zendesk's API"),
        ("zendesk", path("binary.json", b"{\0\x01\x02"), "the file is binary"),
        ("zendesk", path("zip.json", b"PK\x03\x04abc"), "a ZIP archive"),
        ("zendesk", path("gzip.json", &[0x1f, 0x8b, 8, 0]), "compressed by gzip"),
        ("zendesk", path("utf16.json", &[0xff, 0xfe, b'{', 0]), "UTF-16"),
        ("zendesk", path("shape.json", b"{\"tickets\": 7, \"x\": 1}"), "reply.tickets"),
        ("zendesk", path("list.json", b"[1, \"a\"]"), "an object (reply) is expected, this is a number"),
        ("zendesk", path("pretty.json", b"{\n  \"macros\": [\n    {,}\n  ]\n}"), "pretty.json:3: not JSON"),
        ("zendesk", file("chatwoot/canned_responses.json"), "no object of Zendesk"),
        ("chatwoot", file("zendesk/macros.json"), "no object of Chatwoot"),
        ("zendesk", path("long.json", long.as_bytes()), "must have at most 200000 bytes; divide it"),
        ("csv", path("no-header.csv", b"a,b\n1,2\n"), "the header needs the columns `title` and `body`; it has: a, b"),
        (
            "ndjson",
            path("other.ndjson", b"{\"chatId\":\"a\",\"colour\":1}\n"),
            "other.ndjson:1: the line is no chat of `deskhand export`: unrecognized field name 'colour'",
        ),
        (
            "ndjson",
            path("no-time.ndjson", b"{\"chatId\":\"a\",\"events\":[{\"eventId\":\"1\",\"resolved\":{}}]}\n"),
            "`events[0].at` is missing",
        ),
        ("markdown", path("latin1.md", b"Gr\xfc\xdfe"), "the file is not UTF-8"),
    ];
    for (source, path, part) in cases {
        let output = run(&["import", source, &path, "--dry-run"].map(str::to_owned));
        let code = if part == "reply.tickets" { 0 } else { 1 };
        expect(&output, code, &[part]);
    }
    let bom = path(
        "bom.json",
        "\u{feff}{\"macros\":[{\"id\":1,\"title\":\"T\",\"actions\":[{\"field\":\"comment_value\",\"value\":\"Hi\"}]}]}\r\n".as_bytes(),
    );
    expect(&run(&["import", "zendesk", &bom, "--dry-run"].map(str::to_owned)), 0, &["canned answers: 1"]);
    for (arguments, part) in [
        (vec!["import", "zendesk", "/no/such/file.json"], "there is no file `/no/such/file.json`"),
        (vec!["import", "nothing", "x"], "invalid value 'nothing'"),
        (vec!["import", "csv", &bom, "--into", "x", "--address", "127.0.0.1:1"], "name one of them"),
        (vec!["import", "csv", &bom, "--language", "german"], "--language must be"),
        (vec!["import", "mbox", &bom], "mbox needs --own-address"),
    ] {
        expect(&run(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<String>>()), 2, &[part]);
    }
    let output = run(&["import", "zendesk", &file("zendesk/tickets.json"), "--address", "127.0.0.1:1"].map(str::to_owned));
    expect(&output, 1, &["no server listens on 127.0.0.1:1"]);
}
