# syntax=docker/dockerfile:1
# The server in a small image: it runs as a user of its own, with a root file system that may be read-only, and keeps everything in /data.
#
#     docker build --tag deskhand .
#     docker run --read-only --tmpfs /tmp --volume deskhand:/data --publish 127.0.0.1:50051:50051 --env DESKHAND_ALLOW_REMOTE_WITHOUT_TLS=true deskhand
#
# The port is published on loopback alone there; beyond it give the container a certificate, or put a proxy with one before it.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked && install -D target/release/deskhand /out/deskhand && install -d -m 0700 /out/data /out/key

# Certificates and dictionaries are files; their packages would bring openssl and perl along.
FROM debian:bookworm-slim AS files
RUN apt-get update -q \
 && apt-get install -q -y --no-install-recommends ca-certificates hunspell-en-us hunspell-tr hunspell-hu hunspell-de-de hunspell-fr hunspell-es \
 && install -d /out \
 && cp -r --parents /etc/ssl/certs/ca-certificates.crt /usr/share/hunspell /usr/share/doc/hunspell-* /out

FROM debian:bookworm-slim
COPY --from=files /out /
COPY --from=build /out/deskhand /usr/local/bin/deskhand
COPY --from=build --chown=65532:65532 /out/data /data
# For a first key in a volume of its own, which others may have without the data.
COPY --from=build --chown=65532:65532 /out/key /key
COPY knowledge-base /knowledge-base
USER 65532:65532
WORKDIR /data
# The first start makes a key and writes it into this file, as the server is reached from other machines.
ENV DESKHAND_LISTEN=0.0.0.0:50051 \
    DESKHAND_DATA=/data \
    DESKHAND_KNOWLEDGE_BASE=/knowledge-base \
    DESKHAND_FIRST_KEY_FILE=/data/first-key
EXPOSE 50051
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["deskhand", "health"]
ENTRYPOINT ["deskhand"]
CMD ["serve"]
