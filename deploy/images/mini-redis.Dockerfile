# The server.
# It only copies binaries that `task dist` has cross-compiled, so that the build needs no registry.
FROM scratch
ARG TARGETARCH
LABEL org.opencontainers.image.title="mini-redis" org.opencontainers.image.licenses="MIT"
COPY ${TARGETARCH}/mini-redis /mini-redis
USER 65532:65532
EXPOSE 6379 9121
ENTRYPOINT ["/mini-redis"]
