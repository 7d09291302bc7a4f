//! Questions of the customer that a text neither answers nor puts off.
//!
//! A question is taken for answered by words that it shares with the text, by what it asks for (a day for when, an amount for how much, yes or
//! no), or by a text that asks back or promises an answer. So what is warned of is mostly true, and some is missed.

use jiff::civil::Date;

use crate::{
    facts::{FactKind, FigureValue, Known, facts, figures},
    lexicon::{
        Lexicon, lexicon,
        topics::{Topic, Topics},
        words::plain,
        words_of_any,
    },
    promises::{Content, due},
    replies::stream::result::{Warning, WarningKind},
    text::{Language, sentences},
};

/// Fewest words of a full sentence: a shorter one greets.
const MIN_WORDS: usize = 4;
/// Most questions that are looked at, and most characters of one in a message.
const MAX_QUESTIONS: usize = 10;
const MAX_SHOWN: usize = 200;
/// The share of a question's content words that its answer has, where the customer asked several.
const SHARED: f64 = 0.34;

/// The warnings of questions in `asked`, the customer's last messages, that `text` leaves open. Both are in `language`.
pub fn unanswered(text: &str, asked: &str, language: &Language, today: Date) -> Vec<Warning> {
    let Some(own) = lexicon(language.primary()) else { return Vec::new() };
    let is_full = |sentence: &str| sentence.ends_with(['.', '!', '…']) && sentence.split_whitespace().count() >= MIN_WORDS;
    if !sentences(text).any(is_full) {
        return Vec::new();
    }
    let questions: Vec<&str> = questions(asked).collect();
    let folded = plain(text);
    let asks_back = sentences(text).any(is_question);
    if questions.is_empty() || asks_back || own.words.answers.put_off.stand_in(&folded) {
        return Vec::new();
    }
    let answer = Answer { text, folded: &folded, content: Content::of(text), own, today };
    let several = questions.len() > 1;
    let open = questions.into_iter().filter(|question| !answer.answers(question, asked, several));
    let warning = |question: &str| Warning {
        kind: WarningKind::QuestionUnanswered,
        excerpt: String::new(),
        message: format!("the customer asked: {}", question.chars().take(MAX_SHOWN).collect::<String>()),
    };
    open.map(warning).collect()
}

/// The questions in a text, in order.
pub fn questions(text: &str) -> impl Iterator<Item = &str> {
    sentences(text).filter(|sentence| is_question(sentence)).take(MAX_QUESTIONS)
}

fn is_question(sentence: &str) -> bool {
    sentence.trim_end_matches(['!', '"', '”', ')', ' ']).ends_with('?') && sentence.split_whitespace().nth(1).is_some()
}

/// A text that may answer.
struct Answer<'a> {
    text: &'a str,
    folded: &'a str,
    content: Content,
    own: &'a Lexicon,
    today: Date,
}

impl Answer<'_> {
    fn answers(&self, question: &str, asked: &str, several: bool) -> bool {
        let content = Content::of(question);
        let shared = content.share_in(&self.content);
        let shares = if several { shared >= SHARED } else { shared > 0.0 || Content::of(asked).share_in(&self.content) > 0.0 };
        content.is_empty() || shares || self.has_what_is_asked(question, several)
    }

    fn has_what_is_asked(&self, question: &str, several: bool) -> bool {
        let folded = plain(question);
        let topics = folded
            .split(|letter: char| !letter.is_alphanumeric() && letter != '\'')
            .fold(Topics::default(), |topics, word| topics | words_of_any().beginning(word));
        let has_fact = |wanted: fn(FactKind) -> bool| !facts(self.text, &Known::default(), wanted).is_empty();
        let figures = figures(self.text);
        let said = self.own.matcher.text(&format!(" {} ", self.folded));
        let has_day = || {
            figures.iter().any(|figure| !matches!(figure.value, FigureValue::Number(_)))
                || due(self.text, self.own.language, self.today).is_some()
                || said.meets(Topics::of(&[Topic::Days, Topic::Weeks, Topic::Hours]))
        };
        let is_open = self.own.words.answers.open_questions.stand_in(&folded);
        (is_open && topics.has(Topic::AskDay) && has_day())
            || (topics.has(Topic::AskAmount) && (has_fact(|kind| kind == FactKind::Amount) || said.has(Topic::ForLess)))
            || (topics.has(Topic::AskContact) && has_fact(|kind| matches!(kind, FactKind::Email | FactKind::Phone | FactKind::Link)))
            || (topics.has(Topic::AskCode) && (has_fact(|kind| kind == FactKind::Code) || said.has(Topic::Delivery)))
            || (topics.has(Topic::AskPlace) && (!figures.is_empty() || said.has(Topic::Delivery)))
            || (!is_open && !several && self.own.words.answers.yes_or_no.stand_in(self.folded))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn open(language: &str, asked: &str, text: &str) -> Vec<String> {
        let warnings = unanswered(text, asked, &Language::parse(language).unwrap(), date(2026, 11, 18));
        warnings.into_iter().map(|warning| warning.message.replace("the customer asked: ", "")).collect()
    }

    #[test]
    fn questions_that_are_left_open_are_named() {
        for (language, asked, text, question) in [
            (
                "en",
                "Where is my parcel? Can I still change the address?",
                "Your parcel left our warehouse this morning.",
                "Can I still change the address?",
            ),
            ("en", "My vase is broken. Can I get a refund?", "Our shop opens at nine every morning.", "Can I get a refund?"),
            ("tr", "Kargom nerede? Rengini değiştirebilir miyim?", "Kargonuz bugün depodan çıktı.", "Rengini değiştirebilir miyim?"),
            (
                "hu",
                "Hol van a csomagom? Kaphatok számlát céges névre?",
                "A csomagja ma reggel elindult a raktárból.",
                "Kaphatok számlát céges névre?",
            ),
            (
                "de",
                "Wo ist mein Paket? Kann ich die Lampe umtauschen?",
                "Ihr Paket hat heute unser Lager verlassen.",
                "Kann ich die Lampe umtauschen?",
            ),
            (
                "fr",
                "Où est mon colis ? Puis-je changer la couleur ?",
                "Votre colis a quitté notre entrepôt ce matin.",
                "Puis-je changer la couleur ?",
            ),
            (
                "es",
                "¿Dónde está mi paquete? ¿Puedo cambiar el color?",
                "Su paquete salió esta mañana del almacén.",
                "¿Puedo cambiar el color?",
            ),
        ] {
            assert_eq!(open(language, asked, text), [question], "{text}");
        }
    }

    #[test]
    fn what_is_answered_put_off_or_not_yet_written_is_no_open_question() {
        for (language, asked, text) in [
            ("en", "When will it be here?", "You will have it on Friday, I promise."),
            ("en", "How much is the shipping?", "That would be 4.90 EUR for you."),
            ("en", "Can I get a refund?", "Yes, of course that works for us."),
            ("en", "Can I get a refund? Is it free?", "I'll check that and get back to you."),
            ("en", "Can I get a refund? Is it free?", "Hello Elif,"),
            ("en", "Can I get a refund? Is it free?", "Could you send me a picture of the vase?"),
            ("en", "My vase is broken, please help.", "Our shop opens at nine every morning."),
            ("it", "Dove si trova il pacco?", "Il negozio apre alle nove ogni giorno."),
        ] {
            assert_eq!(open(language, asked, text), Vec::<String>::new(), "{text}");
        }
    }
}
