"""The function's bill of materials, CycloneDX 1.6, from the lines of `cargo tree` that the command in
the arguments prints. From cargo tree, since cargo metadata takes for the function's what its tests
alone switch on."""

import json, subprocess, sys, tomllib
from urllib.parse import quote

tree = subprocess.run(sys.argv[1:], check=True, stdout=subprocess.PIPE, text=True).stdout
with open("Cargo.lock", "rb") as lock:
    locked = tomllib.load(lock)["package"]
sums = {(one["name"], one["version"]): one.get("checksum") for one in locked}
parts, needs, above = {}, {}, []
for line in tree.splitlines():
    depth, crate, license = line.removesuffix(" (*)").split("|")
    name, version = crate.split()[0], crate.split()[1].removeprefix("v")
    ref = f"pkg:cargo/{name}@{quote(version)}"
    above[int(depth):] = [ref]
    needs.setdefault(ref, set())
    if above[:-1]:
        needs[above[-2]].add(ref)
    expression = " OR ".join(map(str.strip, license.split("/")))
    parts[ref] = {
        "type": "library" if above[:-1] else "application",
        "bom-ref": ref, "name": name, "version": version, "purl": ref,
        "licenses": [{"expression": expression}],
    }
    if sums[name, version]:
        parts[ref]["hashes"] = [{"alg": "SHA-256", "content": sums[name, version]}]
itself = parts.pop(next(iter(parts)))
bill = {
    "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
    "metadata": {"component": itself},
    "components": [parts[ref] for ref in sorted(parts)],
    "dependencies": [{"ref": ref, "dependsOn": sorted(needs[ref])} for ref in sorted(needs)],
}
with open("target/sbom.json", "w") as file:
    file.write(json.dumps(bill, indent=2) + "\n")
