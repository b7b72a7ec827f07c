# A stand-in for docker.io/jaegertracing/jaeger for use without a registry: the same program, built
# from its Go module, with the official image's entrypoint, paths and user. The web UI is not in the
# Go module; a placeholder page takes its place.
FROM scratch
ARG TARGETARCH
LABEL org.opencontainers.image.title="jaeger (stand-in)" org.opencontainers.image.licenses="Apache-2.0"
ENV JAEGER_LISTEN_HOST=0.0.0.0
COPY ${TARGETARCH}/jaeger /cmd/jaeger/jaeger-linux
VOLUME ["/tmp"]
EXPOSE 4317 4318 13133 16686
USER 10001
ENTRYPOINT ["/cmd/jaeger/jaeger-linux"]
