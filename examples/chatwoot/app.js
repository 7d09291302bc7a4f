// A Chatwoot dashboard app (Settings → Integrations → Dashboard apps). Chatwoot shows this page in a frame beside a conversation and posts it the
// conversation, the contact and the agent as JSON: once it has loaded, and whenever it asks.
const CHATWOOT = "https://chatwoot.shop.example";
const ASK = "chatwoot-dashboard-app:fetch-info";
/** How often it is looked for new messages: Chatwoot does not tell of them by itself. */
const EVERY = 5000;
/** Chatwoot's numbers of who wrote; 2 is what happened, such as an assignment, and no message. */
const AUTHORS = { 0: "customer", 1: "agent", 3: "bot" };

const box = document.querySelector("deskhand-reply");
const status = document.querySelector("[role=status]");
/** The chat and time of the last text that was copied, until it is seen among the messages. */
let copied = null;

// Your server knows who is signed in; it makes a key for that agent, as examples/reply-box/key.js does. What Chatwoot posts does not prove who it is.
box.fetchKey = async () => {
  const response = await fetch("/deskhand-key");
  if (!response.ok) throw new Error(`no key: ${response.status}`);
  return response.text();
};

window.addEventListener("message", ({ origin, data }) => {
  if (origin !== CHATWOOT || typeof data !== "string" || !data.startsWith("{")) return;
  const told = JSON.parse(data);
  if (told.event === "appContext") show(told.data).catch(console.error);
});

async function show({ conversation, contact, currentAgent }) {
  const chat = `chatwoot-${conversation.account_id}-${conversation.id}`;
  box.setAttribute("agent-id", `agent-${currentAgent.id}`);
  box.setAttribute("agent-name", currentAgent.name);
  const messages = conversation.messages
    .filter(({ message_type, content }) => message_type in AUTHORS && content)
    .map(({ id, message_type, content, sender, created_at, private: note }) => ({
      id: `message-${id}`,
      author: AUTHORS[message_type],
      authorId: sender ? `${sender.type ?? "contact"}-${sender.id}` : "",
      name: sender?.name ?? "",
      text: content,
      at: created_at * 1000,
      note,
    }));
  const { id, name, email, phone_number } = contact;
  if (box.getAttribute("chat") !== chat) box.setAttribute("chat", chat);
  await tellNew(chat, { customer: { id: `contact-${id}`, name, email: email ?? "", phone: phone_number ?? "" }, messages });
  // What the agent sent of it, perhaps edited, is what suggestions learn from.
  const sent = copied?.chat === chat && messages.find(({ author, note, at }) => author === "agent" && !note && at > copied.at);
  if (sent) {
    copied = null;
    await box.sent(sent.text);
  }
}

let told = "";
async function tellNew(chat, what) {
  const now = JSON.stringify([chat, what]);
  if (now === told) return;
  await box.tell(what);
  told = now;
}

// Chatwoot has no call that writes into its reply field: the text is copied, and pasted by the agent.
box.addEventListener("deskhand-insert", async ({ detail }) => {
  await copy(detail.text);
  copied = { chat: detail.chat, at: Date.now() - 1000 };
  status.textContent = "Copied. Paste it into the reply.";
});

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Chatwoot's frame may not write to the clipboard by that, but a click still copies what is selected.
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}

window.parent.postMessage(ASK, CHATWOOT);
setInterval(() => document.visibilityState === "visible" && window.parent.postMessage(ASK, CHATWOOT), EVERY);
