// What the reply box says, in the languages of its agents. Others are spoken to in English.
import { german } from "./texts-de";
import { english } from "./texts-en";
import { hungarian } from "./texts-hu";
import { turkish } from "./texts-tr";

export type Texts = typeof english;

const all: Record<string, Texts> = { en: english, tr: turkish, hu: hungarian, de: german };
/** Each language that is spoken, by its own name. */
export const LANGUAGES = { en: "English", tr: "Türkçe", hu: "Magyar", de: "Deutsch" };

/** The texts of a language, or English ones. */
export function textsIn(language: string): Texts {
  return all[language.toLowerCase().split("-")[0] ?? ""] ?? english;
}
