//! Placeholders of canned answers: `{{customer.first_name}}`, and variables of other systems, which nothing fills.

/// A placeholder in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placeholder<'a> {
    /// Its start, braces included, in bytes.
    pub start: usize,
    /// Its end.
    pub end: usize,
    /// Its name, trimmed.
    pub name: &'a str,
}

/// Longest variable of another system, in bytes.
const MAX_FOREIGN: usize = 120;

/// Returns the placeholders of a text, in order. Names are letters, digits, `.`, `_` and `-`; what other systems write between braces,
/// such as `{{ contact.name | default: 'you' }}`, `{%customer.firstName%}` and `#{ticket.id}`, counts with its whole content as its name,
/// which no chat can fill. Other braces are plain text.
pub fn placeholders(text: &str) -> Vec<Placeholder<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = text[from..].find(['{', '#']).map(|start| from + start) {
        let rest = &text[start..];
        let variable = [("{{", "}}"), ("{%", "%}"), ("#{", "}")].into_iter().find_map(|(open, close)| {
            let inside = rest.strip_prefix(open)?;
            let length = inside.find(close).filter(|length| *length <= MAX_FOREIGN)?;
            let name = inside[..length].trim();
            (is_name(name) || is_foreign(name)).then_some((name, open.len() + length + close.len()))
        });
        match variable {
            Some((name, length)) => {
                found.push(Placeholder { start, end: start + length, name });
                from = start + length;
            }
            None => from = start + 1,
        }
    }
    found
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '.' | '_' | '-'))
}

/// Whether the content of braces is a variable of another system: words and paths, perhaps with filters behind them, no sentence.
fn is_foreign(inside: &str) -> bool {
    let (path, filter) = inside.split_once('|').unwrap_or((inside, ""));
    let path = path.trim();
    let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '_' | '-' | ' ' | '[' | ']');
    let short = path.split_whitespace().count() <= 3;
    !path.is_empty() && path.chars().all(plain) && short && !filter.contains('\n')
}

/// Returns whether a chat can fill a placeholder of this name.
pub fn is_known_placeholder(name: &str) -> bool {
    let parts: Vec<&str> = name.split('.').collect();
    match parts.as_slice() {
        ["customer", field] => matches!(*field, "name" | "first_name" | "email" | "phone" | "location"),
        ["customer", "attributes", key] | ["form", key] => !key.is_empty(),
        ["record", source, key] => !source.is_empty() && !key.is_empty(),
        ["agent", field] => *field == "name",
        ["chat", field] => *field == "topic",
        _ => false,
    }
}

/// Replaces placeholders by values. Those without a value stay, and are returned, each once.
pub fn fill_placeholders(text: &str, value: impl Fn(&str) -> Option<String>) -> (String, Vec<&str>) {
    let mut filled = String::with_capacity(text.len());
    let mut missing = Vec::new();
    let mut from = 0;
    for Placeholder { start, end, name } in placeholders(text) {
        filled.push_str(&text[from..start]);
        match value(name) {
            Some(value) => filled.push_str(&value),
            None => {
                filled.push_str(&text[start..end]);
                if !missing.contains(&name) {
                    missing.push(name);
                }
            }
        }
        from = end;
    }
    filled.push_str(&text[from..]);
    (filled, missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_and_the_missing_are_named() {
        let value = |name: &str| (name == "agent.name").then(|| "Selin {{form.x}}".to_owned());
        let (text, missing) = fill_placeholders("Hi {{ customer.first_name }}, {{not one!}} {{agent.name}} {{", value);
        assert_eq!(text, "Hi {{ customer.first_name }}, {{not one!}} Selin {{form.x}} {{");
        assert_eq!(missing, ["customer.first_name"]);
    }

    #[test]
    fn variables_of_other_systems_are_named_as_missing() {
        for (text, name) in [
            ("Hi {{customer name}}!", "customer name"),
            ("Hi {{ contact.name | default: 'there' }}!", "contact.name | default: 'there'"),
            ("Hi {%customer.firstName%}!", "customer.firstName"),
            ("Hi #{ticket.customer.firstname}!", "ticket.customer.firstname"),
        ] {
            let (filled, missing) = fill_placeholders(text, |_| None);
            assert_eq!((filled.as_str(), missing.as_slice()), (text, [name].as_slice()));
            assert!(!is_known_placeholder(name), "{name}");
        }
        assert_eq!(placeholders("fn x() { if #1 {} } {{not one!}} {{}} #12 {"), []);
    }

    #[test]
    fn known_names_are_those_a_chat_can_fill() {
        for name in ["customer.first_name", "form.order_number", "record.order.status", "agent.name", "chat.topic"] {
            assert!(is_known_placeholder(name), "{name}");
        }
        for name in ["customer.firstname", "order.status", "record.order", "agent", "form."] {
            assert!(!is_known_placeholder(name), "{name}");
        }
    }
}
