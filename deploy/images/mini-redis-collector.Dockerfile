# The project's OpenTelemetry Collector distribution. Entrypoint and user are those of the official
# contrib image. It only copies binaries that `task dist` has cross-compiled, so that the build
# needs no registry.
FROM scratch
ARG TARGETARCH
LABEL org.opencontainers.image.title="mini-redis-collector" org.opencontainers.image.licenses="MIT"
COPY ${TARGETARCH}/mini-redis-collector /mini-redis-collector
USER 10001:10001
EXPOSE 4317 4318 13133
ENTRYPOINT ["/mini-redis-collector"]
