# The command line client and stack-check, which `helm test` runs.
# It only copies binaries that `task dist` has cross-compiled, so that the build needs no registry.
FROM scratch
ARG TARGETARCH
LABEL org.opencontainers.image.title="mini-redis-cli" org.opencontainers.image.licenses="MIT"
COPY ${TARGETARCH}/mini-redis-cli ${TARGETARCH}/stack-check /
USER 65532:65532
ENTRYPOINT ["/mini-redis-cli"]
