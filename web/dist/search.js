"use strict";(()=>{function i(s,e={},...t){let n=document.createElement(s);for(let[r,o]of Object.entries(e))n.setAttribute(r,o);return n.append(...t),n}function p(){return Array.from(crypto.getRandomValues(new Uint8Array(12)),s=>s.toString(16).padStart(2,"0")).join("")}var m={en:{placeholder:"Search for help",results:"Articles",found:s=>s===1?"1 article found":`${s} articles found`,didYouMean:"Did you mean",nothing:s=>`Nothing found for “${s}”`,nothingHint:"Try other words, or ask us: we see what you searched for.",contact:"Contact us",offline:"There is no connection. We search again as soon as there is one.",busy:"Many people are searching now. One moment, please.",refused:"This search box is not allowed to search here.",broken:"The search does not work right now. We try again in a moment.",close:"Close",helpful:"Was this helpful?",yes:"Yes",no:"No",why:"What was missing?",send:"Send",thanks:"Thank you!"},tr:{placeholder:"Yardım ara",results:"Makaleler",found:s=>`${s} makale bulundu`,didYouMean:"Bunu mu demek istediniz:",nothing:s=>`“${s}” için sonuç bulunamadı`,nothingHint:"Başka kelimelerle deneyin ya da bize sorun; ne aradığınızı görürüz.",contact:"Bize ulaşın",offline:"Bağlantı yok. Bağlantı gelince yeniden ararız.",busy:"Şu anda çok arama yapılıyor. Bir saniye lütfen.",refused:"Bu arama kutusunun burada arama izni yok.",broken:"Arama şu anda çalışmıyor. Birazdan yeniden deneriz.",close:"Kapat",helpful:"Bu yardımcı oldu mu?",yes:"Evet",no:"Hayır",why:"Ne eksikti?",send:"Gönder",thanks:"Teşekkürler!"},de:{placeholder:"Hilfe suchen",results:"Artikel",found:s=>`${s} Artikel gefunden`,didYouMean:"Meinten Sie",nothing:s=>`Nichts gefunden zu „${s}“`,nothingHint:"Versuchen Sie es mit anderen Wörtern, oder fragen Sie uns: Wir sehen, wonach Sie gesucht haben.",contact:"Kontakt aufnehmen",offline:"Keine Verbindung. Sobald es eine gibt, suchen wir wieder.",busy:"Gerade suchen viele. Einen Moment bitte.",refused:"Dieses Suchfeld darf hier nicht suchen.",broken:"Die Suche geht gerade nicht. Wir versuchen es gleich noch einmal.",close:"Schließen",helpful:"War das hilfreich?",yes:"Ja",no:"Nein",why:"Was hat gefehlt?",send:"Senden",thanks:"Danke!"},hu:{placeholder:"Keresés a súgóban",results:"Cikkek",found:s=>`${s} cikk`,didYouMean:"Erre gondolt:",nothing:s=>`Nincs találat erre: „${s}”`,nothingHint:"Próbálja más szavakkal, vagy kérdezzen minket: látjuk, mit keresett.",contact:"Írjon nekünk",offline:"Nincs kapcsolat. Amint lesz, újra keresünk.",busy:"Most sokan keresnek. Egy pillanat türelmet.",refused:"Ez a keresőmező itt nem kereshet.",broken:"A keresés most nem működik. Mindjárt újra próbáljuk.",close:"Bezárás",helpful:"Hasznos volt ez?",yes:"Igen",no:"Nem",why:"Mi hiányzott?",send:"Küldés",thanks:"Köszönjük!"}},k=s=>s.toLowerCase().split("-")[0]??"";function g(s){return m[k(s)]??m.en}function b(s){return["ar","dv","fa","he","ku","ps","sd","ug","ur","yi"].includes(k(s))}var v=`
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
`;var z=1e4,T=50,A="SEGMENT_KIND_MATCHED",x=document.currentScript??document.querySelector('script[src$="/help/search.js"]'),L=x?new URL(x.src).origin:location.origin,S=p(),w=new CSSStyleSheet;w.replaceSync(v);var C=0,f=class extends HTMLElement{static observedAttributes=["language","key","server","placeholder"];#l=++C;#i=g("en");#e=i("input",{type:"search",role:"combobox",autocomplete:"off",autocapitalize:"off",spellcheck:"false",enterkeyhint:"search",maxlength:"2000","aria-autocomplete":"list","aria-expanded":"false","aria-controls":`list-${this.#l}`,part:"input"});#s=i("ul",{role:"listbox",id:`list-${this.#l}`,part:"results"});#d=i("div",{class:"note"});#p=i("div",{class:"unseen",role:"status","aria-live":"polite"});#r=i("div",{class:"panel",hidden:""},this.#d,this.#s);#t=i("dialog",{part:"article"});#u=new Map;#n=null;#o=-1;#m=0;#g=null;#k=0;#b=0;#z=null;constructor(){super();let e=this.attachShadow({mode:"open"});e.adoptedStyleSheets=[w];let t=i("kbd",{"aria-hidden":"true"},"/");e.append(i("div",{class:"box",part:"box"},M(),this.#e,t,this.#r),this.#p,this.#t),this.#e.addEventListener("input",()=>this.#c()),this.#e.addEventListener("keydown",n=>this.#$(n)),this.#e.addEventListener("focus",()=>this.#a(this.#e.value.trim()!=="")),this.#r.addEventListener("pointerdown",n=>n.preventDefault()),this.#s.addEventListener("click",n=>this.#K(n.target)),this.#t.addEventListener("click",n=>this.#D(n)),this.#t.addEventListener("close",()=>this.#U()),this.addEventListener("focusout",()=>setTimeout(()=>this.#R()))}connectedCallback(){document.addEventListener("keydown",this.#A),window.addEventListener("hashchange",this.#x),window.addEventListener("online",this.#L),this.#e.value||=this.#v?.querySelector("input")?.value??"",this.#T(),this.#x()}disconnectedCallback(){document.removeEventListener("keydown",this.#A),window.removeEventListener("hashchange",this.#x),window.removeEventListener("online",this.#L),this.#g?.abort(),clearTimeout(this.#k)}attributeChangedCallback(){this.#u.clear(),this.isConnected&&(this.#T(),this.#e.value.trim()&&this.#c())}search(e){this.#e.value=e,this.#e.focus(),this.#c()}get#v(){return this.querySelector("form")}get#h(){return this.getAttribute("language")||document.documentElement.lang||navigator.language||"en"}#T(){this.#i=g(this.#h);let e=b(this.#h)?"rtl":"ltr";for(let t of[this.#r,this.#e,this.#t])t.dir=e,t.lang=this.#h;this.#e.placeholder=this.getAttribute("placeholder")||this.#i.placeholder,this.#e.setAttribute("aria-label",this.#i.placeholder),this.#s.setAttribute("aria-label",this.#i.results)}#A=e=>{let t=e.composedPath()[0],n=t instanceof HTMLElement&&(t.isContentEditable||/^(INPUT|TEXTAREA|SELECT)$/.test(t.tagName));e.key==="/"&&!n&&!e.ctrlKey&&!e.metaKey&&!e.altKey&&!this.#t.open&&(e.preventDefault(),this.#e.focus(),this.#e.select())};#L=()=>{this.#e.value.trim()&&this.#n===null&&this.#c()};#x=()=>{let e=/^#article=(.+)$/.exec(location.hash)?.[1];try{e&&this.#f(decodeURIComponent(e),null)}catch{}};#$(e){let t=(this.#n?.hits.length??0)-1;if(!e.isComposing){if(e.key==="ArrowDown")this.#y(this.#o>=t?0:this.#o+1);else if(e.key==="ArrowUp")this.#y(this.#o<=0?t:this.#o-1);else if(e.key==="Enter"){let[n,r]=[this.#v,this.#v?.querySelector("input")],o=this.#n?.hits[Math.max(this.#o,0)];n&&r&&this.#o<0?(r.value=this.#e.value,r.value.trim()&&n.submit()):o&&!this.#r.hidden&&this.#f(o.id,this.#n)}else if(e.key==="Escape")if(!this.#r.hidden)this.#a(!1);else if(this.#e.value)this.#e.value="",this.#c();else return;else return;e.preventDefault()}}#y(e){this.#r.hidden&&this.#a(!0),this.#o=e,[...this.#s.children].forEach((t,n)=>{t.setAttribute("aria-selected",String(n===e)),n===e&&(this.#e.setAttribute("aria-activedescendant",t.id),t.scrollIntoView({block:"nearest"}))}),e<0&&this.#e.removeAttribute("aria-activedescendant")}#a(e){let t=this.#s.childElementCount>0||this.#d.childNodes.length>0;this.#r.hidden=!e||!t,this.#e.setAttribute("aria-expanded",String(!this.#r.hidden)),this.#r.hidden&&this.#w()}#w(){this.#o=-1,this.#e.removeAttribute("aria-activedescendant")}#R(){this.shadowRoot?.activeElement!==this.#e&&this.#a(!1)}#c(){let e=this.#e.value.trim(),t=++this.#m;if(this.#g?.abort(),clearTimeout(this.#k),!e){this.#n=null,this.#s.replaceChildren(),this.#d.replaceChildren(),this.#p.textContent="",this.#a(!1);return}let n=this.#u.get(e);if(n)return this.#S(e,n);this.#g=new AbortController;let r=new URLSearchParams({q:e,language:this.#h,limit:"8",session_id:S});this.#H(`/help/search?${r}`,this.#g).then(o=>{this.#u.size>=T&&this.#u.clear(),this.#u.set(e,o),t===this.#m&&this.#S(e,o)},o=>t===this.#m&&this.#C(o))}#S(e,t){let n=this.#i,r=this.#n?.hits[this.#o]?.id;this.#n=t,this.#w(),this.#s.replaceChildren(...t.hits.map((a,c)=>this.#I(a,c)));let o=t.correctedQuery&&t.hits.length>0;t.hits.length===0?this.#d.replaceChildren(this.#P(e)):o?this.#d.replaceChildren(i("p",{},`${n.didYouMean} `,i("strong",{},t.correctedQuery),"?")):this.#d.replaceChildren(),this.#p.textContent=t.hits.length?n.found(t.total):n.nothing(e),this.#a(!0);let d=r===void 0?-1:t.hits.findIndex(({id:a})=>a===r);d>=0&&this.#y(d)}#I(e,t){let n=i("li",{role:"option",id:`option-${this.#l}-${t}`,"aria-selected":"false",lang:e.language});return n.append(i("span",{class:"title"},...y(e.title)),i("span",{class:"snippet"},...y(e.snippet))),n}#P(e){let t=this.#i,n=i("button",{type:"button",class:"contact",part:"contact"},t.contact);return n.addEventListener("click",()=>this.#j(e)),i("div",{class:"empty"},i("p",{},i("strong",{},t.nothing(e))),i("p",{},t.nothingHint),n)}#j(e){let t=new CustomEvent("deskhand-contact",{detail:{query:e,language:this.#h},bubbles:!0,composed:!0,cancelable:!0}),n=this.getAttribute("contact");if(!this.dispatchEvent(t)||!n)return;let r=new URL(n,location.href);r.protocol!=="tel:"&&r.searchParams.set(r.protocol==="mailto:"?"subject":"query",e),/^(https?|mailto|tel):$/.test(r.protocol)&&location.assign(r)}#C(e){let t=this.#i,n=e.status===0?t.offline:e.status===429?t.busy:e.status===401||e.status===403?t.refused:t.broken;this.#n=null,this.#s.replaceChildren(),this.#w(),this.#d.replaceChildren(i("p",{class:"problem"},n)),this.#p.textContent=n,this.#a(!0),(e.status===429||e.status>=500)&&(this.#k=window.setTimeout(()=>this.#c(),Math.max(e.retryAfter,1)*1e3))}#K(e){let t=[...this.#s.children].indexOf(e.closest("li")),n=this.#n?.hits[t];n&&this.#f(n.id,this.#n)}async#f(e,t){let n=this.getAttribute("pages");if(n)return this.#W(n,e,t);let r=this.#i,o=++this.#b;this.#t.open||(this.#z=this.shadowRoot?.activeElement);try{let d=`/help/articles/${encodeURIComponent(e)}?language=${encodeURIComponent(this.#h)}`,{article:a,html:c}=await this.#H(d,new AbortController);if(o!==this.#b)return;let u=i("div",{class:"body"});u.innerHTML=c;let h=i("button",{type:"button",class:"close","aria-label":r.close},"×"),l=i("h1",{id:`title-${this.#l}`,tabindex:"-1"},a.title);this.#t.replaceChildren(i("header",{},l,h),u,this.#B(a.id,a.language)),this.#t.lang=a.language,this.#t.dir=b(a.language)?"rtl":"ltr",this.#t.setAttribute("aria-labelledby",l.id),this.#a(!1),this.#t.open||this.#t.showModal(),this.#t.scrollTop=0,l.focus(),this.dispatchEvent(new CustomEvent("deskhand-open",{detail:{id:a.id},bubbles:!0,composed:!0})),t?.searchId&&this.#E("/help/opens",{searchId:t.searchId,id:a.id}).catch(()=>{})}catch(d){o===this.#b&&this.#C(d)}}#W(e,t,n){this.dispatchEvent(new CustomEvent("deskhand-open",{detail:{id:t},bubbles:!0,composed:!0})),n?.searchId&&this.#E("/help/opens",{searchId:n.searchId,id:t}).catch(()=>{}),location.assign(e+encodeURIComponent(t).replace(/^(s(?=earch$)|c(?=ategories$))/,r=>`%${r.charCodeAt(0).toString(16)}`))}#B(e,t){let n=this.#i,r=p(),o=i("footer",{}),d=(h,l)=>this.#E("/help/ratings",{id:e,language:t,helpful:h,reason:l,ratingId:r}),a=()=>{o.replaceChildren(i("p",{role:"status"},n.thanks))},c=i("button",{type:"button"},n.yes),u=i("button",{type:"button"},n.no);return c.addEventListener("click",()=>{d(!0,"").then(a,a)}),u.addEventListener("click",()=>{d(!1,"").catch(()=>{});let h=i("textarea",{rows:"2",maxlength:"2000","aria-label":n.why,placeholder:n.why}),l=i("form",{},h,i("button",{},n.send));l.addEventListener("submit",E=>{E.preventDefault(),d(!1,h.value.trim()).then(a,a)}),o.replaceChildren(l),h.focus()}),o.append(i("p",{id:`helpful-${this.#l}`},n.helpful),i("div",{role:"group","aria-labelledby":`helpful-${this.#l}`},c,u)),o}#D(e){let t=e.target,n=t.closest("a[data-article]");n?.dataset.article?(e.preventDefault(),this.#f(n.dataset.article,null)):(t===this.#t||t.closest(".close"))&&this.#t.close()}#U(){this.#b++,location.hash.startsWith("#article=")&&history.replaceState(null,"",location.pathname+location.search),(this.#z??this.#e).focus()}#M(e){let t=new URL(e,this.getAttribute("server")||L),n=this.getAttribute("key");return n&&t.searchParams.set("key",n),t}async#H(e,t){let n=setTimeout(()=>t.abort(),z);try{return await this.#N(await fetch(this.#M(e),{signal:t.signal,credentials:"omit"}))}catch(r){throw r instanceof Error?{status:0,retryAfter:0}:r}finally{clearTimeout(n)}}async#E(e,t){let n={"content-type":"application/json"},r=await fetch(this.#M(e),{method:"POST",headers:n,body:JSON.stringify(t),keepalive:!0,credentials:"omit"});await this.#N(r)}async#N(e){if(e.ok)return e.json();throw{status:e.status,retryAfter:Number(e.headers.get("retry-after"))||0}}};function y(s){return s.map(({text:e,kind:t})=>t===A?i("mark",{},e):document.createTextNode(e))}function M(){let s="http://www.w3.org/2000/svg",e=document.createElementNS(s,"svg");e.setAttribute("viewBox","0 0 20 20"),e.setAttribute("aria-hidden","true");let t=document.createElementNS(s,"path");return t.setAttribute("d","M8.5 3a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11Zm4 9.5L17 17"),e.append(t),e}customElements.get("deskhand-search")||customElements.define("deskhand-search",f);})();
