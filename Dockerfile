# Targets: `gate` (the default), and `sample-pod`, a WebSocket server to try the gate with.

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json tsconfig.client.json ./
COPY dashboard dashboard
COPY lab lab
COPY proto proto
COPY scripts scripts
COPY setup setup
COPY src src
RUN npm run build

FROM build AS sample-pod
USER node
EXPOSE 8080
CMD ["node", "scripts/pod.ts"]

FROM build AS production
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24-bookworm-slim AS gate
ENV NODE_ENV=production
WORKDIR /app
COPY --from=production /app/package.json ./
COPY --from=production /app/node_modules ./node_modules
COPY --from=production /app/proto ./proto
COPY --from=production /app/dist ./dist
COPY wsgate.example.yaml ./
USER node
# Nothing but loopback unless told so: WSGATE_LISTEN_GRPC, which then needs TLS or WSGATE_LISTEN_INSECURE=true, and
# WSGATE_LISTEN_HTTP, which then needs WSGATE_HTTP_TOKENS.
EXPOSE 7070 7071
# For a WSGATE_LISTEN_HTTP on another port, override this as well.
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:7071/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/app/dist/main.js"]
CMD ["serve"]
