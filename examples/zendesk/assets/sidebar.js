// A Zendesk Support app for the ticket sidebar, on the Zendesk Apps framework (ZAF) 2.0.
const client = ZAFClient.init();
const box = document.querySelector("deskhand-reply");
/** What was put into the comment, until it is seen in the conversation. */
let inserted = null;

// Zendesk's proxy puts the secure setting into the header, so that the secret never reaches the browser. The address answers with a key for the agent.
box.fetchKey = async () => {
  const [{ settings }, { currentUser }] = await Promise.all([client.metadata(), client.get("currentUser")]);
  const url = `${settings.key_address}?${new URLSearchParams({ agent: `agent-${currentUser.id}`, name: currentUser.name })}`;
  const headers = { Authorization: "Bearer {{setting.key_secret}}" };
  return client.request({ url, type: "GET", dataType: "text", headers, secure: true });
};

async function show() {
  const got = await client.get(["ticket.id", "ticket.requester", "ticket.conversation", "currentUser"]);
  const [requester, agent] = [got["ticket.requester"], got.currentUser];
  box.setAttribute("agent-id", `agent-${agent.id}`);
  box.setAttribute("agent-name", agent.name);
  box.setAttribute("language", agent.locale ?? "en");
  const chat = `zendesk-${got["ticket.id"]}`;
  box.setAttribute("chat", chat);
  const messages = got["ticket.conversation"].map(({ author, channel, message, timestamp }) => ({
    // The conversation has no ids of its messages.
    id: `message-${timestamp}-${author.id}`,
    author: author.role === "end-user" ? "customer" : author.role === "system" ? "bot" : "agent",
    authorId: `user-${author.id}`,
    name: author.name,
    text: message.contentType === "text/html" ? plain(message.content) : message.content,
    at: timestamp,
    note: channel.name === "internal",
  }));
  await box.tell({ customer: { id: `user-${requester.id}`, name: requester.name, email: requester.email ?? "", language: requester.locale ?? "" }, messages });
  // What the agent sent of it, perhaps edited, is what suggestions learn from.
  const sent = inserted?.chat === chat && messages.slice(inserted.known).find(({ author, note }) => author === "agent" && !note);
  if (sent) {
    inserted = null;
    await box.sent(sent.text);
  } else if (inserted?.chat !== chat) inserted = null;
  return messages.length;
}

/** The text of a comment. A parsed document is inert: nothing in it loads or runs. */
function plain(html) {
  const { body } = new DOMParser().parseFromString(html, "text/html");
  for (const end of body.querySelectorAll("br, p, div, li")) end.after("\n");
  return body.textContent.replace(/\n{3,}/g, "\n\n").trim();
}

let known = Promise.resolve(0);
function showAgain() {
  known = known.then(show, show);
  known.catch(console.error);
}

box.addEventListener("deskhand-insert", async ({ detail }) => {
  inserted = { chat: detail.chat, known: await known };
  await client.invoke("ticket.comment.appendText", detail.text);
});
client.on("app.activated", showAgain);
client.on("ticket.conversation.changed", showAgain);
client.invoke("resize", { width: "100%", height: "640px" });
showAgain();
