//! A page of a site generator as text: its front matter, its title, and what the generator would have replaced.

use serde_json::{Map, Value};

use crate::cli::import::{account::Account, body::text_of};

/// The front matter, in YAML between `---`, TOML between `+++` or as an object of JSON, and the body.
pub fn front_matter(text: &str) -> Result<(Map<String, Value>, String), String> {
    let whole = text;
    // Hugo passes over empty lines before it.
    let text = text.trim_start();
    let first = text.lines().next().unwrap_or_default().trim_end();
    if text.starts_with('{') && !text.starts_with("{{") {
        let mut objects = serde_json::Deserializer::from_str(text).into_iter::<Map<String, Value>>();
        return match objects.next() {
            Some(Ok(head)) => Ok((in_lower_case(head), text[objects.byte_offset()..].trim_start().to_owned())),
            _ if first == "{" => Err("the front matter is not JSON".to_owned()),
            _ => Ok((Map::new(), whole.to_owned())),
        };
    }
    if !matches!(first, "---" | "+++") {
        return Ok((Map::new(), whole.to_owned()));
    }
    let rest = &text[text.find('\n').map_or(text.len(), |end| end + 1)..];
    let mut offset = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == first {
            let (head, body) = (&rest[..offset], rest[offset + line.len()..].to_owned());
            return Ok((parsed(head, first)?, body));
        }
        offset += line.len();
    }
    // A line of dashes that opens a text is no front matter. One that would hide the text must not be lost.
    let is_head = first == "+++" || rest.lines().next().is_some_and(|line| line.contains(':'));
    if is_head { Err(format!("the closing `{first}` of the front matter is missing")) } else { Ok((Map::new(), whole.to_owned())) }
}

fn parsed(head: &str, mark: &str) -> Result<Map<String, Value>, String> {
    Ok(in_lower_case(raw(head, mark)?))
}

/// The keys of front matter in lower case: `Draft` hides a text, too, also beside another `draft`.
fn in_lower_case(head: Map<String, Value>) -> Map<String, Value> {
    let mut lower = Map::new();
    for (key, value) in head {
        let mut key = key.to_lowercase();
        while lower.contains_key(&key) {
            key.push(' ');
        }
        lower.insert(key, value);
    }
    lower
}

fn raw(head: &str, mark: &str) -> Result<Map<String, Value>, String> {
    if mark == "+++" {
        let table: toml::Table = toml::from_str(head).map_err(|error| format!("the front matter is not TOML: {}", error.message()))?;
        return Ok(table.into_iter().map(|(key, value)| (key, json_of(value))).collect());
    }
    if head.lines().all(|line| line.trim().is_empty() || line.starts_with('#')) {
        return Ok(Map::new());
    }
    serde_saphyr::from_str(head).map_err(|_| "the front matter is not YAML; a value with `: ` or ` #` in it must be quoted".to_owned())
}

fn json_of(value: toml::Value) -> Value {
    match value {
        toml::Value::Datetime(time) => Value::String(time.to_string()),
        toml::Value::Array(items) => items.into_iter().map(json_of).collect(),
        toml::Value::Table(table) => Value::Object(table.into_iter().map(|(key, value)| (key, json_of(value))).collect()),
        toml::Value::String(text) => Value::String(text),
        toml::Value::Boolean(flag) => Value::Bool(flag),
        toml::Value::Integer(number) => Value::from(number),
        toml::Value::Float(number) => Value::from(number),
    }
}

/// The heading that a text begins with, and the rest.
pub fn first_heading(body: &str) -> (String, String) {
    let trimmed = body.trim_start();
    let line = trimmed.lines().next().unwrap_or_default();
    match line.strip_prefix("# ") {
        Some(title) => (title.trim().trim_end_matches('#').trim().to_owned(), trimmed[line.len()..].trim_start().to_owned()),
        None => (String::new(), body.to_owned()),
    }
}

/// The properties that Notion writes below a page's title, as lines `Status: Draft`. They stay in the text.
pub fn properties(body: &str) -> impl Iterator<Item = (String, &str)> {
    let lines = body.lines().map(str::trim).skip_while(|line| line.is_empty() || line.starts_with("# "));
    let lines = lines.map_while(|line| line.split_once(':'));
    lines.map(|(name, value)| (name.trim().to_lowercase(), value.trim()))
}

/// The title of a page in HTML; empty if it has none.
pub fn html_title(html: &str) -> String {
    let lower = html.to_ascii_lowercase();
    let inside = |tag: &str| {
        let start = lower.find(&format!("<{tag}"))?;
        let open = start + lower[start..].find('>')? + 1;
        let end = open + lower[open..].find(&format!("</{tag}"))?;
        Some(text_of(&html[open..end]))
    };
    inside("title").or_else(|| inside("h1")).unwrap_or_default()
}

/// A text without the tags of site generators: Hugo's and Jekyll's shortcodes, imports of MDX, anchors of headings. Docusaurus' boxes keep
/// their titles. Code stays as it is.
pub fn without_tags(body: &str, is_mdx: bool, id: &str, account: &mut Account) -> String {
    let mut kept = String::with_capacity(body.len());
    let mut in_code = false;
    for line in body.lines() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("```") || trimmed.starts_with("~~~") {
            in_code = !in_code;
        }
        if in_code {
            kept.push_str(line);
        } else if is_mdx && (line.starts_with("import ") || line.starts_with("export ")) {
            account.list("imports and exports of MDX", id);
            continue;
        } else if let Some(kind) = trimmed.strip_prefix(":::") {
            let title = kind.split_once([' ', '[']).map_or(kind, |(_, title)| title).trim_end_matches(']').trim();
            if !title.is_empty() {
                kept.push_str(&format!("**{title}**\n"));
            }
        } else {
            let line = without_shortcodes(line, id, account);
            let heading = line.starts_with('#').then(|| line.rfind(" {#")).flatten().filter(|_| line.trim_end().ends_with('}'));
            kept.push_str(&line[..heading.unwrap_or(line.len())]);
        }
        kept.push('\n');
    }
    kept
}

fn without_shortcodes(line: &str, id: &str, account: &mut Account) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((start, open, close)) =
        [("{{<", ">}}"), ("{{%", "%}}"), ("{%", "%}")].iter().filter_map(|(open, close)| Some((rest.find(open)?, *open, *close))).min()
    {
        let inside = &rest[start + open.len()..];
        let Some(end) = inside.find(close) else { break };
        let name = inside[..end].trim_matches(['-', '/', ' ']).split_whitespace().next().unwrap_or_default();
        account.list(format!("tags of a site generator: {name}"), id);
        kept.push_str(&rest[..start]);
        rest = &inside[end + close.len()..];
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn front_matter_that_would_hide_a_text_is_never_lost() {
        assert!(front_matter("---\nDraft: true\n---\nText").unwrap().0["draft"].as_bool().unwrap());
        assert!(front_matter("+++\nDRAFT = true\n+++\nText").unwrap().0["draft"].as_bool().unwrap());
        for head in
            ["{\n\"Draft\": true}\nText", "{\"draft\": true} Text", "\n\n---\ndraft: true\n---\nText", " \n+++\ndraft = true\n+++\nText"]
        {
            let (head, body) = front_matter(head).unwrap();
            assert_eq!((head["draft"].as_bool(), body.as_str()), (Some(true), "Text"));
        }
        assert_eq!(front_matter("---\nDraft: true\ndraft: false\n---\nText").unwrap().0.len(), 2);
        for text in ["{{< note >}} Text", "{curly} Text", "\n Text"] {
            assert_eq!(front_matter(text).unwrap(), (Map::new(), text.to_owned()));
        }
        for broken in [
            "{\n\"draft\": true\n\nText",
            "---\ndraft: true\n\nText",
            "+++\ndraft = true\n\nText",
            "---\ntitle: a: b\n---\nText",
            "---\njust words\n---\nText",
        ] {
            assert!(front_matter(broken).is_err(), "{broken}");
        }
        assert_eq!(front_matter("---\n\nText").unwrap().1, "---\n\nText");
    }

    #[test]
    fn tags_of_site_generators_go_and_code_stays() {
        let mut account = Account::default();
        let text = "import X from 'x'\n## A {#a}\n:::tip Note\nText {{< ref \"x\" >}} {% include a %}\n:::\n```\n{{< code >}}\n```\n";
        assert_eq!(without_tags(text, true, "1", &mut account), "## A\n**Note**\n\nText  \n\n```\n{{< code >}}\n```\n");
    }
}
