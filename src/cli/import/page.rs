//! A page of a site generator as text: its front matter, its title, and what the generator would have replaced.

use serde_json::{Map, Value};

use crate::cli::import::{account::Account, body::text_of};

/// The front matter, in YAML between `---` or TOML between `+++`, and the body.
pub fn front_matter(text: &str) -> Result<(Map<String, Value>, String), String> {
    let first = text.lines().next().unwrap_or_default().trim_end();
    if !matches!(first, "---" | "+++") {
        return Ok((Map::new(), text.to_owned()));
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
    if is_head { Err(format!("the closing `{first}` of the front matter is missing")) } else { Ok((Map::new(), text.to_owned())) }
}

/// The keys of front matter in lower case: `Draft` hides a text, too.
fn parsed(head: &str, mark: &str) -> Result<Map<String, Value>, String> {
    Ok(raw(head, mark)?.into_iter().map(|(key, value)| (key.to_lowercase(), value)).collect())
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
        for broken in ["---\ndraft: true\n\nText", "+++\ndraft = true\n\nText", "---\ntitle: a: b\n---\nText", "---\njust words\n---\nText"]
        {
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
