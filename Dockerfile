# One image for every service; the command chooses which (see docker-compose.yml). There is no build step: Node runs the
# TypeScript sources. The tree is copied as it is, since Node strips types only outside node_modules.

FROM node:24-bookworm-slim AS packages
WORKDIR /app
RUN npm install --global --no-audit --no-fund pnpm@12.21.0
# These two files alone say what is downloaded, so a change of source does not download anything again.
COPY pnpm-lock.yaml pnpm-workspace.yaml ./
RUN pnpm fetch --prod
COPY . .
RUN pnpm install --prod --frozen-lockfile --offline

FROM node:24-bookworm-slim
ENV NODE_ENV=production
# Owned by the user that runs, so that a fresh volume mounted on one of them is writable by it and by nobody else.
RUN for folder in redis decider gateway holds preferences voter voter-passphrase grafana demo; do \
      install -d -o node -g node -m 0700 "/var/lib/quorum/secrets/$folder"; \
    done \
    && install -d -o node -g node -m 0700 /var/lib/quorum/redis /var/lib/quorum/evidence \
      /var/lib/quorum/prometheus /var/lib/quorum/grafana
WORKDIR /app
# Owned by root: a service cannot change its own code.
COPY --from=packages /app ./
USER node
