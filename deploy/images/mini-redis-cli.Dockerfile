# The command line client, and what helm test runs.
# Only copies: the binaries are cross-compiled into dist/ before (task dist), so that this builds without any registry.
FROM scratch
ARG TARGETARCH
LABEL org.opencontainers.image.title="mini-redis-cli" org.opencontainers.image.licenses="MIT"
COPY ${TARGETARCH}/mini-redis-cli ${TARGETARCH}/stack-check /
USER 65532:65532
ENTRYPOINT ["/mini-redis-cli"]
