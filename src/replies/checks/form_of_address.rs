//! How the customer is addressed: the form that the shop's voice asks for, and drafts that mix forms.

use crate::{
    knowledge::Voice,
    lexicon::{lexicon, vocabulary::FormsOfAddress},
    replies::stream::result::{Warning, WarningKind},
    text::{Language, fold},
};

/// A form of address of a language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Such as `Sie`.
    Polite,
    /// Such as `du`.
    Familiar,
}

/// Returns the form that a voice asks for in a language, by its name, such as `Sie`; `None` if it says nothing of it. What counts is the first line
/// that names the language and a form, or else a word for the use of one, such as `duzen`.
pub fn asked_by(voice: &Voice, language: &Language) -> Option<(&'static str, Form)> {
    let forms = forms_of(language)?;
    let names = [language.english_name().to_lowercase(), forms.language.clone()];
    let named = |form: Form| Some((forms.names.get(form as usize)?.as_str(), form));
    let in_line = |line: &str| {
        let small = line.to_lowercase();
        if !names.iter().any(|name| small.contains(name)) {
            return None;
        }
        let words = words_of(line).find_map(|(word, _)| forms.names.iter().position(|name| name.to_lowercase() == word.to_lowercase()));
        words.map(|at| if at == 0 { Form::Polite } else { Form::Familiar })
    };
    let folded = fold(&voice.text);
    let ruled = || {
        let has = |words: &[String]| words.iter().any(|word| folded.contains(word.as_str()));
        let rules = [(Form::Polite, &forms.polite_rules), (Form::Familiar, &forms.familiar_rules)];
        rules.into_iter().find(|(_, words)| has(words)).map(|(form, _)| form)
    };
    voice.text.lines().find_map(in_line).or_else(ruled).and_then(named)
}

/// Returns a warning if a text mixes the forms, or has another than is expected.
pub fn mixed(text: &str, language: &Language, expected: Option<Form>) -> Option<Warning> {
    let forms = forms_of(language)?;
    let [polite, familiar] = [Form::Polite, Form::Familiar].map(|form| first_of(text, forms, form));
    let warning = |excerpt: &str, message: String| Warning { kind: WarningKind::FormOfAddress, excerpt: excerpt.to_owned(), message };
    let [polite_name, familiar_name] = [0, 1].map(|at| forms.names[at].as_str());
    match (polite, familiar, expected) {
        (Some(polite), Some(familiar), _) => {
            let excerpt = if expected == Some(Form::Familiar) { polite } else { familiar };
            Some(warning(excerpt, format!("this mixes `{polite_name}` and `{familiar_name}`")))
        }
        (Some(polite), None, Some(Form::Familiar)) => {
            Some(warning(polite, format!("the shop writes `{familiar_name}`, this is `{polite_name}`")))
        }
        (None, Some(familiar), Some(Form::Polite)) => {
            Some(warning(familiar, format!("the shop writes `{polite_name}`, this is `{familiar_name}`")))
        }
        _ => None,
    }
}

/// Returns the form that texts use, if they use one alone.
pub fn used_in<'a>(texts: impl Iterator<Item = &'a str>, language: &Language) -> Option<Form> {
    let forms = forms_of(language)?;
    let mut found = [false; 2];
    for text in texts {
        for form in [Form::Polite, Form::Familiar] {
            found[form as usize] |= first_of(text, forms, form).is_some();
        }
    }
    match found {
        [true, false] => Some(Form::Polite),
        [false, true] => Some(Form::Familiar),
        _ => None,
    }
}

fn forms_of(language: &Language) -> Option<&'static FormsOfAddress> {
    let forms = &lexicon(language.primary())?.words.address;
    (forms.names.len() == 2).then_some(forms)
}

/// Returns the first word of a text that is of a form.
fn first_of<'a>(text: &'a str, forms: &FormsOfAddress, form: Form) -> Option<&'a str> {
    let (words, endings) = match form {
        Form::Polite => (&forms.polite, &forms.polite_endings),
        Form::Familiar => (&forms.familiar, &forms.familiar_endings),
    };
    words_of(text)
        .map(|(word, begins)| {
            let folded = fold(word);
            let is_word = words.iter().any(|known| {
                let has_capital = known.starts_with(char::is_uppercase);
                if has_capital { known == word && !begins } else { *known == folded }
            });
            (word, is_word || endings.iter().any(|ending| folded.len() > ending.len() && folded.ends_with(ending.as_str())))
        })
        .find_map(|(word, is_of)| is_of.then_some(word))
}

/// Returns a text's words, each with whether it begins a sentence.
fn words_of(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut begins = true;
    text.split_inclusive(|letter: char| !letter.is_alphanumeric()).filter_map(move |piece| {
        let word = piece.trim_end_matches(|letter: char| !letter.is_alphanumeric());
        let first = begins;
        let end = piece[word.len()..].chars().next();
        begins = match end {
            Some('.' | '!' | '?' | '…' | ':' | '\n' | '"' | '„' | '“' | '*' | '-' | '–') => true,
            _ => begins && word.is_empty(),
        };
        (!word.is_empty()).then_some((word, first))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(language: &str) -> Language {
        Language::parse(language).unwrap()
    }

    #[test]
    fn mixed_forms_are_marked() {
        for (language, text, excerpt) in [
            ("de", "Guten Tag Frau Weber, vielen Dank. Bitte senden Sie das Paket zurück, sobald du kannst.", "du"),
            ("tr", "Merhaba, paketinizi geri gönderebilirsiniz. Sana bir kod yolladım.", "Sana"),
            ("tr", "Kodu hesabınızdan alabilirsiniz; istersen şubeye de bırakabilirsin.", "bırakabilirsin"),
            ("hu", "Kedves Réka! Önnek holnap érkezik a csomag, visszaküldheted ingyen.", "visszaküldheted"),
            ("fr", "Bonjour, vous pouvez renvoyer ton colis.", "ton"),
            ("es", "Hola, usted puede devolver tu pedido.", "tu"),
        ] {
            let warning = mixed(text, &tag(language), None).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((warning.kind, warning.excerpt.as_str()), (WarningKind::FormOfAddress, excerpt));
        }
        for (language, text) in [
            ("de", "Sie erhalten Ihr Geld zurück. Die Kartons sind groß, sie passen in keinen Briefkasten."),
            ("de", "Hallo Anna, du bekommst dein Geld zurück. Sie sind beide auf Lager."),
            ("tr", "Merhaba Elif Hanım, siparişiniz yola çıktı. Geçmiş olsun."),
            ("hu", "Kedves Réka! Az ön csomagja holnap érkezik. Kérjük, várjon."),
            ("hu", "Szia Réka! Visszaküldheted ingyen, itt kérd a címkét."),
            ("en", "You can send it back."),
        ] {
            assert_eq!(mixed(text, &tag(language), None), None, "{text}");
        }
    }

    #[test]
    fn the_voice_decides() {
        let voice = |text: &str| Voice { text: text.to_owned(), ..Voice::default() };
        let table = voice(
            "| Language | Form |\n|---|---|\n| Turkish | *siz*; first name |\n| German | *Sie*; Frau or Herr |\n| Hungarian | *te* |",
        );
        assert_eq!(asked_by(&table, &tag("de")), Some(("Sie", Form::Polite)));
        assert_eq!(asked_by(&table, &tag("tr")), Some(("siz", Form::Polite)));
        assert_eq!(asked_by(&table, &tag("hu")), Some(("te", Form::Familiar)));
        assert_eq!(asked_by(&table, &tag("fr")), None);
        assert_eq!(asked_by(&voice("Wir duzen unsere Kundschaft."), &tag("de")), Some(("du", Form::Familiar)));
        let text = "Hallo Anna, du bekommst dein Geld zurück.";
        assert!(mixed(text, &tag("de"), Some(Form::Polite)).is_some());
        assert_eq!(mixed(text, &tag("de"), Some(Form::Familiar)), None);
    }
}
