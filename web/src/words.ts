// What the search box says, in the languages that its shops speak. Others are spoken to in English.
export interface Words {
  placeholder: string;
  results: string;
  found: (count: number) => string;
  didYouMean: string;
  nothing: (query: string) => string;
  nothingHint: string;
  contact: string;
  offline: string;
  busy: string;
  refused: string;
  broken: string;
  close: string;
  helpful: string;
  yes: string;
  no: string;
  why: string;
  send: string;
  thanks: string;
}

const all: Record<string, Words> = {
  en: {
    placeholder: "Search for help",
    results: "Articles",
    found: (count) => (count === 1 ? "1 article found" : `${count} articles found`),
    didYouMean: "Did you mean",
    nothing: (query) => `Nothing found for “${query}”`,
    nothingHint: "Try other words, or ask us: we see what you searched for.",
    contact: "Contact us",
    offline: "There is no connection. We search again as soon as there is one.",
    busy: "Many people are searching now. One moment, please.",
    refused: "This search box is not allowed to search here.",
    broken: "The search does not work right now. We try again in a moment.",
    close: "Close",
    helpful: "Was this helpful?",
    yes: "Yes",
    no: "No",
    why: "What was missing?",
    send: "Send",
    thanks: "Thank you!",
  },
  tr: {
    placeholder: "Yardım ara",
    results: "Makaleler",
    found: (count) => `${count} makale bulundu`,
    didYouMean: "Bunu mu demek istediniz:",
    nothing: (query) => `“${query}” için sonuç bulunamadı`,
    nothingHint: "Başka kelimelerle deneyin ya da bize sorun; ne aradığınızı görürüz.",
    contact: "Bize ulaşın",
    offline: "Bağlantı yok. Bağlantı gelince yeniden ararız.",
    busy: "Şu anda çok arama yapılıyor. Bir saniye lütfen.",
    refused: "Bu arama kutusunun burada arama izni yok.",
    broken: "Arama şu anda çalışmıyor. Birazdan yeniden deneriz.",
    close: "Kapat",
    helpful: "Bu yardımcı oldu mu?",
    yes: "Evet",
    no: "Hayır",
    why: "Ne eksikti?",
    send: "Gönder",
    thanks: "Teşekkürler!",
  },
  de: {
    placeholder: "Hilfe suchen",
    results: "Artikel",
    found: (count) => `${count} Artikel gefunden`,
    didYouMean: "Meinten Sie",
    nothing: (query) => `Nichts gefunden zu „${query}“`,
    nothingHint: "Versuchen Sie es mit anderen Wörtern, oder fragen Sie uns: Wir sehen, wonach Sie gesucht haben.",
    contact: "Kontakt aufnehmen",
    offline: "Keine Verbindung. Sobald es eine gibt, suchen wir wieder.",
    busy: "Gerade suchen viele. Einen Moment bitte.",
    refused: "Dieses Suchfeld darf hier nicht suchen.",
    broken: "Die Suche geht gerade nicht. Wir versuchen es gleich noch einmal.",
    close: "Schließen",
    helpful: "War das hilfreich?",
    yes: "Ja",
    no: "Nein",
    why: "Was hat gefehlt?",
    send: "Senden",
    thanks: "Danke!",
  },
  hu: {
    placeholder: "Keresés a súgóban",
    results: "Cikkek",
    found: (count) => `${count} cikk`,
    didYouMean: "Erre gondolt:",
    nothing: (query) => `Nincs találat erre: „${query}”`,
    nothingHint: "Próbálja más szavakkal, vagy kérdezzen minket: látjuk, mit keresett.",
    contact: "Írjon nekünk",
    offline: "Nincs kapcsolat. Amint lesz, újra keresünk.",
    busy: "Most sokan keresnek. Egy pillanat türelmet.",
    refused: "Ez a keresőmező itt nem kereshet.",
    broken: "A keresés most nem működik. Mindjárt újra próbáljuk.",
    close: "Bezárás",
    helpful: "Hasznos volt ez?",
    yes: "Igen",
    no: "Nem",
    why: "Mi hiányzott?",
    send: "Küldés",
    thanks: "Köszönjük!",
  },
};

const primary = (language: string): string => language.toLowerCase().split("-")[0] ?? "";

/** The words of a language, or English ones. */
export function words(language: string): Words {
  return all[primary(language)] ?? all.en!;
}

/** Whether a language is written from right to left. */
export function isRightToLeft(language: string): boolean {
  return ["ar", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi"].includes(primary(language));
}
