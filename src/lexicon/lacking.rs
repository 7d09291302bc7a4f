//! What a language's file lacks, by the schema and by English.

use std::collections::BTreeSet;

use toml::{Table, Value};

use crate::lexicon::{FILES, vocabulary::Vocabulary};

/// What files lack: a line for each key, with its language. Empty: nothing.
pub fn lacking() -> Vec<String> {
    FILES.iter().flat_map(|(language, file)| lacking_in(file).into_iter().map(move |lack| format!("{language}: {lack}"))).collect()
}

fn lacking_in(file: &str) -> Vec<String> {
    let (words, english) = match (file.parse::<Table>(), FILES[0].1.parse::<Table>()) {
        (Ok(words), Ok(english)) => (words, english),
        (Err(error), _) | (_, Err(error)) => return vec![error.message().to_owned()],
    };
    let schema = Table::try_from(Vocabulary::default()).expect("lists, tables and strings are TOML");
    let mut lacking: Vec<String> = toml::from_str::<Vocabulary>(file).err().iter().map(|error| error.message().to_owned()).collect();
    let none: BTreeSet<&str> = words.get("none").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    for (key, value) in keys(&schema) {
        if key == "none" {
            continue;
        }
        let (own, model) = (at(&words, &key), at(&english, &key));
        let empty = own.is_none_or(is_empty);
        if own.is_none() {
            lacking.push(format!("`{key}` is missing"));
        } else if value.is_str() && empty {
            lacking.push(format!("`{key}` is empty"));
        } else if empty && !none.contains(key.as_str()) {
            lacking.push(format!("`{key}` is empty; name it under `none` if the language has no such words"));
        } else if !empty && none.contains(key.as_str()) {
            lacking.push(format!("`{key}` is named under `none`, and has words"));
        }
        if let (Some(own), Some(model)) = (own, model) {
            lacking.extend(fewer(&key, own, model));
        }
    }
    let known: BTreeSet<String> = keys(&schema).into_iter().map(|(key, _)| key).collect();
    lacking.extend(none.iter().filter(|key| !known.contains(**key)).map(|key| format!("`none` names `{key}`, which is no key")));
    lacking
}

/// What tables of numbers and names, lists of lists and texts to fill in have in English and not here.
fn fewer(key: &str, own: &Value, english: &Value) -> Vec<String> {
    let worths =
        |value: &Value| -> BTreeSet<i64> { value.as_table().into_iter().flat_map(Table::values).filter_map(Value::as_integer).collect() };
    if key == "meaning" {
        let (own, english) = (own.as_table(), english.as_table());
        let names = english.into_iter().flat_map(Table::keys);
        return names
            .filter(|name| !own.is_some_and(|own| own.contains_key(*name)))
            .map(|name| format!("`{key}.{name}` is missing"))
            .collect();
    }
    if key == "numbers.cardinals" {
        // `on bir`, `tizenegy`: not every language has words of its own for the numbers between ten and twenty.
        let (own, simple) = (worths(own), |worth: &&i64| **worth <= 10 || **worth % 10 == 0);
        let missing = worths(english)
            .iter()
            .filter(simple)
            .filter(|worth| !own.contains(worth))
            .map(|worth| format!("`{key}` has no word for {worth}"))
            .collect();
        return missing;
    }
    if key == "reasons.languages" {
        let names = english.as_table().into_iter().flat_map(Table::keys).filter(|name| own.get(name).is_none());
        return names.map(|name| format!("`{key}` has no name of `{name}`")).collect();
    }
    if let (true, Some(own), Some(english)) = (key.starts_with("reasons."), own.as_str(), english.as_str()) {
        let blanks = english.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| format!("{{{name}}}"));
        return blanks.filter(|blank| !own.contains(blank)).map(|blank| format!("`{key}` has no `{blank}`")).collect();
    }
    let empty = own.as_array().into_iter().flatten().zip(1..).filter(|(list, _)| is_empty(list));
    empty.map(|(_, place)| format!("`{key}` has nothing in its place {place}")).collect()
}

/// The keys of a schema, with their values; a table without keys of its own holds words.
fn keys(schema: &Table) -> Vec<(String, &Value)> {
    let mut all = Vec::new();
    for (key, value) in schema {
        match value.as_table().filter(|table| !table.is_empty()) {
            Some(table) => all.extend(keys(table).into_iter().map(|(inner, value)| (format!("{key}.{inner}"), value))),
            None => all.push((key.clone(), value)),
        }
    }
    all
}

fn at<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        Some((key, rest)) => at(table.get(key)?.as_table()?, rest),
        None => table.get(key),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Table(table) => table.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_language_lacks_anything() {
        assert_eq!(lacking(), Vec::<String>::new());
    }

    #[test]
    fn what_a_file_lacks_is_listed() {
        let without = |from: &str, to: &str| {
            let file = FILES[0].1.replacen(from, to, 1);
            assert_ne!(file, FILES[0].1, "{from}");
            lacking_in(&file)
        };
        assert_eq!(without("[transcript]\ncustomer = \"Customer\"\n", "[transcript]\n"), ["`transcript.customer` is missing"]);
        assert_eq!(without("seven = 7\n", ""), ["`numbers.cardinals` has no word for 7"]);
        assert_eq!(
            without("[codes]\ncoupons = [", "[codes]\ncoupons = []\n#"),
            ["`codes.coupons` is empty; name it under `none` if the language has no such words"]
        );
        assert_eq!(without("it = \"Italian\"\n", ""), ["`reasons.languages` has no name of `it`"]);
        assert_eq!(without("answered {count} chats", "answered chats"), ["`reasons.earlier_chats` has no `{count}`"]);
        assert_eq!(without("none = [", "none = [\"codes.coupon\", "), ["`none` names `codes.coupon`, which is no key"]);
        let with_other = without("[greetings]\n", "[greetings]\nword = []\n");
        assert!(with_other.len() == 1 && with_other[0].contains("unknown field `word`"), "{with_other:?}");
        assert_eq!(lacking_in("[greetings").len(), 1);
    }
}
