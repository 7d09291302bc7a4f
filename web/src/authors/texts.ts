// What the authors' page says, in the languages of the console.
import { language } from "../console/texts";
import { german } from "./texts-de";
import { english, type Texts } from "./texts-en";
import { hungarian } from "./texts-hu";
import { turkish } from "./texts-tr";

export { language } from "../console/texts";
const all: Record<string, Texts> = { en: english, tr: turkish, hu: hungarian, de: german };
export const texts: Texts = all[language] ?? english;
