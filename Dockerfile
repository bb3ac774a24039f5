# syntax=docker/dockerfile:1
# One image with both programs: countersign (the gateway and its commands) and ehrsim (the EHR simulator for trials).
# Pin GO_IMAGE and RUN_IMAGE by digest in a release: --build-arg RUN_IMAGE=gcr.io/distroless/static-debian12@sha256:…
ARG GO_IMAGE=golang:1.26-bookworm
ARG RUN_IMAGE=gcr.io/distroless/static-debian12:nonroot

FROM ${GO_IMAGE} AS build
WORKDIR /src
# Modules first: they change less often than the code.
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
# By name, so that data, keys and the .git folder of a working copy never reach a layer.
COPY review review
COPY notegen notegen
COPY adapters adapters
COPY api api
COPY proto proto
COPY internal internal
COPY cmd cmd
ARG VERSION=dev
# CGO_ENABLED=0: the SQLite driver is pure Go, and the run image has no libc.
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=${VERSION}" -o /out/ ./cmd/countersign ./cmd/ehrsim
# The run image has no shell to make these with. 65532 is distroless' user nonroot.
RUN mkdir -p /out/data /out/keys && chmod 0700 /out/data /out/keys

FROM ${RUN_IMAGE}
ARG VERSION=dev
LABEL org.opencontainers.image.title="countersign" \
      org.opencontainers.image.description="Ambient documentation write-back gateway" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=build /out/countersign /out/ehrsim /usr/local/bin/
COPY --from=build --chown=65532:65532 /out/data /var/lib/countersign
COPY --from=build --chown=65532:65532 /out/keys /var/lib/countersign-keys
USER 65532:65532
WORKDIR /var/lib/countersign
# Keys have a volume of their own: they are backed up apart from the data.
VOLUME ["/var/lib/countersign", "/var/lib/countersign-keys"]
# gRPC for devices; HTTP for the review page and the JSON API.
EXPOSE 7443 7480
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["/usr/local/bin/countersign", "health", "--addr", "127.0.0.1:7480"]
ENTRYPOINT ["/usr/local/bin/countersign"]
CMD ["serve", "--config", "/etc/countersign/countersign.yaml"]
