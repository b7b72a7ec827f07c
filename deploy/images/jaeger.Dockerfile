# A stand-in for docker.io/jaegertracing/jaeger where no registry can be reached: the same program from its Go module,
# with the official image's entrypoint, paths and user. It has a placeholder in place of the web UI, which is not in the module.
FROM scratch
ARG TARGETARCH
LABEL org.opencontainers.image.title="jaeger (stand-in)" org.opencontainers.image.licenses="Apache-2.0"
ENV JAEGER_LISTEN_HOST=0.0.0.0
COPY ${TARGETARCH}/jaeger /cmd/jaeger/jaeger-linux
VOLUME ["/tmp"]
EXPOSE 4317 4318 13133 16686
USER 10001
ENTRYPOINT ["/cmd/jaeger/jaeger-linux"]
