# A stand-in for docker.io/prom/prometheus where no registry can be reached: the same program from its Go module, with the
# official image's entrypoint, paths and user (nobody, by its number: there is no /etc/passwd here). It has no web UI, which
# is not in the module, and discovers no targets but static ones.
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
