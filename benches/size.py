"""The sizes of the release function, and the crates in its tree."""

import io
import subprocess
import zipfile
from pathlib import Path

BOOTSTRAP = Path(__file__).resolve().parents[1] / "target/release/bootstrap"
TREE = "cargo tree --locked --edges normal --no-default-features --features aws --prefix none"


def mebibytes(size):
    return f"{size / 1024 / 1024:5.2f}  MiB"


archive = io.BytesIO()
with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
    package.write(BOOTSTRAP, "bootstrap")
tree = subprocess.run(TREE.split(), check=True, capture_output=True, text=True).stdout
crates = {tuple(line.split()[:2]) for line in tree.splitlines() if line}

print(f"{mebibytes(BOOTSTRAP.stat().st_size)}, the stripped release binary")
print(f"{mebibytes(len(archive.getvalue()))}, zipped")
print(f"{len(crates) - 1:5}  crates in the function's tree, itself aside")
