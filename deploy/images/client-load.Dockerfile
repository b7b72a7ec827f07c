# Load.
# Only copies: the binaries are cross-compiled into dist/ before (task dist), so that this builds without any registry.
FROM scratch
ARG TARGETARCH
LABEL org.opencontainers.image.title="client-load" org.opencontainers.image.licenses="MIT"
COPY ${TARGETARCH}/client-load /client-load
USER 65532:65532
ENTRYPOINT ["/client-load"]
