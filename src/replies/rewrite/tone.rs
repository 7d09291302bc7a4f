//! Tones: how a text should sound, as a prompt says it.

use crate::text::Language;

/// How a text should sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Formal and polite, with the language's formal address.
    Formal,
    /// Friendly and warm, without being familiar.
    Friendly,
    /// Only what is needed, shorter than the text.
    Concise,
    /// Shows that the customer's trouble is understood.
    Empathetic,
    /// Plain words and short sentences.
    Simple,
}

impl Tone {
    /// Describes the tone for a prompt, with its form of address in a language.
    pub fn words(self, language: Option<&Language>) -> String {
        let (tone, address) = match self {
            Tone::Formal => ("formal and polite", self.address(language)),
            Tone::Friendly => ("friendly and warm, without being familiar", self.address(language)),
            Tone::Concise => ("concise: nothing but what is needed, shorter than the original", ""),
            Tone::Empathetic => ("empathetic: showing that the customer's trouble is understood", ""),
            Tone::Simple => ("simple: plain words and short sentences", ""),
        };
        if address.is_empty() { tone.to_owned() } else { format!("{tone}; {address}") }
    }

    /// Returns how to address the customer. The shop's voice takes precedence over a friendly tone.
    fn address(self, language: Option<&Language>) -> &'static str {
        match (self, language.map_or("", Language::primary)) {
            (Tone::Formal, "tr") => "address the customer with siz, and by first name with Bey or Hanım, or by Sayın and the full name",
            (Tone::Formal, "de") => "address the customer with Sie, and with Frau or Herr and the surname",
            (Tone::Formal, "hu") => "address the customer with ön and Tisztelt, never with te",
            (Tone::Formal, _) => "use the formal form of address where the language has one",
            (_, "tr") => "siz unless the shop's way of writing says sen",
            (_, "de") => "Sie unless the shop's way of writing says du",
            (_, "hu") => "ön unless the shop's way of writing says te",
            _ => "",
        }
    }
}
