//! What time it is for a draft: so that it names days rightly, and promises no answer at night.

use jiff::Zoned;

use crate::config::DeskSettings;

/// Returns the time with its date, weekday and time zone, such as `Friday, 2026-11-27, 14:05 (Europe/Istanbul)`.
pub fn time_words(now: &Zoned) -> String {
    let zone = now.time_zone().iana_name().map_or_else(|| now.strftime("UTC%:z").to_string(), str::to_owned);
    format!("{} ({zone})", now.strftime("%A, %Y-%m-%d, %H:%M"))
}

/// Returns whether the shop is open, and until when it stays so; `None` without opening hours.
pub fn opening_words(now: &Zoned, settings: &DeskSettings) -> Option<String> {
    let hours = settings.opening_hours.as_ref()?;
    let next = hours.next_change(now, &settings.holidays);
    if hours.is_open(now, &settings.holidays) {
        let until = next.map(|closes| format!(" until {}", closes.strftime("%H:%M"))).unwrap_or_default();
        return Some(format!("The shop is open{until}."));
    }
    let today = if settings.holidays.contains(&now.date()) { " today, for a holiday" } else { " now" };
    let opens = next.map(|opens| format!(" It opens on {}.", opens.strftime("%A, %Y-%m-%d, at %H:%M"))).unwrap_or_default();
    Some(format!("The shop is closed{today}.{opens} Promise nothing that needs somebody there before that."))
}

#[cfg(test)]
mod tests {
    use toml::Value;

    use super::*;

    #[test]
    fn hours_and_holidays_are_told() {
        let mut settings = DeskSettings::default();
        let now = |at: &str| format!("{at}[Europe/Budapest]").parse::<Zoned>().unwrap();
        assert_eq!(time_words(&now("2026-11-27T14:05")), "Friday, 2026-11-27, 14:05 (Europe/Budapest)");
        assert_eq!(opening_words(&now("2026-11-27T14:05"), &settings), None);
        settings.set("opening_hours", &Value::from(vec!["mon-fri 09:00-18:00"])).unwrap().unwrap();
        settings.set("holidays", &Value::from("2026-12-24")).unwrap().unwrap();
        let words = |at: &str| opening_words(&now(at), &settings).unwrap();
        assert_eq!(words("2026-11-27T14:05"), "The shop is open until 18:00.");
        let closed =
            "The shop is closed now. It opens on Monday, 2026-11-30, at 09:00. Promise nothing that needs somebody there before that.";
        assert_eq!(words("2026-11-27T18:05"), closed);
        assert!(
            words("2026-12-24T10:00").starts_with("The shop is closed today, for a holiday. It opens on Friday, 2026-12-25, at 09:00.")
        );
    }
}
