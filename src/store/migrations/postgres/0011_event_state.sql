-- The events that make a chat's state, apart from what was said and viewed: of a chat that is too long to be read whole, they are.
CREATE INDEX event_state ON event (chat, sequence)
WHERE substr(body, 1, 17) <> '{"kind":"message"' AND substr(body, 1, 19) <> '{"kind":"page_view"';
