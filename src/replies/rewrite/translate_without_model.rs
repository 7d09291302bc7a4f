//! Translation without a model: finds an approved text that exists in both languages.

use crate::{
    knowledge::{Document, Kind, Knowledge, QueryKind, Reader, SuggestionQuery},
    replies::{approved::Approved, draft::prompt::source, error::ReplyError},
    task,
    text::{Language, Placeholder, fill_placeholders, paragraphs, placeholders},
};

/// Most documents that are compared with the text.
const MAX_CANDIDATES: usize = 20;
/// Longest value of a placeholder, in characters.
const MAX_VALUE: usize = 200;
/// Most steps of matching a text's placeholders.
const MAX_STEPS: usize = 10_000;

/// Finds an approved text in the target language: of a canned answer, with or without filled placeholders, or of a paragraph of a public
/// article. `None` if the text is not an approved one, or has no version in that language.
pub async fn translate(knowledge: &Knowledge, text: &str, from: Option<&Language>, to: &Language) -> Result<Option<Approved>, ReplyError> {
    let Some(from) = from else { return Ok(None) };
    let query = SuggestionQuery {
        query_kind: QueryKind::Typed(text.to_owned()),
        kinds: vec![Kind::CannedAnswer, Kind::Article],
        language: from.clone(),
        reader: Reader::public(),
        limit: MAX_CANDIDATES,
        meaning: None,
        threshold: 0.0,
    };
    let found = {
        let knowledge = knowledge.clone();
        task::blocking("translating with the built-in engine", move || knowledge.suggestions(&query)).await??
    };
    let documents = found.into_iter().map(|offer| offer.document);
    for document in documents.filter(|document| document.language.primary() == from.primary()) {
        let versions = knowledge.versions(document.kind(), &document.id).await?;
        let is_usable = |version: &&Document| version.language.primary() == to.primary() && version.is_for_everyone();
        let Some(target) = versions.iter().find(is_usable) else { continue };
        let translated = match document.kind() {
            Kind::CannedAnswer => canned(text, &document.body, &target.body),
            Kind::Article => paragraph(text, &document, target),
        };
        if let Some(text) = translated {
            return Ok(Some(Approved { text, source: source(target) }));
        }
    }
    Ok(None)
}

/// Fills the target's placeholders with the values that the template has in `text`; `None` if the text does not match the template.
fn canned(text: &str, template: &str, target: &str) -> Option<String> {
    let values = matched_values(&spaced(text), &spaced(template))?;
    let value = |name: &str| values.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    // A placeholder that only the target has can't be filled from the text; it would reach the customer unfilled.
    let (filled, missing) = fill_placeholders(target, value);
    missing.is_empty().then_some(filled)
}

/// Returns the values of a template's placeholders in a text. The template's own words must all be there, in order and without others, and
/// the match must be unambiguous.
fn matched_values(text: &str, template: &str) -> Option<Vec<(String, String)>> {
    let placeholders = placeholders(template);
    let rest = text.strip_prefix(&template[..placeholders.first().map_or(template.len(), |placeholder| placeholder.start)])?;
    let literals: Vec<&str> = (0..placeholders.len())
        .map(|index| &template[placeholders[index].end..placeholders.get(index + 1).map_or(template.len(), |next| next.start)])
        .collect();
    let mut reading = Reading { placeholders: &placeholders, literals: &literals, steps: 0, found: Vec::new() };
    reading.read(rest, &mut Vec::new());
    match reading.found.as_mut_slice() {
        [only] if reading.steps <= MAX_STEPS => Some(std::mem::take(only)),
        _ => None,
    }
}

/// A backtracking search for matches: it stops at the second match, or after too many steps.
struct Reading<'a> {
    placeholders: &'a [Placeholder<'a>],
    literals: &'a [&'a str],
    steps: usize,
    found: Vec<Vec<(String, String)>>,
}

impl Reading<'_> {
    fn read(&mut self, rest: &str, values: &mut Vec<(String, String)>) {
        self.steps += 1;
        let Some(placeholder) = self.placeholders.get(values.len()) else {
            if rest.is_empty() {
                self.found.push(values.clone());
            }
            return;
        };
        let literal = self.literals[values.len()];
        let last = values.len() + 1 == self.placeholders.len();
        let ends: Vec<usize> = match literal {
            "" if last => vec![rest.len()],
            // Adjacent placeholders can't be distinguished.
            "" => Vec::new(),
            _ if last => rest.strip_suffix(literal).map(str::len).into_iter().collect(),
            _ => rest.match_indices(literal).map(|(at, _)| at).collect(),
        };
        for end in ends {
            let value = &rest[..end];
            // A repeated placeholder has the same value; a value is short.
            let contradicts = values.iter().any(|(known, before)| known == placeholder.name && before != value);
            if value.is_empty() || contradicts || value.chars().count() > MAX_VALUE {
                continue;
            }
            if self.found.len() > 1 || self.steps > MAX_STEPS {
                return;
            }
            values.push((placeholder.name.to_owned(), value.to_owned()));
            self.read(&rest[end + literal.len()..], values);
            values.pop();
        }
    }
}

/// Returns the target's paragraph at the position that the text has in the article; both must have the same number of paragraphs.
fn paragraph(text: &str, article: &Document, target: &Document) -> Option<String> {
    let (ours, theirs) = (paragraphs(&article.body), paragraphs(&target.body));
    let at = ours.iter().position(|paragraph| spaced(paragraph) == spaced(text))?;
    (ours.len() == theirs.len()).then(|| theirs[at].clone())
}

/// Collapses white space: line ends and indentation don't make a different text.
fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filled_answer_is_recognized() {
        let template = "Hello {{customer.first_name}},\n\nyour order {{form.order_number}} is on its way.\n\n{{agent.name}}";
        let target = "Merhaba {{customer.first_name}}, {{form.order_number}} yolda. {{agent.name}}";
        let text = "Hello Elif,\nyour order KE-204815 is on its way.\n\nSelin";
        assert_eq!(canned(text, template, target).as_deref(), Some("Merhaba Elif, KE-204815 yolda. Selin"));
        assert_eq!(canned(template, template, target).as_deref(), Some(target));
        assert_eq!(canned("Hello Elif, your order is lost.", template, target), None);
        assert_eq!(canned(text, template, "{{customer.email}}"), None);
        let template = "We refund {{record.return.refund_amount}} for your order {{form.order_number}}.";
        assert_eq!(canned("We refund 12 EUR for your order KE-1.", template, "{{form.order_number}}").as_deref(), Some("KE-1"));
        assert_eq!(
            canned("We refund 12 EUR for your order X for your order KE-1.", template, "{{form.order_number}}"),
            None,
            "two readings"
        );
        assert_eq!(canned(&format!("{text} P.S. {}", "x".repeat(300)), template, target), None);
    }
}
