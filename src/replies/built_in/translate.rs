//! A translation without a model: an approved text that exists in both languages.

use super::Approved;
use crate::{
    config::Workspace,
    knowledge::{Document, Kind, Knowledge, OfferQuery, Reader, Wanted},
    replies::{ReplyError, draft::source},
    text::{Language, Placeholder, fill_placeholders, paragraphs, placeholders},
};

/// Most documents that are compared with the text.
const MOST_CANDIDATES: usize = 20;

/// Finds an approved text in the target language: of a canned answer, filled or not, or of a public article's paragraph. `None` if the
/// text is no approved one, or has no version in that language.
pub async fn translate(
    knowledge: &Knowledge,
    workspace: &Workspace,
    text: &str,
    from: Option<&Language>,
    to: &Language,
) -> Result<Option<Approved>, ReplyError> {
    let Some(from) = from else { return Ok(None) };
    let query = OfferQuery {
        wanted: Wanted::Typed(text.to_owned()),
        kinds: vec![Kind::CannedAnswer, Kind::Article],
        language: from.clone(),
        reader: Reader::public(),
        limit: MOST_CANDIDATES,
        threshold: 0.0,
    };
    let found = {
        let (knowledge, workspace) = (knowledge.clone(), workspace.clone());
        tokio::task::spawn_blocking(move || knowledge.offer(&workspace, &query)).await.map_err(|_| ReplyError::BuiltIn)??
    };
    let documents = found.into_iter().map(|offer| offer.document);
    for document in documents.filter(|document| document.language.primary() == from.primary()) {
        let versions = knowledge.versions(workspace, document.kind(), &document.id).await?;
        let serves = |version: &&Document| version.language.primary() == to.primary() && version.is_for_everyone();
        let Some(target) = versions.iter().find(serves) else { continue };
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

/// The target's text, filled with what fills the template in `text`; `None` if the text is not that template.
fn canned(text: &str, template: &str, target: &str) -> Option<String> {
    let values = matched_values(&spaced(text), &spaced(template))?;
    let value = |name: &str| values.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    // A placeholder that only the target has can't be filled from the text; it would reach the customer as it is.
    let (filled, missing) = fill_placeholders(target, value);
    missing.is_empty().then_some(filled)
}

/// What stands in a text where its template has placeholders. The template's own words must all be there, in order and alone.
fn matched_values(text: &str, template: &str) -> Option<Vec<(String, String)>> {
    let holes = placeholders(template);
    let mut values: Vec<(String, String)> = Vec::new();
    let mut rest = text.strip_prefix(&template[..holes.first().map_or(template.len(), |hole| hole.start)])?;
    for (index, Placeholder { end, name, .. }) in holes.iter().enumerate() {
        let literal = &template[*end..holes.get(index + 1).map_or(template.len(), |next| next.start)];
        let last = index + 1 == holes.len();
        let at = match literal {
            "" if last => rest.len(),
            // Two placeholders side by side can't be told apart.
            "" => return None,
            _ if last => rest.strip_suffix(literal)?.len(),
            _ => rest.find(literal)?,
        };
        let value = rest[..at].to_owned();
        // The same placeholder twice holds the same value; a value is short and on one line.
        let contradicts = values.iter().any(|(known, before)| known == name && *before != value);
        if value.is_empty() || value.chars().count() > 200 || contradicts {
            return None;
        }
        values.push(((*name).to_owned(), value));
        rest = &rest[at + literal.len()..];
    }
    rest.is_empty().then_some(values)
}

/// The paragraph of the target that stands where the text stands in the article; the two must be built alike.
fn paragraph(text: &str, article: &Document, target: &Document) -> Option<String> {
    let (ours, theirs) = (paragraphs(&article.body), paragraphs(&target.body));
    let at = ours.iter().position(|paragraph| spaced(paragraph) == spaced(text))?;
    (ours.len() == theirs.len()).then(|| theirs[at].clone())
}

/// White space in runs is one space: line ends and indentation don't make another text.
fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filled_answer_is_known_again() {
        let template = "Hello {{customer.first_name}},\n\nyour order {{form.order_number}} is on its way.\n\n{{agent.name}}";
        let target = "Merhaba {{customer.first_name}}, {{form.order_number}} yolda. {{agent.name}}";
        let text = "Hello Elif,\nyour order KE-204815 is on its way.\n\nSelin";
        assert_eq!(canned(text, template, target).as_deref(), Some("Merhaba Elif, KE-204815 yolda. Selin"));
        assert_eq!(canned(template, template, target).as_deref(), Some(target));
        assert_eq!(canned("Hello Elif, your order is lost.", template, target), None);
        assert_eq!(canned(text, template, "{{customer.email}}"), None);
        assert_eq!(canned(&format!("{text} P.S. {}", "x".repeat(300)), template, target), None);
    }
}
