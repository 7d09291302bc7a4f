// The help page around the search box: its language, its key, and what people often ask. `/help?key=dh_…&language=tr`
interface Texts {
  name: string;
  title: string;
  lead: string;
  often: string;
  foot: string;
  examples: string[];
}

const texts: Record<string, Texts> = {
  en: {
    name: "English",
    title: "How can we help?",
    lead: "Type a word or two: answers appear as you type.",
    often: "Often asked",
    foot: "Press / to search from anywhere on this page.",
    examples: ["Track my order", "Return an item", "Delivery time", "Refund", "Size guide"],
  },
  tr: {
    name: "Türkçe",
    title: "Size nasıl yardımcı olabiliriz?",
    lead: "Bir iki kelime yazın: yanıtlar siz yazarken görünür.",
    often: "Sık sorulanlar",
    foot: "Bu sayfanın her yerinden aramak için / tuşuna basın.",
    examples: ["Siparişim nerede", "Ürün iadesi", "Teslimat süresi", "Para iadesi", "Beden rehberi"],
  },
  de: {
    name: "Deutsch",
    title: "Wie können wir helfen?",
    lead: "Tippen Sie ein, zwei Wörter: Antworten erscheinen beim Tippen.",
    often: "Oft gefragt",
    foot: "Die Taste / führt von überall zur Suche.",
    examples: ["Wo ist mein Paket", "Rücksendung", "Lieferzeit", "Erstattung", "Größen"],
  },
  hu: {
    name: "Magyar",
    title: "Miben segíthetünk?",
    lead: "Írjon be egy-két szót: a válaszok gépelés közben megjelennek.",
    often: "Gyakori kérdések",
    foot: "A / billentyűvel bárhonnan kereshet.",
    examples: ["Hol a csomagom", "Visszaküldés", "Szállítási idő", "Visszatérítés", "Méretek"],
  },
};

const parameters = new URLSearchParams(location.search);
const wanted = [parameters.get("language"), ...navigator.languages].map((tag) => tag?.toLowerCase().split("-")[0] ?? "");
const language = wanted.find((tag) => tag in texts) ?? "en";
const text = texts[language]!;
const byId = (id: string) => document.getElementById(id)!;

document.documentElement.lang = language;
document.title = text.title;
byId("title").textContent = text.title;
byId("lead").textContent = text.lead;
byId("often").textContent = text.often;
byId("foot").textContent = text.foot;

const search = byId("search") as HTMLElement & { search(text: string): void };
search.setAttribute("language", language);
const key = parameters.get("key");
if (key) search.setAttribute("key", key);
void offerContact(parameters.get("contact") ?? "");

/** Whoever made the link to this page chose `contact`: it may lead to this server, to e-mail or phone, or to a page that the key names. */
async function offerContact(contact: string): Promise<void> {
  if (!contact || !URL.canParse(contact, location.href)) return;
  const url = new URL(contact, location.href);
  const isOwn = url.origin === location.origin || url.protocol === "mailto:" || url.protocol === "tel:";
  if (isOwn || (await originsOfKey()).includes(url.origin)) search.setAttribute("contact", contact);
}

async function originsOfKey(): Promise<string[]> {
  if (!key) return [];
  const response = await fetch(`/help/origins?${new URLSearchParams({ key })}`).catch(() => null);
  return response?.ok ? ((await response.json()) as { origins: string[] }).origins : [];
}

byId("languages").append(
  ...Object.entries(texts).map(([tag, { name }]) => {
    const link = document.createElement("a");
    const query = new URLSearchParams(parameters);
    query.set("language", tag);
    link.href = `?${query}`;
    link.lang = tag;
    link.textContent = name;
    if (tag === language) link.setAttribute("aria-current", "page");
    return link;
  }),
);

byId("examples").append(
  ...text.examples.map((example) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = example;
    button.addEventListener("click", () => search.search(example));
    item.append(button);
    return item;
  }),
);
