//! Accents that a keyboard or a hurry left out.

/// Of a word with many letters that may lack their accents, so many readings are tried, and no more.
const MAX_READINGS: usize = 2048;

/// Every other reading of a word in which some letters have accents that were left out. None of a word that has too many.
pub fn accented(word: &str, accents: &[(String, String)]) -> Vec<String> {
    let mut readings: Vec<(String, &str)> = vec![(String::with_capacity(word.len() + 4), word)];
    while readings.iter().any(|(_, rest)| !rest.is_empty()) {
        let mut next = Vec::with_capacity(2 * readings.len());
        for (read, rest) in readings {
            let Some(letter) = rest.chars().next() else {
                next.push((read, rest));
                continue;
            };
            for (plain, accented) in accents.iter().filter(|(plain, _)| rest.starts_with(plain.as_str())) {
                next.push((format!("{read}{accented}"), &rest[plain.len()..]));
            }
            next.push((read + &rest[..letter.len_utf8()], &rest[letter.len_utf8()..]));
        }
        if next.len() > MAX_READINGS {
            return Vec::new();
        }
        readings = next;
    }
    let mut readings: Vec<String> = readings.into_iter().map(|(read, _)| read).filter(|read| read != word).collect();
    readings.sort_unstable();
    readings.dedup();
    readings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spelling::language_data::language_data;

    #[test]
    fn left_out_accents_are_found_in_every_place() {
        let has =
            |language: &str, word: &str, meant: &str| accented(word, &language_data(language).unwrap().accents).contains(&meant.to_owned());
        assert!(has("tr", "siparisiniz", "siparişiniz"));
        assert!(has("hu", "szallitas", "szállítás"));
        assert!(has("hu", "elérheto", "elérhető"));
        assert!(has("de", "gruesse", "grüße"));
        assert!(has("es", "manana", "mañana"));
        assert!(!has("tr", "siparişiniz", "siparisiniz"), "none are taken away");
        assert!(accented("abc", &language_data("en").unwrap().accents).is_empty());
    }

    #[test]
    fn a_word_of_too_many_readings_has_none() {
        let turkish = &language_data("tr").unwrap().accents;
        assert_eq!(accented("cgiosu", turkish).len(), 63);
        assert!(accented(&"cgiosu".repeat(300), turkish).is_empty());
    }
}
