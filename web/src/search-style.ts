// How the search box looks. A page changes it by custom properties and parts.
export const styles = /* css */ `
:host {
  --deskhand-accent: #14639e;
  --deskhand-ground: #fff;
  --deskhand-text: #16202b;
  --deskhand-soft: #566373;
  --deskhand-line: #c6d0db;
  --deskhand-mark: #fdeeb4;
  --deskhand-chosen: #e9f1f9;
  --deskhand-radius: 12px;
  display: block;
  color-scheme: light dark;
  font: inherit;
}
@media (prefers-color-scheme: dark) {
  :host {
    --deskhand-accent: #86c0f2;
    --deskhand-ground: #151c24;
    --deskhand-text: #e8edf3;
    --deskhand-soft: #a7b3c0;
    --deskhand-line: #3c4957;
    --deskhand-mark: #5c4b0d;
    --deskhand-chosen: #22303e;
  }
}
*, ::before, ::after { box-sizing: border-box; }
[hidden] { display: none !important; }
.unseen { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.box { position: relative; color: var(--deskhand-text); }
input {
  inline-size: 100%;
  min-block-size: 52px;
  padding-block: 0;
  padding-inline: 48px 52px;
  border: 1.5px solid var(--deskhand-line);
  border-radius: var(--deskhand-radius);
  background: var(--deskhand-ground);
  color: inherit;
  font: inherit;
  font-size: max(16px, 1em);
  appearance: none;
}
input::placeholder { color: var(--deskhand-soft); opacity: 1; }
input::-webkit-search-cancel-button { display: none; }
input:focus-visible { outline: 3px solid color-mix(in srgb, var(--deskhand-accent) 35%, transparent); border-color: var(--deskhand-accent); }
svg {
  position: absolute; inset-block-start: 15px; inset-inline-start: 15px; inline-size: 22px; block-size: 22px;
  fill: none; stroke: var(--deskhand-soft); stroke-width: 1.8; stroke-linecap: round; pointer-events: none;
}
kbd {
  position: absolute; inset-block-start: 14px; inset-inline-end: 14px; min-inline-size: 24px; padding: 1px 7px; text-align: center;
  border: 1px solid var(--deskhand-line); border-radius: 6px; color: var(--deskhand-soft); font: inherit; font-size: 14px; pointer-events: none;
}
input:focus ~ kbd { display: none; }
@media (hover: none) { kbd { display: none; } }
.panel {
  position: absolute; z-index: 2147483000; inset-inline: 0; inset-block-start: calc(100% + 8px); max-block-size: min(70vh, 560px); display: flex; flex-direction: column;
  border: 1px solid var(--deskhand-line); border-radius: var(--deskhand-radius); background: var(--deskhand-ground);
  box-shadow: 0 12px 32px rgb(10 25 40 / 18%); text-align: start; overflow: hidden;
}
ul { list-style: none; margin: 0; padding: 6px; }
.panel ul { overflow: auto; overscroll-behavior: contain; }
ul:empty { display: none; }
li { padding: 10px 12px; border-radius: 8px; cursor: pointer; scroll-margin: 6px; }
li:hover { background: color-mix(in srgb, var(--deskhand-chosen) 60%, transparent); }
li[aria-selected="true"] { background: var(--deskhand-chosen); box-shadow: inset 3px 0 var(--deskhand-accent); }
:dir(rtl) > li[aria-selected="true"] { box-shadow: inset -3px 0 var(--deskhand-accent); }
.title { display: block; font-weight: 600; overflow-wrap: anywhere; }
.snippet {
  display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; margin-block-start: 2px;
  color: var(--deskhand-soft); font-size: .92em; line-height: 1.45; overflow-wrap: anywhere;
}
mark { background: var(--deskhand-mark); color: var(--deskhand-text); border-radius: 3px; padding-inline: 1px; }
.note p { margin: 0; padding: 12px 18px 4px; color: var(--deskhand-soft); overflow-wrap: anywhere; }
.note strong { color: var(--deskhand-text); }
.note .problem, .empty { padding: 16px 18px; }
.empty p { padding: 0 0 8px; }
button {
  min-block-size: 40px; padding: 8px 18px; border: 1.5px solid var(--deskhand-accent); border-radius: 999px; background: transparent;
  color: var(--deskhand-accent); font: inherit; font-weight: 600; cursor: pointer;
}
button:hover { background: var(--deskhand-chosen); }
button:focus-visible, a:focus-visible, textarea:focus-visible { outline: 3px solid color-mix(in srgb, var(--deskhand-accent) 45%, transparent); outline-offset: 2px; }
.contact { margin-block: 4px 2px; }
dialog {
  inline-size: min(760px, calc(100vw - 32px)); max-block-size: calc(100dvh - 48px); padding: 0; border: 1px solid var(--deskhand-line);
  border-radius: calc(var(--deskhand-radius) + 4px); background: var(--deskhand-ground); color: var(--deskhand-text); line-height: 1.6; text-align: start;
}
dialog::backdrop { background: rgb(8 16 24 / 55%); }
header {
  position: sticky; inset-block-start: 0; display: flex; gap: 16px; align-items: flex-start; justify-content: space-between;
  padding: 20px 24px 12px; background: var(--deskhand-ground); border-block-end: 1px solid var(--deskhand-line);
}
h1 { margin: 0; font-size: 1.4em; line-height: 1.25; overflow-wrap: anywhere; }
h1:focus { outline: none; }
.close { flex: none; min-inline-size: 40px; padding: 0; border-color: var(--deskhand-line); color: var(--deskhand-text); font-size: 1.4em; line-height: 1; }
.body { padding: 8px 24px 16px; overflow-wrap: anywhere; }
.body h2 { font-size: 1.2em; } .body h3, .body h4 { font-size: 1.05em; }
.body h2, .body h3, .body h4 { margin: 1.3em 0 .4em; line-height: 1.3; }
.body a { color: var(--deskhand-accent); }
.body ul { list-style: disc; padding-inline-start: 1.4em; } .body li { padding: 2px 0; cursor: auto; background: none; }
.body table { display: block; overflow-x: auto; border-collapse: collapse; }
.body th, .body td { padding: 6px 12px; border: 1px solid var(--deskhand-line); text-align: start; }
.body pre { overflow-x: auto; padding: 12px; border-radius: 8px; background: var(--deskhand-chosen); }
footer { padding: 14px 24px 22px; border-block-start: 1px solid var(--deskhand-line); }
footer p { margin: 0 0 8px; font-weight: 600; }
footer [role="group"] { display: flex; gap: 10px; }
textarea {
  inline-size: 100%; margin-block-end: 8px; padding: 10px 12px; border: 1.5px solid var(--deskhand-line); border-radius: 10px;
  background: transparent; color: inherit; font: inherit; font-size: max(16px, 1em);
}
@media (max-width: 560px) {
  dialog { inline-size: 100vw; max-inline-size: 100vw; block-size: 100dvh; max-block-size: 100dvh; margin: 0; border: 0; border-radius: 0; }
  .panel { max-block-size: 60dvh; }
}
@media (prefers-reduced-motion: no-preference) { input { transition: border-color .12s; } }
`;
