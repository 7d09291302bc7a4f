//! Placeholders of canned answers: `{{customer.first_name}}`.

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

/// Returns the placeholders of a text, in order. Names are letters, digits, `.`, `_` and `-`; other braces are plain text.
pub fn placeholders(text: &str) -> Vec<Placeholder<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = text[from..].find("{{").map(|start| from + start) {
        let Some(end) = text[start..].find("}}").map(|end| start + end + 2) else { break };
        let name = text[start + 2..end - 2].trim();
        if !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '.' | '_' | '-')) {
            found.push(Placeholder { start, end, name });
            from = end;
        } else {
            from = start + 2;
        }
    }
    found
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
    fn known_names_are_those_a_chat_can_fill() {
        for name in ["customer.first_name", "form.order_number", "record.order.status", "agent.name", "chat.topic"] {
            assert!(is_known_placeholder(name), "{name}");
        }
        for name in ["customer.firstname", "order.status", "record.order", "agent", "form."] {
            assert!(!is_known_placeholder(name), "{name}");
        }
    }
}
