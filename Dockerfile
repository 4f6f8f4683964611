# syntax=docker/dockerfile:1
# Build: docker build -t secretary .
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN install -D "$(scripts/build-static)" /out/usr/bin/secretary \
    && install -D /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ca-certificates.crt \
    && echo 'nobody:x:65534:65534:nobody:/:/usr/bin/secretary' > /out/etc/passwd

# Nothing but the static program, CA roots and a user that is not root. For an image of your own,
# COPY --from=secretary /usr/bin/secretary /usr/bin/secretary
FROM scratch
COPY --from=build /out/ /
USER 65534:65534
ENTRYPOINT ["secretary", "exec", "--"]
