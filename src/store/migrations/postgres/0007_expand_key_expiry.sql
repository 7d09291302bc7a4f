-- When a key ends by itself, in nanoseconds; NULL: never. A server of the version before does not know it, and takes the key after that, too.
ALTER TABLE api_key ADD COLUMN expires_at BIGINT;
