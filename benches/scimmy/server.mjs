// What `make bench` holds the SCIM server beside: scimmy's own resource type, users in a Map, and Node's
// plain HTTP server in front. It does no more than the rows need: POST, one user by id, pages.

import http from "node:http";
import { randomUUID } from "node:crypto";
import SCIMMY from "scimmy";

const TOKEN = process.env.SCIM_TOKEN;
const users = new Map();
const names = new Set();

const shown = ({ id, user, created }) => ({ ...user, id, meta: { created, lastModified: created } });

SCIMMY.Resources.declare(SCIMMY.Resources.User)
    .ingress((resource, instance) => {
        const name = instance.userName.toLowerCase();
        if (names.has(name)) throw new SCIMMY.Types.Error(409, "uniqueness", "userName is taken");
        const kept = { id: randomUUID(), user: JSON.parse(JSON.stringify(instance)), created: new Date() };
        users.set(kept.id, kept);
        names.add(name);
        return shown(kept);
    })
    .egress(resource => {
        if (resource.id) {
            const kept = users.get(resource.id);
            if (!kept) throw new SCIMMY.Types.Error(404, null, "no such user");
            return shown(kept);
        }
        // As a database would: only the page is made, the others are holes, which count and cost nothing.
        const { startIndex = 1, count = 100 } = resource.constraints ?? {};
        const page = new Array(users.size);
        let index = 0;
        for (const kept of users.values()) {
            if (index >= startIndex - 1 + count) break;
            if (index >= startIndex - 1) page[index] = shown(kept);
            index += 1;
        }
        return page;
    });

const answer = (response, status, body) => {
    const text = JSON.stringify(body);
    const length = Buffer.byteLength(text);
    response.writeHead(status, { "content-type": "application/scim+json", "content-length": length });
    response.end(text);
};

const server = http.createServer(async (request, response) => {
    try {
        if (request.headers.authorization !== `Bearer ${TOKEN}`) return answer(response, 401, {});
        const url = new URL(request.url, "http://x");
        const id = url.pathname.match(/^\/scim\/v2\/Users\/([^/]+)$/)?.[1];
        if (request.method === "POST") {
            let text = "";
            for await (const chunk of request) text += chunk;
            return answer(response, 201, await new SCIMMY.Resources.User().write(JSON.parse(text)));
        }
        const query = Object.fromEntries(url.searchParams);
        for (const name of ["startIndex", "count"]) if (name in query) query[name] = Number(query[name]);
        return answer(response, 200, await new SCIMMY.Resources.User(id, query).read());
    } catch (error) {
        answer(response, error.status ?? 500, { detail: error.message });
    }
});
server.keepAliveTimeout = 600_000;
server.listen(0, "127.0.0.1", () => {
    console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` }));
});
