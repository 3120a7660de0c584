#!/usr/bin/env bash
# Package:   scimmy 1.3.5 (npm), on Node 20.
# Behaviour: a ListResponse that is given one page of a list, with totalResults and the startIndex of that page, cuts the
#            page once more: of the users b and c, which are the page from 2 on, only c is left. totalResults stays 5.
# One would have guessed: that what comes with a totalResults of its own is a page already, and is passed on as it is.
# Matters here: a server that pages in its database and answers by this library gives clients pages that are too short, and
#            an import that counts on by itemsPerPage skips people. Whoever compares servers must begin pages where the
#            second cut takes nothing away, or hand over the whole list.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --save-exact scimmy@1.3.5 > /dev/null
cat > page.mjs <<'JS'
import SCIMMY from "scimmy";

const people = ["a", "b", "c", "d", "e"].map((id) => ({ id, userName: id }));
const told = (resources, parameters) => {
    const page = new SCIMMY.Messages.ListResponse(resources, parameters);
    return `${page.Resources.map(({ id }) => id).join(" ")} of ${page.totalResults}`;
};
const from = { startIndex: 2, itemsPerPage: 2 };
console.log(`the whole list: ${told(people, from)}`);
console.log(`the page alone: ${told(people.slice(1, 3), { ...from, totalResults: 5 })}`);
JS
node page.mjs > seen
cat seen
diff - seen <<'SEEN'
the whole list: b c of 5
the page alone: c of 5
SEEN
echo "as it was"
