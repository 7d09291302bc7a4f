// How the reply box looks. A page changes it by custom properties and parts.
const dark = /* css */ `
  --deskhand-accent: #86c0f2; --deskhand-on-accent: #0b1620; --deskhand-ground: #18212b; --deskhand-text: #e8edf3; --deskhand-soft: #a7b3c0;
  --deskhand-line: #3c4957; --deskhand-chosen: #22384d; --deskhand-mark: #6d560f; --deskhand-note: #40350f;
  --deskhand-gone: #ff9d95; --deskhand-gone-ground: #4a1b18; --deskhand-new: #8fe0a8; --deskhand-new-ground: #123a20;
  color-scheme: dark;
`;

export const styles = /* css */ `
:host {
  --deskhand-accent: #14639e; --deskhand-on-accent: #fff; --deskhand-ground: #fff; --deskhand-text: #16202b; --deskhand-soft: #4f5c6b;
  --deskhand-line: #c6d0db; --deskhand-chosen: #e3eef8; --deskhand-mark: #ffe08a; --deskhand-note: #fff4cf;
  --deskhand-gone: #a3231b; --deskhand-gone-ground: #fbe0de; --deskhand-new: #11622e; --deskhand-new-ground: #d9f2e0;
  --deskhand-radius: 10px;
  display: block; container-type: inline-size; color-scheme: light; font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
:host([hidden]) { display: none; }
@media (prefers-color-scheme: dark) { :host(:not([theme="light"])) {${dark}} }
:host([theme="dark"]) {${dark}}
*, ::before, ::after { box-sizing: border-box; }
[hidden] { display: none !important; }
.unseen { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
p, ol, ul, h2 { margin: 0; padding: 0; list-style: none; }
.reply { display: grid; gap: 12px; padding: 12px; border: 1px solid var(--deskhand-line); border-radius: var(--deskhand-radius); background: var(--deskhand-ground); color: var(--deskhand-text); text-align: start; }
.main, .beside { min-inline-size: 0; position: relative; }
@container (min-width: 620px) { .reply { grid-template-columns: minmax(0, 1fr) minmax(220px, 32%); } }
button, input, textarea, ::slotted(button) { font: inherit; color: inherit; }
button, ::slotted(button) {
  min-block-size: 34px; padding: 4px 12px; border: 1px solid var(--deskhand-line); border-radius: 8px; background: var(--deskhand-ground); color: var(--deskhand-text); cursor: pointer;
}
button:hover:not(:disabled) { border-color: var(--deskhand-accent); }
button:disabled { cursor: default; opacity: .75; }
button.first { background: var(--deskhand-accent); border-color: var(--deskhand-accent); color: var(--deskhand-on-accent); font-weight: 600; }
button.stop { border-color: var(--deskhand-gone); color: var(--deskhand-gone); }
button.quiet { min-block-size: 28px; padding: 0 8px; border-color: transparent; background: none; color: var(--deskhand-accent); }
button.quiet:disabled { color: var(--deskhand-soft); opacity: 1; }
:focus-visible { outline: 3px solid color-mix(in srgb, var(--deskhand-accent) 60%, transparent); outline-offset: 1px; }
a { color: var(--deskhand-accent); }
mark { background: var(--deskhand-mark); color: inherit; border-radius: 3px; }
.row, .tools { display: flex; flex-wrap: wrap; gap: 6px; align-items: center; }
.offline { margin-block-end: 8px; padding: 6px 12px; border-radius: 8px; background: var(--deskhand-note); }
input, textarea, .mirror { inline-size: 100%; padding: 8px 11px; border: 1px solid var(--deskhand-line); border-radius: var(--deskhand-radius); background: transparent; overflow-wrap: anywhere; }
input { margin-block: 8px; }
::placeholder { color: var(--deskhand-soft); opacity: 1; }
.writing { position: relative; }
textarea, .mirror { min-block-size: 120px; font: inherit; line-height: 1.5; unicode-bidi: plaintext; scrollbar-gutter: stable; }
textarea { position: relative; display: block; resize: vertical; }
textarea[aria-busy="true"] { border-color: var(--deskhand-accent); }
.mirror { position: absolute; inset: 0; white-space: pre-wrap; overflow: auto; color: transparent; border-color: transparent; pointer-events: none; }
.mirror mark { color: transparent; }
.cited { text-decoration: underline dotted var(--deskhand-accent) 2px; text-underline-offset: 3px; }
.picker { margin-block-start: 4px; padding: 5px; border: 1px solid var(--deskhand-line); border-radius: var(--deskhand-radius); }
.picker li { padding: 6px 10px; border-radius: 7px; cursor: pointer; }
.picker li[aria-selected="true"] { background: var(--deskhand-chosen); }
.picker strong, .picker span { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.picker span { color: var(--deskhand-soft); }
.picker [aria-selected="true"] span { color: var(--deskhand-text); }
.main > .row { margin-block-start: 8px; }
.status { flex: 1; min-inline-size: 9em; min-block-size: 1.5em; color: var(--deskhand-soft); }
.panel { margin-block-start: 10px; padding: 8px 12px; border: 1px solid var(--deskhand-line); border-radius: var(--deskhand-radius); }
.diff { margin-block-start: 6px; white-space: pre-wrap; overflow-wrap: anywhere; }
.change { display: inline; min-block-size: 0; padding: 0 2px; border: 0; border-radius: 4px; background: none; text-align: start; white-space: pre-wrap; }
.change del { color: var(--deskhand-gone); background: var(--deskhand-gone-ground); }
.change ins { color: var(--deskhand-new); background: var(--deskhand-new-ground); text-decoration: none; }
.change[aria-pressed="false"] del { color: inherit; background: none; text-decoration: none; }
.change[aria-pressed="false"] ins { color: inherit; background: none; text-decoration: line-through; }
.warnings { background: var(--deskhand-note); }
.warning, .promise, .cites { inline-size: 100%; min-block-size: 0; padding: 3px 6px; border-color: transparent; background: none; text-align: start; overflow-wrap: anywhere; }
.sources ol { padding-inline-start: 22px; list-style: decimal; }
.cites { color: var(--deskhand-soft); }
.receipt { overflow-x: auto; }
.receipt summary { cursor: pointer; color: var(--deskhand-soft); }
.receipt table { margin-block: 8px; border-collapse: collapse; }
.receipt th, .receipt td { padding: 2px 0; padding-inline-end: 14px; text-align: start; font-weight: 400; }
.receipt thead th { color: var(--deskhand-soft); }
.suggestions { display: grid; gap: 8px; }
.suggestions button, .suggestions details { position: relative; inline-size: 100%; padding: 8px 11px; text-align: start; }
.suggestions .kind { display: block; padding-inline-end: 44px; color: var(--deskhand-soft); font-size: .85em; }
.suggestions .title { display: block; font-weight: 600; overflow-wrap: anywhere; }
.suggestions .text { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 4; overflow: hidden; white-space: pre-line; overflow-wrap: anywhere; }
.suggestions kbd { position: absolute; inset-block-start: 7px; inset-inline-end: 9px; color: var(--deskhand-soft); font: inherit; font-size: .8em; }
.suggestions details { border: 1px dashed var(--deskhand-line); border-radius: 8px; background: var(--deskhand-note); }
.suggestions summary { cursor: pointer; }
.suggestions details .text { display: block; }
.suggestions .inside .kind, .suggestions .inside kbd { color: var(--deskhand-text); }
.empty { color: var(--deskhand-soft); }
@container (max-width: 480px) { input, textarea, .mirror { font-size: 16px; } }
`;
