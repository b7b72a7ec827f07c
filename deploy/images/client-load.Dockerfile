# The load generator.
# It only copies binaries that `task dist` has cross-compiled, so that the build needs no registry.
FROM scratch
ARG TARGETARCH
LABEL org.opencontainers.image.title="client-load" org.opencontainers.image.licenses="MIT"
COPY ${TARGETARCH}/client-load /client-load
USER 65532:65532
ENTRYPOINT ["/client-load"]
