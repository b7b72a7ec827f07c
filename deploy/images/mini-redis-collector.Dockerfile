# The project's small OpenTelemetry Collector; entrypoint and user as in the official contrib image.
# Only copies: the binaries are cross-compiled into dist/ before (task dist), so that this builds without any registry.
FROM scratch
ARG TARGETARCH
LABEL org.opencontainers.image.title="mini-redis-collector" org.opencontainers.image.licenses="MIT"
COPY ${TARGETARCH}/mini-redis-collector /mini-redis-collector
USER 10001:10001
EXPOSE 4317 4318 13133
ENTRYPOINT ["/mini-redis-collector"]
