# A stand-in for docker.io/prom/prometheus for use without a registry: the same program, built from
# its Go module, with the official image's entrypoint, paths and user ("nobody" by its ID 65534,
# because the image has no /etc/passwd). It lacks the web UI, which is not in the Go module, and
# every service discovery except static targets.
FROM scratch
ARG TARGETARCH
LABEL org.opencontainers.image.title="prometheus (stand-in)" org.opencontainers.image.licenses="Apache-2.0"
COPY ${TARGETARCH}/prometheus /bin/prometheus
WORKDIR /prometheus
VOLUME ["/prometheus"]
EXPOSE 9090
USER 65534
ENTRYPOINT ["/bin/prometheus"]
CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
