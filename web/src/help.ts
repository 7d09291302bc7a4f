// The help page around the search box: its language, its key, and what is often read. `/help?key=dh_…&language=tr`
interface Texts {
  name: string;
  title: string;
  lead: string;
  often: string;
  foot: string;
}

const texts: Record<string, Texts> = {
  en: {
    name: "English",
    title: "How can we help?",
    lead: "Type a word or two: answers appear as you type.",
    often: "Often read",
    foot: "Press / to search from anywhere on this page.",
  },
  tr: {
    name: "Türkçe",
    title: "Size nasıl yardımcı olabiliriz?",
    lead: "Bir iki kelime yazın: yanıtlar siz yazarken görünür.",
    often: "Sık okunanlar",
    foot: "Bu sayfanın her yerinden aramak için / tuşuna basın.",
  },
  de: {
    name: "Deutsch",
    title: "Wie können wir helfen?",
    lead: "Tippen Sie ein, zwei Wörter: Antworten erscheinen beim Tippen.",
    often: "Oft gelesen",
    foot: "Die Taste / führt von überall zur Suche.",
  },
  hu: {
    name: "Magyar",
    title: "Miben segíthetünk?",
    lead: "Írjon be egy-két szót: a válaszok gépelés közben megjelennek.",
    often: "Gyakran olvasott",
    foot: "A / billentyűvel bárhonnan kereshet.",
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

void offerArticles();

/** What the shop's readers open most, or what it puts first: see `GET /help/featured`. */
async function offerArticles(): Promise<void> {
  const query = new URLSearchParams({ language, ...(key ? { key } : {}) });
  const response = await fetch(`/help/featured?${query}`).catch(() => null);
  const { articles } = response?.ok ? ((await response.json()) as { articles: { title: string; language: string }[] }) : { articles: [] };
  byId("often").hidden = articles.length === 0;
  byId("examples").append(
    ...articles.map(({ title, language }) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = title;
      button.lang = language;
      button.addEventListener("click", () => search.search(title));
      item.append(button);
      return item;
    }),
  );
}
