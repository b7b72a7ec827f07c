# The server.
# Only copies: the binaries are cross-compiled into dist/ before (task dist), so that this builds without any registry.
FROM scratch
ARG TARGETARCH
LABEL org.opencontainers.image.title="mini-redis" org.opencontainers.image.licenses="MIT"
COPY ${TARGETARCH}/mini-redis /mini-redis
USER 65532:65532
EXPOSE 6379 9121
ENTRYPOINT ["/mini-redis"]
